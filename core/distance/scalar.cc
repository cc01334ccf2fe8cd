// Portable kernels: plain C++ with four partial sums each. The fallback, and the second opinion that the
// differential tests compare the others with.
#include <bit>
#include <cmath>
#include <cstring>

#include "distance/kernels.h"

namespace omendb::scalar {
namespace {

// Sum of Term(a_i, b_i) over four partial sums: independent chains, and less rounding than one.
template <typename Sum, typename Left, typename Right, typename Term>
Sum Fold(const Left* a, const Right* b, size_t count, Term term) {
  Sum sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) sums[lane] += term(a[i + lane], b[i + lane]);
  }
  for (; i < count; ++i) sums[0] += term(a[i], b[i]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

float SquaredL2F32(const float* a, const float* b, size_t count) {
  return Fold<float>(a, b, count, [](float x, float y) { return (x - y) * (x - y); });
}

float DotF32(const float* a, const float* b, size_t count) {
  return Fold<float>(a, b, count, [](float x, float y) { return x * y; });
}

float L1F32(const float* a, const float* b, size_t count) {
  return Fold<float>(a, b, count, [](float x, float y) { return std::fabs(x - y); });
}

int32_t DotI16I8(const int16_t* a, const int8_t* b, size_t count) {
  return Fold<int32_t>(a, b, count, [](int32_t x, int32_t y) { return x * y; });
}

void DotI16I8X4(const int16_t* a, const int8_t* const b[4], size_t count, int32_t dots[4]) {
  for (size_t row = 0; row < 4; ++row) dots[row] = DotI16I8(a, b[row], count);
}

int32_t DotI8(const int8_t* a, const int8_t* b, size_t count) {
  return Fold<int32_t>(a, b, count, [](int32_t x, int32_t y) { return x * y; });
}

int32_t SquaredL2I8(const int8_t* a, const int8_t* b, size_t count) {
  return Fold<int32_t>(a, b, count, [](int32_t x, int32_t y) { return (x - y) * (x - y); });
}

int32_t L1I8(const int8_t* a, const int8_t* b, size_t count) {
  return Fold<int32_t>(a, b, count, [](int32_t x, int32_t y) { return x < y ? y - x : x - y; });
}

// The code of dimension `d` of `count`, as kernels.h lays them out.
template <uint32_t kBits>
uint32_t CodeAt(const uint8_t* row, size_t d, size_t count) {
  if (kBits == 7) return row[d];
  size_t block_dimensions = 128 / kBits;
  size_t start = d / block_dimensions * block_dimensions;
  size_t lanes = 16;
  if (start + block_dimensions > count) lanes = 8;
  const size_t within = d - start;
  const uint8_t byte = row[start * kBits / 8 + within % lanes];
  return static_cast<uint32_t>(byte >> (within / lanes * kBits)) & ((1U << kBits) - 1);
}

template <uint32_t kBits>
void DotI8CodesX4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  for (size_t row = 0; row < 4; ++row) {
    dots[row] = 0;
    for (size_t d = 0; d < count; ++d) {
      dots[row] += query[d] * static_cast<int32_t>(CodeAt<kBits>(rows[row], d, count));
    }
  }
}

// The half's exponent and mantissa where a float has them. Normal numbers need another bias, infinities and
// NaNs all exponent bits; what is left is a multiple of 2^-24, made a normal number by an exponent that is
// subtracted again.
float FromHalf(uint32_t half) {
  const uint32_t sign = (half & 0x8000U) << 16;
  const uint32_t rest = (half & 0x7fffU) << 13;
  uint32_t bits = rest + (112U << 23);
  if (rest >= 0x7c00U << 13) bits |= 0x7f800000U;
  if (rest < 1U << 23) bits = std::bit_cast<uint32_t>(std::bit_cast<float>(rest + (113U << 23)) - 0x1p-14F);
  return std::bit_cast<float>(bits | sign);
}

void WidenF16(const uint8_t* halves, size_t count, float* floats) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, halves + 2 * i, sizeof(half));
    floats[i] = FromHalf(half);
  }
}

void WidenI8(const uint8_t* bytes, size_t count, float* floats) {
  for (size_t i = 0; i < count; ++i) floats[i] = static_cast<float>(static_cast<int8_t>(bytes[i]));
}

void WidenBits(const uint8_t* bits, size_t count, float* floats) {
  for (size_t i = 0; i < count; ++i) floats[i] = static_cast<float>(bits[i / 8] >> (i % 8) & 1);
}

}  // namespace

const KernelSet kKernels = {"scalar",        SquaredL2F32,    DotF32,          L1F32,    DotI16I8,
                            DotI16I8X4,      DotI8,           SquaredL2I8,     L1I8,     DotI8CodesX4<1>,
                            DotI8CodesX4<2>, DotI8CodesX4<4>, DotI8CodesX4<7>, WidenF16, WidenI8,
                            WidenBits};

}  // namespace omendb::scalar
