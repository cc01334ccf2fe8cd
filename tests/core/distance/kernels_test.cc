// Every kernel set against a double-precision (or 64-bit integer) oracle.
#include "distance/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/prng.h"
#include "distance/shifted.h"
#include "gtest/gtest.h"
#include "seed.h"

namespace omendb {
namespace {

std::vector<size_t> Lengths() {
  std::vector<size_t> lengths;
  for (size_t length = 0; length <= 130; ++length) lengths.push_back(length);
  for (size_t length : {size_t{384}, size_t{768}, size_t{1536}, size_t{4096}, size_t{16384}})
    lengths.push_back(length);
  return lengths;
}

enum class Values : uint8_t { kUniform, kOffset, kMixedScale, kHuge, kTiny, kZero };
constexpr Values kAllValues[] = {Values::kUniform, Values::kOffset, Values::kMixedScale,
                                 Values::kHuge,    Values::kTiny,   Values::kZero};

float Draw(Prng& prng, Values values, size_t length) {
  auto uniform = static_cast<float>(prng.Uniform() * 2 - 1);
  switch (values) {
    case Values::kUniform:
      return uniform;
    case Values::kOffset:
      return 1000 + uniform;
    case Values::kMixedScale:
      return uniform * std::pow(10.0F, static_cast<float>(prng.Below(13)) - 6);
    case Values::kHuge:  // a vector of the greatest norm allowed
      return uniform * 4.6e18F / std::sqrt(static_cast<float>(length));
    case Values::kTiny:  // products underflow to denormal numbers and to zero
      return uniform * 1e-22F;
    case Values::kZero:
      break;
  }
  return 0;
}

struct Oracle {
  double sum = 0;
  double magnitude = 0;
};

template <typename Term>
Oracle Exact(const std::vector<float>& a, const std::vector<float>& b, Term term) {
  Oracle oracle;
  for (size_t i = 0; i < a.size(); ++i) {
    double value = term(double{a[i]}, double{b[i]});
    oracle.sum += value;
    oracle.magnitude += std::fabs(value);
  }
  return oracle;
}

void ExpectWithinBound(float found, const Oracle& oracle, size_t count, const std::string& what) {
  auto n = static_cast<double>(count);
  double bound = (n + 2) * 0x1p-23 * oracle.magnitude + n * 0x1p-149;
  ASSERT_TRUE(std::isfinite(found)) << what;
  ASSERT_LE(std::fabs(double{found} - oracle.sum), bound) << what << ": " << found << " for " << oracle.sum;
}

class KernelSets : public ::testing::TestWithParam<const KernelSet*> {};

TEST_P(KernelSets, FloatSumsStayWithinTheStatedBound) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  const KernelSet& kernels = *GetParam();
  for (size_t length : Lengths()) {
    for (Values values : kAllValues) {
      std::vector<float> a(length);
      std::vector<float> b(length);
      for (float& value : a) value = Draw(prng, values, length);
      for (float& value : b) value = Draw(prng, values, length);
      Shifted<float> left(a, 4 * prng.Below(4));
      Shifted<float> right(b, 4 * prng.Below(4));
      std::string what =
          std::to_string(length) + " values of kind " + std::to_string(static_cast<int>(values));
      ExpectWithinBound(kernels.squared_l2_f32(left.data(), right.data(), length),
                        Exact(a, b, [](double x, double y) { return (x - y) * (x - y); }), length,
                        "l2, " + what);
      ExpectWithinBound(kernels.dot_f32(left.data(), right.data(), length),
                        Exact(a, b, [](double x, double y) { return x * y; }), length, "dot, " + what);
      ExpectWithinBound(kernels.l1_f32(left.data(), right.data(), length),
                        Exact(a, b, [](double x, double y) { return std::fabs(x - y); }), length,
                        "l1, " + what);
      ASSERT_EQ(kernels.squared_l2_f32(left.data(), left.data(), length), 0.0F) << what;
      ASSERT_EQ(kernels.l1_f32(left.data(), left.data(), length), 0.0F) << what;
    }
  }
}

template <typename Left, typename Term>
int64_t ExactSum(const std::vector<Left>& a, const std::vector<int8_t>& b, Term term) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += term(int64_t{a[i]}, int64_t{b[i]});
  return sum;
}

void ExpectExactI8(const KernelSet& kernels, const std::vector<int8_t>& a, const std::vector<int8_t>& b,
                   size_t shift) {
  Shifted<int8_t> left(a, shift);
  Shifted<int8_t> right(b, (shift * 7 + 3) % 16);
  size_t count = a.size();
  ASSERT_EQ(kernels.dot_i8(left.data(), right.data(), count),
            ExactSum(a, b, [](int64_t x, int64_t y) { return x * y; }));
  ASSERT_EQ(kernels.squared_l2_i8(left.data(), right.data(), count),
            ExactSum(a, b, [](int64_t x, int64_t y) { return (x - y) * (x - y); }));
  ASSERT_EQ(kernels.l1_i8(left.data(), right.data(), count),
            ExactSum(a, b, [](int64_t x, int64_t y) { return std::abs(x - y); }));
}

TEST_P(KernelSets, ByteSumsAreExact) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  const KernelSet& kernels = *GetParam();
  for (size_t length : Lengths()) {
    SCOPED_TRACE(length);
    std::vector<int8_t> a(length);
    std::vector<int8_t> b(length);
    for (int8_t& value : a) value = static_cast<int8_t>(prng.Next());
    for (int8_t& value : b) value = static_cast<int8_t>(prng.Next());
    ExpectExactI8(kernels, a, b, prng.Below(16));
    const int8_t kExtremes[] = {-128, 127};
    for (int8_t left : kExtremes) {
      for (int8_t right : kExtremes) {
        ExpectExactI8(kernels, std::vector<int8_t>(length, left), std::vector<int8_t>(length, right), 1);
      }
    }
  }
}

void ExpectExactI16(const KernelSet& kernels, const std::vector<int16_t>& a, const std::vector<int8_t>& b,
                    size_t shift) {
  Shifted<int16_t> left(a, shift * 2);
  Shifted<int8_t> right(b, (shift * 7 + 3) % 16);
  auto product = [](int64_t x, int64_t y) { return x * y; };
  ASSERT_EQ(kernels.dot_i16_i8(left.data(), right.data(), a.size()), ExactSum(a, b, product));

  // Four different rows, so that none can stand in for another.
  std::vector<std::vector<int8_t>> rows(4, b);
  for (size_t row = 1; row < 4; ++row)
    std::rotate(rows[row].begin(), rows[row].begin() + static_cast<std::ptrdiff_t>(row % (b.size() + 1)),
                rows[row].end());
  Shifted<int8_t> shifted[] = {{rows[0], 0}, {rows[1], shift}, {rows[2], 5}, {rows[3], 11}};
  const int8_t* const kRows[] = {shifted[0].data(), shifted[1].data(), shifted[2].data(), shifted[3].data()};
  int32_t dots[4] = {};
  kernels.dot_i16_i8_x4(left.data(), kRows, a.size(), dots);
  for (size_t row = 0; row < 4; ++row) ASSERT_EQ(dots[row], ExactSum(a, rows[row], product)) << "row " << row;
}

TEST_P(KernelSets, WideByNarrowProductsAreExact) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  const KernelSet& kernels = *GetParam();
  for (size_t length : Lengths()) {
    SCOPED_TRACE(length);
    // As large as the contract allows: 128 * sum|a_i| < 2^31.
    size_t share = length == 0 ? 0 : ((size_t{1} << 24) - 1) / length;
    auto greatest = static_cast<int16_t>(share > 32767 ? 32767 : share);
    std::vector<int16_t> a(length);
    std::vector<int8_t> b(length);
    for (int16_t& value : a) {
      value = static_cast<int16_t>(
          static_cast<int32_t>(prng.Below(2U * static_cast<uint32_t>(greatest) + 1)) - greatest);
    }
    for (int8_t& value : b) value = static_cast<int8_t>(prng.Next());
    ExpectExactI16(kernels, a, b, prng.Below(8));
    for (int8_t narrow : {int8_t{-128}, int8_t{127}}) {
      ExpectExactI16(kernels, std::vector<int16_t>(length, greatest), std::vector<int8_t>(length, narrow), 1);
      ExpectExactI16(kernels, std::vector<int16_t>(length, static_cast<int16_t>(-greatest)),
                     std::vector<int8_t>(length, narrow), 3);
    }
  }
  std::vector<int16_t> lowest(500, -32768);
  ExpectExactI16(kernels, lowest, std::vector<int8_t>(500, -128), 0);
}

// By the definition of binary16, in double.
double HalfValue(uint32_t half) {
  const double sign = (half & 0x8000U) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(half >> 10 & 0x1fU);
  const double digits = half & 0x3ffU;
  if (exponent == 0) return sign * std::ldexp(digits, -24);
  if (exponent < 31) return sign * std::ldexp(1024 + digits, exponent - 25);
  return digits == 0 ? sign * std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::quiet_NaN();
}

TEST_P(KernelSets, EveryHalfBecomesTheFloatThatItIs) {
  // In every lane of a vector, and where fewer are left than a vector has.
  for (size_t length : {size_t{1}, size_t{3}, size_t{7}, size_t{8}, size_t{65536}}) {
    std::vector<uint16_t> halves(65536 + length);
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
    for (size_t first = 0; first < 65536; first += length) {
      const Shifted<uint16_t> from({halves.begin() + static_cast<std::ptrdiff_t>(first),
                                    halves.begin() + static_cast<std::ptrdiff_t>(first + length)},
                                   1);
      std::vector<float> floats(length + 1, -7);
      const void* start = from.data();
      GetParam()->widen_f16(static_cast<const uint8_t*>(start), length, floats.data());
      ASSERT_EQ(floats[length], -7) << "written past the end";
      for (size_t i = 0; i < length; ++i) {
        const double expected = HalfValue(halves[first + i]);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(floats[i])) << halves[first + i];
        } else {
          ASSERT_EQ(double{floats[i]}, expected) << halves[first + i];
          ASSERT_EQ(std::signbit(floats[i]), std::signbit(expected)) << halves[first + i];
        }
      }
    }
  }
}

TEST_P(KernelSets, BytesAndBitsBecomeTheFloatsThatTheyAre) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  const KernelSet& kernels = *GetParam();
  for (size_t length : Lengths()) {
    SCOPED_TRACE(length);
    std::vector<uint8_t> bytes(length);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(prng.Next());
    if (length > 2) bytes[length / 2] = 0x80;
    const Shifted<uint8_t> numbers(bytes, prng.Below(16));
    std::vector<float> floats(length + 1, -7);
    kernels.widen_i8(numbers.data(), length, floats.data());
    for (size_t i = 0; i < length; ++i) {
      ASSERT_EQ(floats[i], static_cast<float>(static_cast<int8_t>(bytes[i])));
    }
    ASSERT_EQ(floats[length], -7) << "written past the end";
    bytes.resize((length + 7) / 8);
    const Shifted<uint8_t> bits(bytes, prng.Below(16));
    kernels.widen_bits(bits.data(), length, floats.data());
    for (size_t i = 0; i < length; ++i) ASSERT_EQ(floats[i], (bytes[i / 8] >> i % 8 & 1) != 0 ? 1.0F : 0.0F);
    ASSERT_EQ(floats[length], -7) << "written past the end";
  }
}

INSTANTIATE_TEST_SUITE_P(Available, KernelSets,
                         ::testing::ValuesIn(AvailableKernelSets().begin(), AvailableKernelSets().end()),
                         NameOfSet);

TEST(Dispatch, ChoosesTheLastAvailableSet) {
  std::span<const KernelSet* const> sets = AvailableKernelSets();
  EXPECT_STREQ(sets.front()->name, "scalar");
  EXPECT_STREQ(Kernels().name, sets.back()->name);
#if defined(__wasm_relaxed_simd__)
  EXPECT_STREQ(Kernels().name, "relaxed-simd");
#elif defined(__wasm_simd128__)
  EXPECT_STREQ(Kernels().name, "simd128");
#endif
}

}  // namespace
}  // namespace omendb
