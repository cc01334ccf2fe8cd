#include "quantize/scalar_quantizer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "allocation_faults.h"
#include "base/prng.h"
#include "distance/metric.h"
#include "gtest/gtest.h"
#include "quantize/quantizer_rows.h"
#include "seed.h"

namespace omendb {
namespace {

class Encoded {
 public:
  Encoded(const ScalarQuantizer& quantizer, const Rows& rows, uint32_t dimensions)
      : quantizer_(quantizer),
        dimensions_(dimensions),
        row_bytes_(ScalarQuantizer::RowBytes(dimensions)),
        bytes_(row_bytes_ * rows.count(), 0xee) {
    for (uint32_t i = 0; i < rows.count(); ++i)
      quantizer.Encode(rows.row(i), rows.inverse_norm(i), nullptr, row(i));
  }
  [[nodiscard]] uint8_t* row(uint32_t i) { return bytes_.data() + i * row_bytes_; }
  [[nodiscard]] std::vector<double> Decoded(uint32_t i) {
    std::vector<float> decoded(dimensions_);
    quantizer_.Decode(row(i), decoded.data());
    return {decoded.begin(), decoded.end()};
  }

 private:
  const ScalarQuantizer& quantizer_;
  uint32_t dimensions_;
  size_t row_bytes_;
  std::vector<uint8_t> bytes_;
};

struct Parameters {
  std::vector<float> centers;
  std::vector<float> steps;
};

// The stored form is the only door to centers and steps.
Parameters ParametersOf(const ScalarQuantizer& quantizer, uint32_t dimensions) {
  Bytes bytes;
  EXPECT_TRUE(quantizer.Serialize(bytes).ok());
  EXPECT_EQ(bytes.size(), 8 + size_t{dimensions} * 8);
  Parameters parameters = {std::vector<float>(dimensions), std::vector<float>(dimensions)};
  std::memcpy(parameters.centers.data(), bytes.data() + 8, size_t{dimensions} * 4);
  std::memcpy(parameters.steps.data(), bytes.data() + 8 + size_t{dimensions} * 4, size_t{dimensions} * 4);
  return parameters;
}

struct Expected {
  double distance = 0;
  double magnitude = 0;  // of the terms that are added up in f32
};

Expected OracleDistance(Metric metric, const std::vector<double>& query, const std::vector<double>& row,
                        const Parameters& parameters) {
  double distance = 0;
  double magnitude = 0;
  for (size_t d = 0; d < query.size(); ++d) {
    double center = parameters.centers[d];
    double difference = query[d] - row[d];
    switch (metric) {
      case Metric::kL2:
      case Metric::kCosine: {
        double half = metric == Metric::kCosine ? 0.5 : 1;
        distance += half * difference * difference;
        // f32 rounding of query and row in their own scale is part of what is bounded.
        magnitude += 4 * (std::pow(query[d] - center, 2) + std::pow(row[d] - center, 2)) +
                     2 * (std::fabs(query[d]) + std::fabs(center)) * std::fabs(difference) +
                     0x1p-22 * std::pow(std::fabs(query[d]) + std::fabs(center), 2);
        break;
      }
      case Metric::kDot:
        distance -= query[d] * row[d];
        magnitude += 4 * std::fabs(query[d]) * (std::fabs(center) + std::fabs(row[d] - center));
        break;
      case Metric::kL1:
        distance += std::fabs(difference);
        magnitude += std::fabs(query[d]) + std::fabs(center) + std::fabs(difference);
        break;
    }
  }
  return {distance, magnitude};
}

void ExpectCloseTo(Metric metric, const ScalarQuantizer& quantizer, const ScalarQuantizer::Query& prepared,
                   const std::vector<double>& query, const uint8_t* row, const std::vector<double>& decoded,
                   const Parameters& parameters) {
  Expected expected = OracleDistance(metric, query, decoded, parameters);
  auto n = static_cast<double>(query.size());
  double weights = std::fabs(double{prepared.scale}) * n * 127 / 2;
  if (metric == Metric::kL1) weights = double{parameters.steps[0]} * n / 2;
  float found = quantizer.Distance(prepared, row);
  ASSERT_FALSE(std::isnan(found));
  double bound = weights + (n + 8) * 0x1p-23 * expected.magnitude;
  ASSERT_LE(std::fabs(double{found} - expected.distance), bound)
      << "metric " << static_cast<int>(metric) << ": " << found << " for " << expected.distance;
}

// Distances to decoded vectors within the header's bound, from outside queries and from rows.
void ExpectDistancesWithinBound(Metric metric, uint32_t dimensions, const Rows& rows, const Rows& queries) {
  ScalarQuantizer quantizer(metric, dimensions);
  ASSERT_TRUE(rows.Train(quantizer).ok());
  Parameters parameters = ParametersOf(quantizer, dimensions);
  Encoded encoded(quantizer, rows, dimensions);
  ScalarQuantizer::Query prepared;
  ASSERT_TRUE(quantizer.ReserveQuery(&prepared).ok());
  for (uint32_t q = 0; q < queries.count(); ++q) {
    quantizer.PrepareQuery(queries.row(q), queries.inverse_norm(q), &prepared);
    for (uint32_t i = 0; i < rows.count(); i += 7) {
      ExpectCloseTo(metric, quantizer, prepared, queries.Scaled(q), encoded.row(i), encoded.Decoded(i),
                    parameters);
    }
  }
  for (uint32_t q = 0; q < rows.count(); q += 11) {
    quantizer.PrepareQueryFromRow(encoded.row(q), &prepared);
    for (uint32_t i = 0; i < rows.count(); i += 13) {
      ExpectCloseTo(metric, quantizer, prepared, encoded.Decoded(q), encoded.row(i), encoded.Decoded(i),
                    parameters);
    }
  }
}

struct Distribution {
  const char* name;
  std::function<double(Prng&, uint32_t row, uint32_t dimension)> value;
};

std::vector<Distribution> Distributions() {
  return {
      {"normal", [](Prng& prng, uint32_t, uint32_t) { return Normal(prng); }},
      {"far from zero", [](Prng& prng, uint32_t, uint32_t) { return 1000 + Normal(prng); }},
      {"scales from 1e-3 to 1e3",
       [](Prng& prng, uint32_t, uint32_t d) { return Normal(prng) * std::pow(10, d % 7 - 3.0); }},
      {"heavy tail",
       [](Prng& prng, uint32_t, uint32_t) { return Normal(prng) / std::max(prng.Uniform(), 1e-3); }},
      {"one absurd row", [](Prng& prng, uint32_t row, uint32_t) { return row == 5 ? 1e17 : Normal(prng); }},
      {"constant", [](Prng&, uint32_t, uint32_t d) { return d % 3 == 0 ? -7.25 : 3.5; }},
      {"mostly zero", [](Prng& prng, uint32_t,
                         uint32_t d) { return d == 0 || prng.Below(50) == 0 ? 1 + prng.Uniform() : 0; }},
      {"sorted", [](Prng& prng, uint32_t row, uint32_t) { return row * 0.1 + prng.Uniform(); }},
      {"two values", [](Prng& prng, uint32_t, uint32_t) { return prng.Below(2) == 0 ? -1 : 1; }},
      {"tiny", [](Prng& prng, uint32_t, uint32_t) { return (Normal(prng) + 10) * 1e-12; }},
  };
}

TEST(ScalarQuantizer, DistancesAreThoseToTheDecodedVector) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (const Distribution& distribution : Distributions()) {
    for (Metric metric : kMetrics) {
      for (uint32_t dimensions : {1U, 3U, 16U, 17U, 100U, 384U}) {
        SCOPED_TRACE(::testing::Message() << distribution.name << ", " << dimensions << " dimensions");
        auto value = [&](uint32_t i, uint32_t d) { return distribution.value(prng, i, d); };
        Rows rows(metric, dimensions, 150, value);
        Rows queries(metric, dimensions, 5, value);
        ExpectDistancesWithinBound(metric, dimensions, rows, queries);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(ScalarQuantizer, SumsStayExactAtTheGreatestDimensions) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  constexpr uint32_t kDimensions = 16384;
  for (Metric metric : kMetrics) {
    // Every code is at an end of its range, with the same sign as the query's weight.
    auto extreme = [](uint32_t i, uint32_t) { return i % 2 == 0 ? -1 : 1; };
    Rows rows(metric, kDimensions, 30, extreme);
    ExpectDistancesWithinBound(metric, kDimensions, rows, rows);
    auto normal = [&](uint32_t, uint32_t) { return Normal(prng); };
    Rows normal_rows(metric, kDimensions, 20, normal);
    ExpectDistancesWithinBound(metric, kDimensions, normal_rows, normal_rows);
    if (HasFatalFailure()) return;
  }
}

TEST(ScalarQuantizer, RebuildsValuesToHalfAStepInsideTheirRange) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (const Distribution& distribution : Distributions()) {
    for (Metric metric : kMetrics) {
      SCOPED_TRACE(distribution.name);
      Rows rows(metric, 40, 300, [&](uint32_t i, uint32_t d) { return distribution.value(prng, i, d); });
      ScalarQuantizer quantizer(metric, 40);
      ASSERT_TRUE(rows.Train(quantizer).ok());
      Parameters parameters = ParametersOf(quantizer, 40);
      Encoded encoded(quantizer, rows, 40);
      for (uint32_t i = 0; i < rows.count(); ++i) {
        std::vector<double> original = rows.Scaled(i);
        std::vector<double> decoded = encoded.Decoded(i);
        for (uint32_t d = 0; d < 40; ++d) {
          double reach = 127 * double{parameters.steps[d]};
          double moved = original[d] - double{parameters.centers[d]};
          double clamped = std::clamp(moved, -reach, reach);
          double rounding = 0x1p-21 * (std::fabs(original[d]) + std::fabs(double{parameters.centers[d]}));
          ASSERT_LE(std::fabs(decoded[d] - double{parameters.centers[d]} - clamped),
                    parameters.steps[d] * 0.501 + rounding);
        }
      }
    }
  }
}

// The error of codes beside the spread of values: what decides recall.
double RelativeError(Metric metric, const Rows& rows, uint32_t dimensions, uint32_t skipped_row) {
  ScalarQuantizer quantizer(metric, dimensions);
  EXPECT_TRUE(rows.Train(quantizer).ok());
  Encoded encoded(quantizer, rows, dimensions);
  std::vector<double> mean(dimensions);
  for (uint32_t i = 0; i < rows.count(); ++i) {
    if (i == skipped_row) continue;
    std::vector<double> original = rows.Scaled(i);
    for (uint32_t d = 0; d < dimensions; ++d) mean[d] += original[d] / rows.count();
  }
  double error = 0;
  double spread = 0;
  for (uint32_t i = 0; i < rows.count(); ++i) {
    if (i == skipped_row) continue;
    std::vector<double> original = rows.Scaled(i);
    std::vector<double> decoded = encoded.Decoded(i);
    for (uint32_t d = 0; d < dimensions; ++d) {
      error += std::pow(decoded[d] - original[d], 2);
      spread += std::pow(original[d] - mean[d], 2);
    }
  }
  return std::sqrt(error / spread);
}

TEST(ScalarQuantizer, KeepsPrecisionUnderHostileDistributions) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  const std::pair<const char*, double> kErrorsMax[] = {
      {"normal", 0.015},         {"far from zero", 0.015}, {"scales from 1e-3 to 1e3", 0.015},
      {"one absurd row", 0.015}, {"mostly zero", 0.05},    {"two values", 0.01},
  };
  for (const Distribution& distribution : Distributions()) {
    for (const auto& [name, error_max] : kErrorsMax) {
      if (std::strcmp(name, distribution.name) != 0) continue;
      Rows rows(Metric::kL2, 64, 1000,
                [&](uint32_t i, uint32_t d) { return distribution.value(prng, i, d); });
      EXPECT_LT(RelativeError(Metric::kL2, rows, 64, 5), error_max) << name;
    }
  }
}

TEST(ScalarQuantizer, NearestNeighborsUnderCosineSurviveEncoding) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  // Pairs: rows 2i and 2i + 1 differ by little. Each must find its twin among all codes.
  constexpr uint32_t kDimensions = 128;
  std::vector<double> twin(kDimensions);
  Rows rows(Metric::kCosine, kDimensions, 400, [&](uint32_t i, uint32_t d) {
    if (i % 2 == 0) twin[d] = Normal(prng);
    return i % 2 == 0 ? twin[d] : twin[d] + Normal(prng) * 0.1;
  });
  ScalarQuantizer quantizer(Metric::kCosine, kDimensions);
  ASSERT_TRUE(rows.Train(quantizer).ok());
  Encoded encoded(quantizer, rows, kDimensions);
  ScalarQuantizer::Query query;
  ASSERT_TRUE(quantizer.ReserveQuery(&query).ok());
  for (uint32_t q = 0; q < rows.count(); ++q) {
    quantizer.PrepareQuery(rows.row(q), rows.inverse_norm(q), &query);
    uint32_t nearest = q ^ 1;
    for (uint32_t i = 0; i < rows.count(); ++i) {
      if (i != q &&
          quantizer.Distance(query, encoded.row(i)) < quantizer.Distance(query, encoded.row(nearest))) {
        nearest = i;
      }
    }
    EXPECT_EQ(nearest, q ^ 1);
    EXPECT_NEAR(quantizer.Distance(query, encoded.row(q)), 0, 0.02);
  }
}

TEST(ScalarQuantizer, RareValuesOfANarrowDimensionCount) {
  // Dimension 0 is 0 but for 2 of 1,000 rows; the others reach from 0 to 255.
  Prng prng(7);
  Rows rows(Metric::kL2, 8, 1000, [&](uint32_t i, uint32_t d) {
    if (d == 0) return i % 500 == 3 ? 255.0 : 0.0;
    return prng.Uniform() * 255;
  });
  ScalarQuantizer quantizer(Metric::kL2, 8);
  ASSERT_TRUE(rows.Train(quantizer).ok());
  Encoded encoded(quantizer, rows, 8);
  EXPECT_NEAR(encoded.Decoded(3)[0], 255, 2);
  EXPECT_NEAR(encoded.Decoded(4)[0], 0, 2);
}

TEST(ScalarQuantizer, DistancesAreNeverNaNNearTheGreatestNorm) {
  constexpr uint32_t kDimensions = 4096;
  for (Metric metric : kMetrics) {
    // Each row has all its length in a few dimensions of its own; together they make wide ranges.
    Rows rows(metric, kDimensions, 40, [](uint32_t i, uint32_t d) {
      if (d % 20 != i % 20) return 0.0;
      return (i < 20 ? 4.5e18 : -4.5e18) / std::sqrt(kDimensions / 20 + 1.0);
    });
    ScalarQuantizer quantizer(metric, kDimensions);
    ASSERT_TRUE(rows.Train(quantizer).ok());
    Encoded encoded(quantizer, rows, kDimensions);
    ScalarQuantizer::Query query;
    ASSERT_TRUE(quantizer.ReserveQuery(&query).ok());
    for (uint32_t q = 0; q < rows.count(); ++q) {
      quantizer.PrepareQuery(rows.row(q), rows.inverse_norm(q), &query);
      for (uint32_t i = 0; i < rows.count(); ++i)
        ASSERT_FALSE(std::isnan(quantizer.Distance(query, encoded.row(i))));
      quantizer.PrepareQueryFromRow(encoded.row(q), &query);
      for (uint32_t i = 0; i < rows.count(); ++i)
        ASSERT_FALSE(std::isnan(quantizer.Distance(query, encoded.row(i))));
    }
  }
}

TEST(ScalarQuantizer, EncodingIsPaddedWithZerosAndStaysInItsRow) {
  for (uint32_t dimensions = 1; dimensions <= 40; ++dimensions) {
    for (Metric metric : kMetrics) {
      Prng prng(dimensions);
      Rows rows(metric, dimensions, 50, [&](uint32_t, uint32_t) { return Normal(prng) + 10; });
      ScalarQuantizer quantizer(metric, dimensions);
      ASSERT_TRUE(rows.Train(quantizer).ok());
      size_t bytes = ScalarQuantizer::RowBytes(dimensions);
      EXPECT_EQ(bytes % 16, 0U);
      EXPECT_GE(bytes, ScalarQuantizer::kCodesOffset + dimensions);
      std::vector<uint8_t> out(bytes + 1, 0xee);
      quantizer.Encode(rows.row(0), rows.inverse_norm(0), nullptr, out.data());
      EXPECT_EQ(out[bytes], 0xee);
      for (size_t i = ScalarQuantizer::kCodesOffset + dimensions; i < bytes; ++i) EXPECT_EQ(out[i], 0);
      for (size_t i = 8; i < ScalarQuantizer::kCodesOffset; ++i) EXPECT_EQ(out[i], 0);
    }
  }
}

TEST(ScalarQuantizer, TrainsOnOneRow) {
  for (Metric metric : kMetrics) {
    Rows rows(metric, 5, 1, [](uint32_t, uint32_t d) { return d * 2.5 - 1; });
    ScalarQuantizer quantizer(metric, 5);
    ASSERT_TRUE(rows.Train(quantizer).ok());
    ExpectDistancesWithinBound(metric, 5, rows, rows);
  }
}

TEST(ScalarQuantizer, KeepsItsOldStateWhenTrainingIsRefusedMemory) {
  Prng prng(5);
  Rows first(Metric::kDot, 20, 50, [&](uint32_t, uint32_t) { return Normal(prng); });
  Rows second(Metric::kDot, 20, 50, [&](uint32_t, uint32_t) { return Normal(prng) * 9; });
  uint64_t refused = FailEachAllocation([&] {
    ScalarQuantizer quantizer(Metric::kDot, 20);
    Status status = first.Train(quantizer);
    if (!status.ok()) {
      EXPECT_EQ(quantizer.memory_bytes(), 0U);
      return status;
    }
    uint8_t before[64];
    uint8_t after[64];
    quantizer.Encode(first.row(0), 1, nullptr, before);
    status = second.Train(quantizer);
    quantizer.Encode(first.row(0), 1, nullptr, after);
    static_assert(sizeof(before) >= 16 + 32);
    EXPECT_EQ(std::memcmp(before, after, ScalarQuantizer::RowBytes(20)) == 0, !status.ok());
    return status;
  });
  EXPECT_GE(refused, 20U);
}

}  // namespace
}  // namespace omendb
