// WebAssembly SIMD128 kernels.
#if defined(__wasm_simd128__)

#include <wasm_simd128.h>

#include <cmath>
#include <cstring>

#include "distance/kernels.h"
#include "distance/simd128_codes.h"
#include "distance/simd128_fold.h"

namespace omendb::simd128 {
namespace {

struct SquaredDifference {
  static v128_t Add(v128_t sum, v128_t a, v128_t b) {
    v128_t difference = wasm_f32x4_sub(a, b);
    return wasm_f32x4_add(sum, wasm_f32x4_mul(difference, difference));
  }
  static float Term(float a, float b) { return (a - b) * (a - b); }
};

struct Product {
  static v128_t Add(v128_t sum, v128_t a, v128_t b) { return wasm_f32x4_add(sum, wasm_f32x4_mul(a, b)); }
  static float Term(float a, float b) { return a * b; }
};

struct AbsoluteDifference {
  static v128_t Add(v128_t sum, v128_t a, v128_t b) {
    return wasm_f32x4_add(sum, wasm_f32x4_abs(wasm_f32x4_sub(a, b)));
  }
  static float Term(float a, float b) { return std::fabs(a - b); }
};

int32_t SumLanes(v128_t sums_i32x4) {
  v128_t pairs = wasm_i32x4_add(sums_i32x4, wasm_i32x4_shuffle(sums_i32x4, sums_i32x4, 2, 3, 0, 1));
  return wasm_i32x4_extract_lane(pairs, 0) + wasm_i32x4_extract_lane(pairs, 1);
}

// Op::Terms(a, b) gives four i32 sums of two terms each from eight i16 of both sides. Load widens eight
// elements of a's type (b is always i8: a widening load costs no more than a plain one).
template <typename Op, typename Left>
int32_t FoldI16x8(const Left* a, const int8_t* b, size_t count) {
  v128_t sum0_i32x4 = wasm_i32x4_const_splat(0);
  v128_t sum1_i32x4 = sum0_i32x4;
  v128_t sum2_i32x4 = sum0_i32x4;
  v128_t sum3_i32x4 = sum0_i32x4;
  auto terms = [a, b](size_t i) {
    v128_t a_i16x8;
    if constexpr (sizeof(Left) == 2) {
      a_i16x8 = wasm_v128_load(a + i);
    } else {
      a_i16x8 = wasm_i16x8_load8x8(a + i);
    }
    return Op::Terms(a_i16x8, wasm_i16x8_load8x8(b + i));
  };
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    sum0_i32x4 = wasm_i32x4_add(sum0_i32x4, terms(i));
    sum1_i32x4 = wasm_i32x4_add(sum1_i32x4, terms(i + 8));
    sum2_i32x4 = wasm_i32x4_add(sum2_i32x4, terms(i + 16));
    sum3_i32x4 = wasm_i32x4_add(sum3_i32x4, terms(i + 24));
  }
  for (; i + 8 <= count; i += 8) sum0_i32x4 = wasm_i32x4_add(sum0_i32x4, terms(i));
  int32_t sum = SumLanes(
      wasm_i32x4_add(wasm_i32x4_add(sum0_i32x4, sum1_i32x4), wasm_i32x4_add(sum2_i32x4, sum3_i32x4)));
  for (; i < count; ++i) sum += Op::Term(a[i], b[i]);
  return sum;
}

struct IntegerProduct {
  static v128_t Terms(v128_t a_i16x8, v128_t b_i16x8) { return wasm_i32x4_dot_i16x8(a_i16x8, b_i16x8); }
  static int32_t Term(int32_t a, int32_t b) { return a * b; }
};

struct IntegerSquaredDifference {
  static v128_t Terms(v128_t a_i16x8, v128_t b_i16x8) {
    v128_t difference = wasm_i16x8_sub(a_i16x8, b_i16x8);
    return wasm_i32x4_dot_i16x8(difference, difference);
  }
  static int32_t Term(int32_t a, int32_t b) { return (a - b) * (a - b); }
};

struct IntegerAbsoluteDifference {
  static v128_t Terms(v128_t a_i16x8, v128_t b_i16x8) {
    return wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_abs(wasm_i16x8_sub(a_i16x8, b_i16x8)));
  }
  static int32_t Term(int32_t a, int32_t b) { return a < b ? b - a : a - b; }
};

// Bytes by way of 16 bits.
struct WideningDot {
  static constexpr size_t kAddsMax = 1024;
  struct Query {
    v128_t low_i16x8;
    v128_t high_i16x8;
  };
  static Query Load(const int8_t* query) {
    return {wasm_i16x8_load8x8(query), wasm_i16x8_load8x8(query + 8)};
  }
  static Query LoadHalf(const int8_t* query) {
    return {wasm_i16x8_load8x8(query), wasm_i16x8_const_splat(0)};
  }
  static v128_t Zero() { return wasm_i32x4_const_splat(0); }
  static v128_t Add(v128_t sums_i32x4, const Query& query, v128_t codes_u8x16) {
    const v128_t low_i32x4 = wasm_i32x4_dot_i16x8(query.low_i16x8, wasm_u16x8_extend_low_u8x16(codes_u8x16));
    const v128_t high_i32x4 =
        wasm_i32x4_dot_i16x8(query.high_i16x8, wasm_u16x8_extend_high_u8x16(codes_u8x16));
    return wasm_i32x4_add(sums_i32x4, wasm_i32x4_add(low_i32x4, high_i32x4));
  }
  static v128_t Total(v128_t sums_i32x4) { return sums_i32x4; }
};

}  // namespace

float SquaredL2F32(const float* a, const float* b, size_t count) {
  return FoldF32x4<SquaredDifference>(a, b, count);
}

float DotF32(const float* a, const float* b, size_t count) { return FoldF32x4<Product>(a, b, count); }

float L1F32(const float* a, const float* b, size_t count) {
  return FoldF32x4<AbsoluteDifference>(a, b, count);
}

int32_t DotI16I8(const int16_t* a, const int8_t* b, size_t count) {
  return FoldI16x8<IntegerProduct>(a, b, count);
}

void DotI16I8X4(const int16_t* a, const int8_t* const b[4], size_t count, int32_t dots[4]) {
  const int8_t* b0 = b[0];
  const int8_t* b1 = b[1];
  const int8_t* b2 = b[2];
  const int8_t* b3 = b[3];
  v128_t sum0_i32x4 = wasm_i32x4_const_splat(0);
  v128_t sum1_i32x4 = sum0_i32x4;
  v128_t sum2_i32x4 = sum0_i32x4;
  v128_t sum3_i32x4 = sum0_i32x4;
  auto step = [&](size_t i) {
    const v128_t a_i16x8 = wasm_v128_load(a + i);
    sum0_i32x4 = wasm_i32x4_add(sum0_i32x4, wasm_i32x4_dot_i16x8(a_i16x8, wasm_i16x8_load8x8(b0 + i)));
    sum1_i32x4 = wasm_i32x4_add(sum1_i32x4, wasm_i32x4_dot_i16x8(a_i16x8, wasm_i16x8_load8x8(b1 + i)));
    sum2_i32x4 = wasm_i32x4_add(sum2_i32x4, wasm_i32x4_dot_i16x8(a_i16x8, wasm_i16x8_load8x8(b2 + i)));
    sum3_i32x4 = wasm_i32x4_add(sum3_i32x4, wasm_i32x4_dot_i16x8(a_i16x8, wasm_i16x8_load8x8(b3 + i)));
  };
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    step(i);
    step(i + 8);
  }
  if (i + 8 <= count) {
    step(i);
    i += 8;
  }
  dots[0] = SumLanes(sum0_i32x4);
  dots[1] = SumLanes(sum1_i32x4);
  dots[2] = SumLanes(sum2_i32x4);
  dots[3] = SumLanes(sum3_i32x4);
  for (; i < count; ++i) {
    for (size_t row = 0; row < 4; ++row) dots[row] += IntegerProduct::Term(a[i], b[row][i]);
  }
}

int32_t DotI8(const int8_t* a, const int8_t* b, size_t count) {
  return FoldI16x8<IntegerProduct>(a, b, count);
}

int32_t SquaredL2I8(const int8_t* a, const int8_t* b, size_t count) {
  return FoldI16x8<IntegerSquaredDifference>(a, b, count);
}

int32_t L1I8(const int8_t* a, const int8_t* b, size_t count) {
  return FoldI16x8<IntegerAbsoluteDifference>(a, b, count);
}

void DotI8U1X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<WideningDot, 1>(query, rows, count, dots);
}

void DotI8U2X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<WideningDot, 2>(query, rows, count, dots);
}

void DotI8U4X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<WideningDot, 4>(query, rows, count, dots);
}

void DotI8U7X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<WideningDot, 7>(query, rows, count, dots);
}

namespace {

// Four halves in the low bits of their lanes; see FromHalf in scalar.cc.
v128_t FromHalves(v128_t half_u32x4) {
  const v128_t sign = wasm_i32x4_shl(wasm_v128_and(half_u32x4, wasm_i32x4_const_splat(0x8000)), 16);
  const v128_t rest = wasm_i32x4_shl(wasm_v128_and(half_u32x4, wasm_i32x4_const_splat(0x7fff)), 13);
  const v128_t has_no_number = wasm_i32x4_ge(rest, wasm_i32x4_const_splat(0x7c00 << 13));
  const v128_t all_exponent_bits = wasm_v128_and(has_no_number, wasm_i32x4_const_splat(0x7f800000));
  const v128_t normal = wasm_i32x4_add(rest, wasm_i32x4_const_splat(112 << 23));
  const v128_t tiny = wasm_f32x4_sub(wasm_i32x4_add(rest, wasm_i32x4_const_splat(113 << 23)),
                                     wasm_f32x4_const_splat(0x1p-14F));
  const v128_t is_tiny = wasm_i32x4_lt(rest, wasm_i32x4_const_splat(1 << 23));
  const v128_t size = wasm_v128_or(wasm_v128_bitselect(tiny, normal, is_tiny), all_exponent_bits);
  return wasm_v128_or(size, sign);
}

// Calls widen(from, to) with whole blocks of numbers and then, for what is left, with copies that are as
// long.
template <size_t kBlock, size_t kBlockBytes, typename WidenBlock>
void WidenBlocks(const uint8_t* from, size_t count, float* to, WidenBlock widen) {
  for (; count >= kBlock; count -= kBlock, from += kBlockBytes, to += kBlock) widen(from, to);
  if (count == 0) return;
  uint8_t last[kBlockBytes] = {};
  float floats[kBlock];
  std::memcpy(last, from, (count * kBlockBytes + kBlock - 1) / kBlock);
  widen(last, floats);
  std::memcpy(to, floats, count * sizeof(float));
}

}  // namespace

void WidenF16(const uint8_t* halves, size_t count, float* floats) {
  WidenBlocks<4, 8>(halves, count, floats, [](const uint8_t* from, float* to) {
    wasm_v128_store(to, FromHalves(wasm_u32x4_load16x4(from)));
  });
}

void WidenI8(const uint8_t* bytes, size_t count, float* floats) {
  WidenBlocks<8, 8>(bytes, count, floats, [](const uint8_t* from, float* to) {
    const v128_t wide_i16x8 = wasm_i16x8_load8x8(from);
    wasm_v128_store(to, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wide_i16x8)));
    wasm_v128_store(to + 4, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(wide_i16x8)));
  });
}

void WidenBits(const uint8_t* bits, size_t count, float* floats) {
  WidenBlocks<8, 1>(bits, count, floats, [](const uint8_t* from, float* to) {
    const v128_t byte = wasm_i32x4_splat(*from);
    const v128_t low = wasm_i32x4_const(1, 2, 4, 8);
    const v128_t high = wasm_i32x4_const(16, 32, 64, 128);
    const v128_t one = wasm_f32x4_const_splat(1);
    wasm_v128_store(to, wasm_v128_and(one, wasm_i32x4_eq(wasm_v128_and(byte, low), low)));
    wasm_v128_store(to + 4, wasm_v128_and(one, wasm_i32x4_eq(wasm_v128_and(byte, high), high)));
  });
}

}  // namespace omendb::simd128

#endif  // defined(__wasm_simd128__)
