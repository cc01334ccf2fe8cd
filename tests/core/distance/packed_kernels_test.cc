// The kernels over packed codes of every set against a plain oracle that knows nothing of planes.
#include <algorithm>
#include <functional>
#include <vector>

#include "base/prng.h"
#include "distance/kernels.h"
#include "distance/shifted.h"
#include "gtest/gtest.h"
#include "seed.h"

namespace omendb {
namespace {

constexpr uint32_t kBitCounts[] = {1, 2, 4, 7};
constexpr size_t kCountMax = 1024;

using Kernel = void (*)(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);

Kernel KernelOf(const KernelSet& kernels, uint32_t bits) {
  if (bits == 1) return kernels.dot_i8_u1_x4;
  if (bits == 2) return kernels.dot_i8_u2_x4;
  return bits == 4 ? kernels.dot_i8_u4_x4 : kernels.dot_i8_u7_x4;
}

// Code by code, as distance/kernels.h says where each lies.
std::vector<uint8_t> Pack(const std::vector<uint8_t>& codes, uint32_t bits) {
  if (bits == 7) return codes;
  std::vector<uint8_t> packed(codes.size() * bits / 8);
  const size_t block = 128 / bits;
  for (size_t d = 0; d < codes.size(); ++d) {
    const size_t first = d / block * block;
    const size_t lanes = first + block <= codes.size() ? 16 : 8;
    const size_t plane = (d - first) / lanes;
    packed[first * bits / 8 + (d - first) % lanes] |= static_cast<uint8_t>(codes[d] << (plane * bits));
  }
  return packed;
}

int32_t Oracle(const std::vector<int8_t>& query, const std::vector<uint8_t>& codes) {
  int64_t sum = 0;
  for (size_t d = 0; d < codes.size(); ++d) sum += int64_t{query[d]} * codes[d];
  return static_cast<int32_t>(sum);
}

class PackedKernels : public ::testing::TestWithParam<const KernelSet*> {};

// Four rows that end where their memory does, each at an address of its own.
void ExpectExact(const KernelSet& kernels, uint32_t bits, const std::vector<int8_t>& query,
                 const std::vector<std::vector<uint8_t>>& rows, size_t shift) {
  Shifted<int8_t> left(query, shift);
  std::vector<Shifted<uint8_t>> shifted;
  for (size_t row = 0; row < 4; ++row)
    shifted.emplace_back(Pack(rows[row], bits), (shift * 5 + row * 3) % 16);
  const uint8_t* const kRows[] = {shifted[0].data(), shifted[1].data(), shifted[2].data(), shifted[3].data()};
  int32_t dots[5] = {0, 0, 0, 0, 12345};
  KernelOf(kernels, bits)(left.data(), kRows, query.size(), dots);
  for (size_t row = 0; row < 4; ++row) {
    ASSERT_EQ(dots[row], Oracle(query, rows[row])) << "row " << row << " of " << bits << " bits";
  }
  ASSERT_EQ(dots[4], 12345) << "written past the four";
}

template <typename T>
std::vector<T> Filled(size_t count, const std::function<uint64_t()>& draw) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(draw());
  return values;
}

TEST_P(PackedKernels, AreExactForEveryCount) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (size_t count = 64; count <= kCountMax; count += 64) {
    SCOPED_TRACE(count);
    for (uint32_t bits : kBitCounts) {
      for (uint32_t round = 0; round < 8; ++round) {
        const auto query = Filled<int8_t>(count, [&] { return prng.Next(); });
        std::vector<std::vector<uint8_t>> rows;
        for (size_t row = 0; row < 4; ++row) {
          rows.push_back(Filled<uint8_t>(count, [&] { return prng.Below(1U << bits); }));
        }
        ExpectExact(*GetParam(), bits, query, rows, prng.Below(16));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(PackedKernels, AreExactForExtremeValues) {
  for (size_t count = 64; count <= kCountMax; count += 64) {
    SCOPED_TRACE(count);
    for (uint32_t bits : kBitCounts) {
      const auto greatest = static_cast<uint8_t>((1U << bits) - 1);
      const std::vector<uint8_t> full(count, greatest);
      const std::vector<uint8_t> empty(count, 0);
      std::vector<uint8_t> alternating(count, 0);
      for (size_t d = 0; d < count; d += 2) alternating[d] = greatest;
      std::vector<uint8_t> last(count, 0);
      last.back() = greatest;
      for (int8_t value : {int8_t{-128}, int8_t{127}}) {
        ExpectExact(*GetParam(), bits, std::vector<int8_t>(count, value), {full, empty, alternating, last},
                    1);
      }
      // Signs that alternate, so that sums of pairs neither saturate nor hide.
      std::vector<int8_t> signs(count, -128);
      for (size_t d = 0; d < count; d += 2) signs[d] = 127;
      ExpectExact(*GetParam(), bits, signs, {alternating, full, last, empty}, 3);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(PackedKernels, WeighEveryDimensionWithItsOwnQueryValue) {
  // One code is set, one query value is not 0: a dimension that lies elsewhere would not meet it.
  for (size_t count : {size_t{64}, size_t{128}, size_t{192}, size_t{320}}) {
    for (uint32_t bits : kBitCounts) {
      for (size_t d = 0; d < count; ++d) {
        std::vector<int8_t> query(count, 0);
        query[d] = static_cast<int8_t>(d % 2 == 0 ? -101 : 103);
        std::vector<uint8_t> here(count, 0);
        here[d] = static_cast<uint8_t>((1U << bits) - 1);
        std::vector<uint8_t> elsewhere(count, here[d]);
        elsewhere[d] = 0;
        ExpectExact(*GetParam(), bits, query, {here, elsewhere, elsewhere, here}, 0);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(PackedKernels, StayExactAtTheGreatestDimensions) {
  constexpr size_t kCount = 16384;
  for (uint32_t bits : kBitCounts) {
    const std::vector<uint8_t> full(kCount, static_cast<uint8_t>((1U << bits) - 1));
    for (int8_t value : {int8_t{-128}, int8_t{127}}) {
      ExpectExact(*GetParam(), bits, std::vector<int8_t>(kCount, value), {full, full, full, full}, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Available, PackedKernels,
                         ::testing::ValuesIn(AvailableKernelSets().begin(), AvailableKernelSets().end()),
                         NameOfSet);

}  // namespace
}  // namespace omendb
