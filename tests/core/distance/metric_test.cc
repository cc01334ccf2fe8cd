#include "distance/metric.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/prng.h"
#include "distance/vector_type.h"
#include "gtest/gtest.h"
#include "omendb/limits.h"
#include "seed.h"

namespace omendb {
namespace {

constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1};

float Between(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  float inverse_a = 0;
  float inverse_b = 0;
  auto dimensions = static_cast<uint32_t>(a.size());
  EXPECT_TRUE(CheckVector(metric, a.data(), dimensions, &inverse_a).ok());
  EXPECT_TRUE(CheckVector(metric, b.data(), dimensions, &inverse_b).ok());
  return ToPublicDistance(metric,
                          OrderingDistance(metric, a.data(), inverse_a, b.data(), inverse_b, dimensions));
}

TEST(Metric, GivesThePublicDistances) {
  std::vector<float> a = {3, 0, -4};
  std::vector<float> b = {0, 5, 0};
  EXPECT_FLOAT_EQ(Between(Metric::kL2, a, b), std::sqrt(50.0F));
  EXPECT_FLOAT_EQ(Between(Metric::kCosine, a, b), 1);
  EXPECT_FLOAT_EQ(Between(Metric::kDot, a, b), 0);
  EXPECT_FLOAT_EQ(Between(Metric::kL1, a, b), 12);
  EXPECT_FLOAT_EQ(Between(Metric::kDot, a, a), -25);
  EXPECT_FLOAT_EQ(Between(Metric::kCosine, a, {-6, 0, 8}), 2);
  EXPECT_FALSE(std::signbit(Between(Metric::kDot, a, b)));
}

TEST(Metric, CosineStaysBetweenZeroAndTwo) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (int round = 0; round < 500; ++round) {
    std::vector<float> a(prng.Below(200) + 1);
    for (float& value : a) value = static_cast<float>(prng.Uniform() - 0.5);
    a[0] += 1;
    std::vector<float> opposite = a;
    for (float& value : opposite) value *= -3;
    float same = Between(Metric::kCosine, a, a);
    float opposed = Between(Metric::kCosine, a, opposite);
    EXPECT_GE(same, 0);
    EXPECT_LE(same, 1e-5F);
    EXPECT_LE(opposed, 2);
    EXPECT_GE(opposed, 2 - 1e-5F);
  }
}

TEST(Metric, DistancesOfTheGreatestAndLeastVectorsAreFinite) {
  for (Metric metric : kMetrics) {
    std::vector<float> far = {4.5e18F};
    std::vector<float> opposite = {-4.5e18F};
    EXPECT_TRUE(std::isfinite(Between(metric, far, opposite)));
  }
  std::vector<float> tiny = {1.1e-15F, 0};
  std::vector<float> huge = {4.5e18F, 4.5e17F};
  EXPECT_NEAR(Between(Metric::kCosine, tiny, tiny), 0, 1e-6);
  EXPECT_NEAR(Between(Metric::kCosine, huge, huge), 0, 1e-6);
  EXPECT_NEAR(Between(Metric::kCosine, tiny, huge), 1 - 1 / std::sqrt(1.01), 1e-6);
}

TEST(CheckVector, NamesTheFirstNonFiniteDimension) {
  const std::pair<float, const char*> kCases[] = {
      {std::numeric_limits<float>::quiet_NaN(), "expected finite numbers, found NaN at dimension 70"},
      {std::numeric_limits<float>::infinity(), "expected finite numbers, found infinity at dimension 70"},
      {-std::numeric_limits<float>::infinity(), "expected finite numbers, found -infinity at dimension 70"},
  };
  for (Metric metric : kMetrics) {
    for (const auto& [value, message] : kCases) {
      std::vector<float> vector(100, 1);
      vector[70] = value;
      vector[99] = value;
      float inverse_norm = -1;
      Status status = CheckVector(metric, vector.data(), 100, &inverse_norm);
      EXPECT_EQ(status.code(), Code::kInvalidVector);
      EXPECT_EQ(status.message(), message);
      EXPECT_EQ(inverse_norm, -1);
    }
  }
}

TEST(CheckVector, FindsOneNonFiniteValueWhereverItIs) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float kNonFinite[] = {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(),
                              -std::numeric_limits<float>::quiet_NaN()};
  for (uint32_t dimensions = 1; dimensions <= 40; ++dimensions) {
    for (uint32_t at = 0; at < dimensions; ++at) {
      // Beside values whose squares are the largest there are.
      std::vector<float> vector(dimensions, std::numeric_limits<float>::max());
      vector[at] = kNonFinite[at % std::size(kNonFinite)];
      float inverse_norm = 0;
      const Status status = CheckVector(Metric::kL2, vector.data(), dimensions, &inverse_norm);
      ASSERT_EQ(status.code(), Code::kInvalidVector);
      ASSERT_TRUE(status.message().ends_with(" at dimension " + std::to_string(at))) << status.message();
    }
  }
}

TEST(CheckVector, RefusesNormsThatF32CannotCompare) {
  float inverse_norm = 0;
  std::vector<float> vector = {4e18F, 4e18F};
  for (Metric metric : kMetrics) {
    EXPECT_EQ(CheckVector(metric, vector.data(), 2, &inverse_norm).code(), Code::kInvalidVector);
    EXPECT_TRUE(CheckVector(metric, vector.data(), 1, &inverse_norm).ok());
  }
}

TEST(CheckVector, RefusesZeroUnderCosineOnly) {
  for (float value : {0.0F, -0.0F, 5e-16F}) {
    std::vector<float> vector = {value, 0};
    for (Metric metric : kMetrics) {
      float inverse_norm = 0;
      Status status = CheckVector(metric, vector.data(), 2, &inverse_norm);
      if (metric == Metric::kCosine) {
        EXPECT_EQ(status.code(), Code::kInvalidVector);
      } else {
        EXPECT_TRUE(status.ok());
        EXPECT_EQ(inverse_norm, 1);
      }
    }
  }
}

TEST(CheckVector, AnswersTheInverseNorm) {
  std::vector<float> vector = {3, 4};
  float inverse_norm = 0;
  ASSERT_TRUE(CheckVector(Metric::kCosine, vector.data(), 2, &inverse_norm).ok());
  EXPECT_FLOAT_EQ(inverse_norm, 0.2F);
  ASSERT_TRUE(CheckVector(Metric::kL2, vector.data(), 2, &inverse_norm).ok());
  EXPECT_EQ(inverse_norm, 1);
}

TEST(VectorType, ARowHasTheBytesOfItsNumbers) {
  EXPECT_EQ(VectorBytes(VectorType::kFloat32, 9), 36U);
  EXPECT_EQ(VectorBytes(VectorType::kFloat16, 9), 18U);
  EXPECT_EQ(VectorBytes(VectorType::kInt8, 9), 9U);
  EXPECT_EQ(VectorBytes(VectorType::kBinary, 8), 1U);
  EXPECT_EQ(VectorBytes(VectorType::kBinary, 9), 2U);
  EXPECT_EQ(VectorBytes(VectorType::kBinary, 0), 0U);
}

TEST(CheckStoredVector, NamesTheFirstHalfThatIsNotFinite) {
  const std::pair<uint16_t, const char*> kCases[] = {
      {0x7e00, "NaN"}, {0xfc01, "NaN"}, {0x7c00, "infinity"}, {0xfc00, "-infinity"}};
  for (const auto& [half, name] : kCases) {
    // Rows are widened in pieces of 256.
    for (size_t at : {size_t{0}, size_t{255}, size_t{256}, size_t{599}}) {
      std::vector<uint16_t> row(600, 0x3c00);
      row[at] = half;
      row[599] = half;
      const void* bytes = row.data();
      float inverse_norm = -1;
      const Status status = CheckStoredVector(Metric::kL2, VectorType::kFloat16,
                                              static_cast<const uint8_t*>(bytes), 600, &inverse_norm);
      EXPECT_EQ(status.code(), Code::kInvalidVector);
      EXPECT_EQ(status.message(), "expected finite numbers, found " + std::string(name) + " at dimension " +
                                      std::to_string(at));
      EXPECT_EQ(inverse_norm, -1);
    }
  }
}

TEST(CheckStoredVector, AnswersTheInverseNormOfEveryType) {
  const auto inverse_norm = [](VectorType type, const std::vector<uint8_t>& row, uint32_t dimensions) {
    float found = -1;
    EXPECT_TRUE(CheckStoredVector(Metric::kCosine, type, row.data(), dimensions, &found).ok());
    return found;
  };
  EXPECT_FLOAT_EQ(inverse_norm(VectorType::kFloat16, {0x00, 0x42, 0x00, 0xc4}, 2), 0.2F);  // 3, -4
  EXPECT_FLOAT_EQ(inverse_norm(VectorType::kInt8, {3, 0xfc}, 2), 0.2F);
  EXPECT_FLOAT_EQ(inverse_norm(VectorType::kInt8, std::vector<uint8_t>(10'000, 0x80), 10'000), 1 / 12800.0F);
  EXPECT_FLOAT_EQ(inverse_norm(VectorType::kBinary, {0xff, 0x01}, 9), 1 / 3.0F);
  EXPECT_FLOAT_EQ(inverse_norm(VectorType::kBinary, std::vector<uint8_t>(1250, 0xff), 10'000), 0.01F);
}

TEST(CheckStoredVector, RefusesZeroUnderCosineOnly) {
  for (VectorType type : {VectorType::kFloat16, VectorType::kInt8, VectorType::kBinary}) {
    for (Metric metric : kMetrics) {
      const std::vector<uint8_t> row(10, 0);
      float inverse_norm = 0;
      const Status status = CheckStoredVector(metric, type, row.data(), 5, &inverse_norm);
      EXPECT_EQ(status.code(), metric == Metric::kCosine ? Code::kInvalidVector : Code::kOk);
    }
  }
}

TEST(CheckStoredVector, RefusesBitsThatStandForNothing) {
  for (uint32_t dimensions = 1; dimensions <= 16; ++dimensions) {
    std::vector<uint8_t> row((dimensions + 7) / 8, 0xff);
    float inverse_norm = 0;
    const auto code = [&] {
      return CheckStoredVector(Metric::kL1, VectorType::kBinary, row.data(), dimensions, &inverse_norm)
          .code();
    };
    EXPECT_EQ(code(), dimensions % 8 == 0 ? Code::kOk : Code::kInvalidVector) << dimensions;
    if (dimensions % 8 == 0) continue;
    row.back() = static_cast<uint8_t>((1U << dimensions % 8) - 1);
    EXPECT_EQ(code(), Code::kOk) << dimensions;
    row.back() = static_cast<uint8_t>(row.back() + 1);
    EXPECT_EQ(code(), Code::kInvalidVector) << dimensions;
  }
}

}  // namespace
}  // namespace omendb
