#include "quantize/rotation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "allocation_faults.h"
#include "base/prng.h"
#include "gtest/gtest.h"
#include "quantize/quantizer_rows.h"
#include "seed.h"

namespace omendb {
namespace {

class RotationTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(rotation_.Init(GetParam(), TestSeed()).ok());
    ASSERT_EQ(rotation_.padded(), Rotation::Padded(GetParam()));
  }
  // Zeros behind the dimensions, as callers give it.
  [[nodiscard]] std::vector<float> Draw(Prng& prng) const {
    std::vector<float> vector(rotation_.padded(), 0);
    for (uint32_t d = 0; d < GetParam(); ++d) vector[d] = static_cast<float>(Normal(prng));
    return vector;
  }
  Rotation rotation_;
};
INSTANTIATE_TEST_SUITE_P(Dimensions, RotationTest,
                         ::testing::Values(1, 63, 64, 65, 128, 192, 384, 784, 960, 1536));

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

TEST(Rotation, PadsToWholeBlocks) {
  EXPECT_EQ(Rotation::Padded(1), 64U);
  EXPECT_EQ(Rotation::Padded(64), 64U);
  EXPECT_EQ(Rotation::Padded(65), 128U);
  EXPECT_EQ(Rotation::Padded(784), 832U);
  EXPECT_EQ(Rotation::Padded(16384), 16384U);
}

TEST_P(RotationTest, KeepsLengthsAndInnerProducts) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  // The header's bound: kRounds * log2(D) * 2^-24 of the lengths, with room for the mixed halves.
  const double bound = 2 * Rotation::kRounds * (std::log2(rotation_.padded()) + 1) * 0x1p-24;
  for (int round = 0; round < 20; ++round) {
    std::vector<float> a = Draw(prng);
    std::vector<float> b = Draw(prng);
    const double length_a = std::sqrt(Dot(a, a));
    const double length_b = std::sqrt(Dot(b, b));
    const double dot = Dot(a, b);
    rotation_.Apply(a.data());
    rotation_.Apply(b.data());
    EXPECT_NEAR(std::sqrt(Dot(a, a)), length_a, bound * length_a);
    EXPECT_NEAR(Dot(a, b), dot, 2 * bound * length_a * length_b);
  }
}

TEST_P(RotationTest, IsInverted) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (int round = 0; round < 20; ++round) {
    const std::vector<float> original = Draw(prng);
    std::vector<float> there = original;
    rotation_.Apply(there.data());
    EXPECT_NE(there, original);
    rotation_.ApplyInverse(there.data());
    std::vector<float> back = original;
    rotation_.ApplyInverse(back.data());
    rotation_.Apply(back.data());
    for (size_t d = 0; d < original.size(); ++d) {
      ASSERT_NEAR(there[d], original[d], 1e-5) << d;
      ASSERT_NEAR(back[d], original[d], 1e-5) << d;
    }
  }
}

TEST_P(RotationTest, SpreadsWhatStandsInOneCoordinate) {
  OMENDB_TRACE_SEED();
  const uint32_t padded = rotation_.padded();
  double greatest_ever = 0;
  double sum_of_fourths = 0;
  for (uint32_t d = 0; d < GetParam(); ++d) {
    std::vector<float> vector(padded, 0);
    vector[d] = 1;
    rotation_.Apply(vector.data());
    for (float value : vector) {
      greatest_ever = std::max(greatest_ever, std::fabs(double{value}));
      sum_of_fourths += std::pow(double{value}, 4);
    }
  }
  // Three rounds over a part of the coordinates reach all of them, but not alike: where D is no power of two,
  // the fourth moment, 3 for a normal variable, is several times that.
  const bool whole = std::has_single_bit(padded);
  EXPECT_LT(greatest_ever, padded == 64 ? 0.6 : 0.5);
  EXPECT_LT(sum_of_fourths * padded / GetParam(), whole ? 4.5 : 10);
}

TEST_P(RotationTest, FollowsFromItsSeed) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  const std::vector<float> original = Draw(prng);
  std::vector<float> first = original;
  rotation_.Apply(first.data());
  Rotation again;
  ASSERT_TRUE(again.Init(GetParam(), TestSeed()).ok());
  std::vector<float> second = original;
  again.Apply(second.data());
  EXPECT_EQ(first, second);
  Rotation other;
  ASSERT_TRUE(other.Init(GetParam(), TestSeed() + 1).ok());
  std::vector<float> third = original;
  other.Apply(third.data());
  EXPECT_NE(first, third);
}

TEST(Rotation, RotationsOfManySeedsAgreeOnNoDirection) {
  OMENDB_TRACE_SEED();
  // The mean of a vector over many rotations is near 0, so that none is preferred.
  constexpr uint32_t kDimensions = 192;
  constexpr uint32_t kRotations = 400;
  std::vector<double> mean(kDimensions);
  for (uint32_t i = 0; i < kRotations; ++i) {
    Rotation rotation;
    ASSERT_TRUE(rotation.Init(kDimensions, TestSeed() + i).ok());
    std::vector<float> vector(kDimensions, 1 / std::sqrt(static_cast<float>(kDimensions)));
    rotation.Apply(vector.data());
    for (uint32_t d = 0; d < kDimensions; ++d) mean[d] += double{vector[d]} / kRotations;
  }
  double squared = 0;
  for (double value : mean) squared += value * value;
  // The mean of n unit vectors that have nothing to do with each other is 1 / sqrt(n) long.
  EXPECT_LT(std::sqrt(squared), 1.4 / std::sqrt(kRotations));
}

TEST(Rotation, RefusedMemoryLeavesItAsItWas) {
  const uint64_t refused = FailEachAllocation([] {
    Rotation rotation;
    Status status = rotation.Init(100, 1);
    if (!status.ok()) {
      EXPECT_EQ(rotation.padded(), 0U);
      return status;
    }
    std::vector<float> before(128, 1);
    rotation.Apply(before.data());
    status = rotation.Init(1000, 2);
    if (status.ok()) return status;
    std::vector<float> after(128, 1);
    EXPECT_EQ(rotation.padded(), 128U);
    rotation.Apply(after.data());
    EXPECT_EQ(before, after);
    return status;
  });
  EXPECT_EQ(refused, 2U);
}

}  // namespace
}  // namespace omendb
