// What a RaBitQ quantizer makes of single rows. How well its distances hold: rabitq_estimate_test.cc; what it
// stores: stored_rabitq_test.cc.
#include "quantize/rabitq_quantizer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "allocation_faults.h"
#include "gtest/gtest.h"
#include "quantize/rabitq_codes.h"
#include "seed.h"

namespace omendb {
namespace {

class RabitqQuantizerTest : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Bits, RabitqQuantizerTest, ::testing::ValuesIn(kBitCounts));

// Root of the mean square of what decoding loses, against that of the residuals.
double RelativeError(uint32_t bits, Metric metric, const RowsShape& shape, uint64_t seed) {
  const Rows rows = MakeRows(shape, metric, 400, seed, seed + 1);
  RabitqCodes codes(metric, shape.dimensions, bits, seed, rows);
  double error = 0;
  double spread = 0;
  for (uint32_t i = 0; i < rows.count(); ++i) {
    const std::vector<double> original = rows.Scaled(i);
    const std::vector<float> decoded = codes.Decoded(i);
    for (uint32_t d = 0; d < shape.dimensions; ++d) error += std::pow(double{decoded[d]} - original[d], 2);
    spread += double{codes.squared_residual(i)};
  }
  return std::sqrt(error / spread);
}

TEST(RabitqQuantizer, RowsAreAsLongAsTheirBits) {
  for (auto [dimensions, padded] : {std::pair<uint32_t, size_t>{1, 64}, {64, 64}, {65, 128}, {784, 832}}) {
    EXPECT_EQ(RabitqQuantizer(Metric::kL2, dimensions, 1, 0).row_bytes(), 8 + padded / 8);
    EXPECT_EQ(RabitqQuantizer(Metric::kL2, dimensions, 2, 0).row_bytes(), 8 + padded / 4);
    EXPECT_EQ(RabitqQuantizer(Metric::kL2, dimensions, 4, 0).row_bytes(), 8 + padded / 2);
    EXPECT_EQ(RabitqQuantizer(Metric::kL2, dimensions, 7, 0).row_bytes(), 8 + padded);
  }
}

TEST_P(RabitqQuantizerTest, KnowsItsKind) {
  const RabitqQuantizer quantizer(Metric::kDot, 10, GetParam(), 0);
  EXPECT_EQ(RabitqBits(quantizer.kind()), GetParam());
  EXPECT_EQ(RabitqBits(Quantization::kSq8), 0U);
  for (Metric metric : kRotatedMetrics) {
    EXPECT_TRUE(SupportsMetric(quantizer.kind(), metric));
    Owned<Quantizer> made = MakeQuantizer(quantizer.kind(), metric, 10, 0);
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(made->kind(), quantizer.kind());
  }
  EXPECT_FALSE(SupportsMetric(quantizer.kind(), Metric::kL1));
}

TEST_P(RabitqQuantizerTest, DecodesWithTheErrorOfANormalVariable) {
  OMENDB_TRACE_SEED();
  // Max (1960), table II: levels of one step for a normal variable; 0.0177 for 128 levels.
  const double expected = GetParam() == 1 ? 0.603 : GetParam() == 2 ? 0.345 : GetParam() == 4 ? 0.107 : 0.018;
  for (Metric metric : kRotatedMetrics) {
    for (const RowsShape& shape : {RowsShape{.name = "normal"},
                                   {.name = "padded", .dimensions = 300},
                                   {.name = "far from zero", .dimensions = 192, .offset = 100},
                                   {.name = "lengths", .log_length = 1},
                                   {.name = "steep", .decay = 0.95},
                                   {.name = "clustered", .clusters = 20, .spread = 0.3},
                                   {.name = "sparse", .density = 0.1}}) {
      const double error = RelativeError(GetParam(), metric, shape, TestSeed());
      EXPECT_GT(error, expected * 0.85) << shape.name;
      EXPECT_LT(error, expected * 1.25) << shape.name;
    }
  }
}

TEST_P(RabitqQuantizerTest, EncodingStaysInItsRow) {
  OMENDB_TRACE_SEED();
  for (uint32_t dimensions : {1U, 5U, 63U, 64U, 65U, 128U, 129U, 200U}) {
    for (Metric metric : kRotatedMetrics) {
      const Rows rows = MakeRows({.dimensions = dimensions}, metric, 20, 1, TestSeed());
      RabitqQuantizer quantizer(metric, dimensions, GetParam(), 9);
      ASSERT_TRUE(rows.Train(quantizer).ok());
      ASSERT_EQ(quantizer.row_bytes() % 4, 0U);
      std::vector<float> room(quantizer.room_floats() + 1, -7);
      std::vector<uint8_t> first(quantizer.row_bytes() + 1, 0xee);
      std::vector<uint8_t> second(quantizer.row_bytes() + 1, 0x11);
      for (uint32_t i = 0; i < rows.count(); ++i) {
        quantizer.Encode(rows.row(i), rows.inverse_norm(i), room.data(), first.data());
        quantizer.Encode(rows.row(i), rows.inverse_norm(i), room.data(), second.data());
        ASSERT_EQ(first.back(), 0xee);
        ASSERT_EQ(room.back(), -7);
        ASSERT_TRUE(std::equal(first.begin(), first.end() - 1, second.begin())) << "bytes left as they were";
      }
    }
  }
}

TEST_P(RabitqQuantizerTest, ARowIsAtNoDistanceFromItself) {
  OMENDB_TRACE_SEED();
  for (Metric metric : {Metric::kL2, Metric::kCosine}) {
    for (uint32_t dimensions : {1U, 63U, 64U, 65U, 300U}) {
      const Rows rows = MakeRows({.dimensions = dimensions, .log_length = 1}, metric, 60, 1, TestSeed());
      RabitqCodes codes(metric, dimensions, GetParam(), TestSeed(), rows);
      for (uint32_t i = 0; i < rows.count(); ++i) {
        codes.SetRow(i);
        ASSERT_LE(std::fabs(codes.Distance(i)), 1e-5F * codes.squared_residual(i)) << dimensions;
      }
    }
  }
}

TEST(RabitqQuantizer, AtSevenBitsTheNearestToAVectorIsItsOwnRow) {
  OMENDB_TRACE_SEED();
  for (Metric metric : {Metric::kL2, Metric::kCosine}) {
    const Rows rows = MakeRows({.name = "normal"}, metric, 300, 1, TestSeed());
    RabitqCodes codes(metric, 128, 7, TestSeed(), rows);
    for (uint32_t i = 0; i < rows.count(); ++i) {
      codes.SetVector(rows.row(i), rows.inverse_norm(i));
      const float own = codes.Distance(i);
      EXPECT_LE(std::fabs(own), 1e-2F * codes.squared_residual(i));
      for (uint32_t other = 0; other < rows.count(); ++other) {
        if (other != i) EXPECT_LT(own, codes.Distance(other));
      }
    }
  }
}

// Beside what depends on the query alone, which no order needs.
TEST_P(RabitqQuantizerTest, ARowAsQueryOrdersAsItsDecodedVector) {
  OMENDB_TRACE_SEED();
  for (Metric metric : kRotatedMetrics) {
    for (uint32_t dimensions : {10U, 64U, 192U}) {
      SCOPED_TRACE(::testing::Message() << "metric " << static_cast<int>(metric) << ", " << dimensions);
      const Rows rows = MakeRows({.dimensions = dimensions, .offset = 0.3}, metric, 100, 1, TestSeed());
      RabitqCodes codes(metric, dimensions, GetParam(), TestSeed(), rows);
      for (uint32_t query = 0; query < 10; ++query) {
        std::vector<double> differences;
        double scale = 0;
        codes.SetRow(query);
        for (uint32_t i = 0; i < rows.count(); ++i) {
          differences.push_back(double{codes.Distance(i)});
          scale = std::max(scale, double{codes.squared_residual(i)});
        }
        const std::vector<float> decoded = codes.Decoded(query);
        codes.SetVector(decoded.data(), 1);
        double mean = 0;
        for (uint32_t i = 0; i < rows.count(); ++i) {
          differences[i] -= double{codes.Distance(i)};
          mean += differences[i] / rows.count();
        }
        // The vector is rounded to 8 bits, the row is not. Where a vector has fewer dimensions than it is
        // padded to, part of what the codes decode to is cut off with them.
        const double bound = dimensions < 64 ? 2.5 : 0.03;
        for (double difference : differences) ASSERT_NEAR(difference, mean, bound * scale);
      }
    }
  }
}

TEST_P(RabitqQuantizerTest, DistancesAreNeverNaNNearTheGreatestNorm) {
  constexpr uint32_t kDimensions = 1000;
  for (Metric metric : kRotatedMetrics) {
    // Each row has all its length in a few dimensions of its own.
    const Rows rows(metric, kDimensions, 40, [](uint32_t i, uint32_t d) {
      if (d % 20 != i % 20) return 0.0;
      return (i < 20 ? 4.5e18 : -4.5e18) / std::sqrt(kDimensions / 20);
    });
    const Rows small(metric, kDimensions, 3, [](uint32_t i, uint32_t d) { return d == i ? 1e-14 : 0; });
    RabitqCodes codes(metric, kDimensions, GetParam(), 3, rows);
    const auto expect_numbers = [&] {
      for (uint32_t i = 0; i < rows.count(); ++i) {
        const float distance = codes.Distance(i);
        ASSERT_FALSE(std::isnan(distance));
        ASSERT_LE(distance, std::numeric_limits<float>::max());
        const float bound = codes.Bound(i, distance);
        ASSERT_GE(bound, 0);
        ASSERT_LE(bound, std::numeric_limits<float>::max());
      }
    };
    for (uint32_t q = 0; q < rows.count(); ++q) {
      ASSERT_TRUE(codes.quantizer().ValidRow(codes.row(q)));
      codes.SetVector(rows.row(q), rows.inverse_norm(q));
      expect_numbers();
      codes.SetRow(q);
      expect_numbers();
    }
    for (uint32_t q = 0; q < small.count(); ++q) {
      codes.SetVector(small.row(q), small.inverse_norm(q));
      expect_numbers();
    }
  }
}

TEST_P(RabitqQuantizerTest, ARowAtTheCenterIsWhereTheCenterIs) {
  OMENDB_TRACE_SEED();
  for (Metric metric : {Metric::kL2, Metric::kDot}) {
    // Rows in pairs on both sides of a point, and the point.
    const Rows rows(metric, 70, 41, [](uint32_t i, uint32_t d) {
      const double side = i % 2 == 0 ? 1 : -1;
      return i == 40 ? 3.0 : 3 + side * (d % 7 + i / 2);
    });
    const Rows queries = MakeRows({.dimensions = 70}, metric, 20, 1, TestSeed());
    RabitqCodes codes(metric, 70, GetParam(), TestSeed(), rows);
    EXPECT_EQ(codes.squared_residual(40), 0);
    EXPECT_EQ(codes.factor(40), 0);
    for (float value : codes.Decoded(40)) EXPECT_EQ(value, 3);
    for (uint32_t q = 0; q < queries.count(); ++q) {
      codes.SetVector(queries.row(q), 1);
      const double exact = ExactDistance(metric, queries.Scaled(q), rows.Scaled(40));
      EXPECT_NEAR(codes.Distance(40), exact, 1e-5 * (1 + std::fabs(exact)));
      EXPECT_EQ(codes.Bound(40, codes.Distance(40)), 0);
    }
    // As a query it is the center too.
    codes.SetRow(40);
    EXPECT_NEAR(codes.Distance(40), metric == Metric::kL2 ? 0 : -9 * 70, 0.01);
    for (uint32_t i = 0; i < 40; ++i) {
      const double exact = ExactDistance(metric, rows.Scaled(40), rows.Scaled(i));
      if (metric == Metric::kL2) EXPECT_NEAR(codes.Distance(i), exact, 1e-5 * exact);
    }
  }
}

TEST_P(RabitqQuantizerTest, ZeroRowsAreOrdinaryOnes) {
  OMENDB_TRACE_SEED();
  for (Metric metric : {Metric::kL2, Metric::kDot}) {
    Prng prng(TestSeed());
    const Rows rows(metric, 90, 50, [&](uint32_t i, uint32_t) { return i < 5 ? 0 : Normal(prng) + 1; });
    RabitqCodes codes(metric, 90, GetParam(), TestSeed(), rows);
    const Rows zero(metric, 90, 1, [](uint32_t, uint32_t) { return 0; });
    codes.SetVector(zero.row(0), 1);
    for (uint32_t i = 0; i < rows.count(); ++i) {
      const double exact = ExactDistance(metric, zero.Scaled(0), rows.Scaled(i));
      const float found = codes.Distance(i);
      EXPECT_LE(std::fabs(double{found} - exact), 1.5 * double{codes.Bound(i, found)} + 1e-3);
    }
  }
  // Nothing but zeros: the center is one.
  const Rows zeros(Metric::kL2, 90, 3, [](uint32_t, uint32_t) { return 0; });
  RabitqCodes codes(Metric::kL2, 90, GetParam(), 1, zeros);
  codes.SetVector(zeros.row(0), 1);
  EXPECT_EQ(codes.Distance(2), 0);
  codes.SetRow(1);
  EXPECT_EQ(codes.Distance(2), 0);
}

TEST_P(RabitqQuantizerTest, TrainsOnOneRow) {
  OMENDB_TRACE_SEED();
  for (Metric metric : kRotatedMetrics) {
    for (uint32_t dimensions : {1U, 63U, 64U, 65U}) {
      const Rows one = MakeRows({.dimensions = dimensions}, metric, 1, 1, TestSeed());
      RabitqQuantizer quantizer(metric, dimensions, GetParam(), TestSeed());
      ASSERT_TRUE(one.Train(quantizer).ok());
      RabitqCodes codes(metric, dimensions, GetParam(), TestSeed(), one);
      codes.SetVector(one.row(0), one.inverse_norm(0));
      const double exact = ExactDistance(metric, one.Scaled(0), one.Scaled(0));
      EXPECT_NEAR(codes.Distance(0), exact, 1e-5 * (1 + std::fabs(exact)));
      const std::vector<float> decoded = codes.Decoded(0);
      for (uint32_t d = 0; d < dimensions; ++d) EXPECT_NEAR(decoded[d], one.Scaled(0)[d], 1e-6);
    }
  }
}

TEST_P(RabitqQuantizerTest, BatchesOfOneToFourGiveTheSameDistances) {
  OMENDB_TRACE_SEED();
  for (Metric metric : kRotatedMetrics) {
    const Rows rows = MakeRows({.dimensions = 130}, metric, 8, 1, TestSeed());
    RabitqCodes codes(metric, 130, GetParam(), TestSeed(), rows);
    RabitqQuantizer::Query query;
    ASSERT_TRUE(codes.quantizer().ReserveQuery(&query).ok());
    codes.quantizer().PrepareQuery(rows.row(0), rows.inverse_norm(0), &query);
    codes.SetVector(rows.row(0), rows.inverse_norm(0));
    for (uint32_t count = 1; count <= 4; ++count) {
      const uint8_t* asked[4];
      float distances[5] = {-1, -1, -1, -1, -1};
      for (uint32_t i = 0; i < count; ++i) asked[i] = codes.row(3 + i);
      codes.quantizer().Distances(query, asked, count, distances);
      for (uint32_t i = 0; i < count; ++i) EXPECT_EQ(distances[i], codes.Distance(3 + i));
      EXPECT_EQ(distances[count], -1) << "written past its end";
    }
  }
}

TEST_P(RabitqQuantizerTest, KeepsItsOldStateWhenTrainingIsRefusedMemory) {
  const Rows first = MakeRows({.dimensions = 70}, Metric::kDot, 50, 1, 5);
  const Rows second = MakeRows({.dimensions = 70, .offset = 2}, Metric::kDot, 50, 1, 6);
  const uint64_t refused = FailEachAllocation([&] {
    RabitqQuantizer quantizer(Metric::kDot, 70, GetParam(), 8);
    Status status = first.Train(quantizer);
    if (!status.ok()) {
      EXPECT_EQ(quantizer.memory_bytes(), 0U);
      return status;
    }
    float room[128];
    uint8_t before[140];
    uint8_t after[140];
    quantizer.Encode(first.row(0), 1, room, before);
    status = second.Train(quantizer);
    quantizer.Encode(first.row(0), 1, room, after);
    EXPECT_EQ(std::memcmp(before, after, quantizer.row_bytes()) == 0, !status.ok());
    return status;
  });
  EXPECT_GE(refused, 6U);
}

}  // namespace
}  // namespace omendb
