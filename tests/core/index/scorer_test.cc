#include "index/scorer.h"

#include "allocation_faults.h"
#include "index/generated_rows.h"
#include "quantize/rabitq_quantizer.h"
#include "quantize/scalar_quantizer.h"
#include "seed.h"

namespace omendb {
namespace {

class ScorerTest : public ::testing::TestWithParam<Metric> {};
INSTANTIATE_TEST_SUITE_P(Metrics, ScorerTest,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1),
                         [](const auto& test) { return NameOf(test.param); });

// Every batch size up to `most`, so that each tail of the loops over several rows is met.
void ExpectDistances(const Scorer& scorer, const std::vector<float>& expected, double bound) {
  for (uint32_t count = 0; count <= 11; ++count) {
    std::vector<uint32_t> ordinals;
    for (uint32_t i = 0; i < count; ++i)
      ordinals.push_back((i * 5 + count) % static_cast<uint32_t>(expected.size()));
    std::vector<float> distances(count + 1, -12345);
    scorer.Distances(ordinals.data(), count, distances.data());
    EXPECT_EQ(distances[count], -12345) << "written past its end";
    for (uint32_t i = 0; i < count; ++i) {
      const double wanted = static_cast<double>(expected[ordinals[i]]);
      EXPECT_NEAR(static_cast<double>(distances[i]), wanted, bound * (1 + std::fabs(wanted)))
          << "row " << ordinals[i];
    }
  }
}

TEST_P(ScorerTest, F32GivesOrderingDistances) {
  OMENDB_TRACE_SEED();
  for (uint32_t dimensions : {1U, 15U, 64U, 131U}) {
    const RowStore store = MakeStore(Shape::kClustered, GetParam(), 50, 1, dimensions, TestSeed());
    auto scorer = store.MakeScorer(Quantization::kNone);
    std::vector<float> from_query;
    std::vector<float> from_row;
    for (uint32_t i = 0; i < store.count(); ++i) {
      from_query.push_back(OrderingDistance(GetParam(), store.query(0), store.query_inverse_norm(0),
                                            store.row(i), store.inverse_norm(i), dimensions));
      from_row.push_back(OrderingDistance(GetParam(), store.row(3), store.inverse_norm(3), store.row(i),
                                          store.inverse_norm(i), dimensions));
    }
    scorer->SetVector(store.query(0), store.query_inverse_norm(0));
    ExpectDistances(*scorer, from_query, 1e-5);
    scorer->SetRow(3);
    ExpectDistances(*scorer, from_row, 1e-5);
  }
}

TEST_P(ScorerTest, Sq8GivesTheQuantizersDistances) {
  OMENDB_TRACE_SEED();
  for (uint32_t dimensions : {1U, 15U, 64U, 131U}) {
    const RowStore store = MakeStore(Shape::kClustered, GetParam(), 50, 1, dimensions, TestSeed());
    auto scorer = store.MakeScorer(Quantization::kSq8);
    const auto& quantizer = static_cast<const ScalarQuantizer&>(store.quantizer(Quantization::kSq8));
    const ChunkedRows& codes = store.codes(Quantization::kSq8);
    ScalarQuantizer::Query query;
    ASSERT_TRUE(quantizer.ReserveQuery(&query).ok());
    const auto expected = [&] {
      std::vector<float> distances;
      for (uint32_t i = 0; i < store.count(); ++i) {
        distances.push_back(quantizer.Distance(query, codes.row(i)));
      }
      return distances;
    };
    quantizer.PrepareQuery(store.query(0), store.query_inverse_norm(0), &query);
    scorer->SetVector(store.query(0), store.query_inverse_norm(0));
    ExpectDistances(*scorer, expected(), 1e-5);
    quantizer.PrepareQueryFromRow(codes.row(3), &query);
    scorer->SetRow(3);
    ExpectDistances(*scorer, expected(), 1e-5);
  }
}

// The kinds that go with a metric.
std::vector<Quantization> KindsFor(Metric metric) {
  std::vector<Quantization> kinds;
  for (Quantization kind : kCodeKinds) {
    if (SupportsMetric(kind, metric)) kinds.push_back(kind);
  }
  return kinds;
}

TEST_P(ScorerTest, RabitqGivesTheQuantizersDistances) {
  OMENDB_TRACE_SEED();
  for (Quantization kind : KindsFor(GetParam())) {
    if (kind == Quantization::kSq8) continue;
    for (uint32_t dimensions : {1U, 64U, 131U, 256U}) {
      SCOPED_TRACE(::testing::Message() << RabitqBits(kind) << " bits, " << dimensions << " dimensions");
      const RowStore store = MakeStore(Shape::kClustered, GetParam(), 50, 1, dimensions, TestSeed());
      const auto& quantizer = static_cast<const RabitqQuantizer&>(store.quantizer(kind));
      auto scorer = store.MakeScorer(kind);
      RabitqQuantizer::Query query;
      ASSERT_TRUE(quantizer.ReserveQuery(&query).ok());
      std::vector<int8_t> room(quantizer.padded_dimensions());
      const auto expected = [&] {
        std::vector<float> distances(store.count());
        for (uint32_t i = 0; i < store.count(); ++i) {
          const uint8_t* row = store.codes(kind).row(i);
          quantizer.Distances(query, &row, 1, &distances[i]);
        }
        return distances;
      };
      quantizer.PrepareQuery(store.query(0), store.query_inverse_norm(0), &query);
      scorer->SetVector(store.query(0), store.query_inverse_norm(0));
      ExpectDistances(*scorer, expected(), 0);
      for (uint32_t i = 0; i < store.count(); ++i) {
        const float distance = scorer->Distance(i);
        EXPECT_EQ(scorer->ErrorBound(i, distance),
                  quantizer.ErrorBound(query, store.codes(kind).row(i), distance, room.data()));
      }
      quantizer.PrepareQueryFromRow(store.codes(kind).row(3), &query);
      scorer->SetRow(3);
      ExpectDistances(*scorer, expected(), 0);
    }
  }
}

TEST_P(ScorerTest, RowsAreTheSameWhenTheirCodesAre) {
  OMENDB_TRACE_SEED();
  std::vector<Quantization> kinds = KindsFor(GetParam());
  kinds.push_back(Quantization::kNone);
  for (Quantization kind : kinds) {
    std::vector<std::vector<float>> rows = Generate(Shape::kClustered, 40, 0, 70, TestSeed());
    rows[17] = rows[5];
    const RowStore store(GetParam(), rows, 0);
    auto scorer = store.MakeScorer(kind);
    EXPECT_TRUE(scorer->SameRow(5, 17));
    EXPECT_TRUE(scorer->SameRow(5, 5));
    scorer->SetRow(5);
    EXPECT_EQ(scorer->Distance(5), scorer->Distance(17));
    for (uint32_t i = 0; i < 40; ++i) {
      if (i != 5 && i != 17) EXPECT_FALSE(scorer->SameRow(5, i)) << i;
    }
  }
}

TEST_P(ScorerTest, KeptRowsAreComparedAsQueriesAre) {
  OMENDB_TRACE_SEED();
  std::vector<Quantization> kinds = KindsFor(GetParam());
  kinds.push_back(Quantization::kNone);
  for (Quantization quantization : kinds) {
    const RowStore store = MakeStore(Shape::kClustered, GetParam(), 60, 0, 33, TestSeed());
    auto scorer = store.MakeScorer(quantization);
    auto kept = store.MakeScorer(quantization);
    ASSERT_TRUE(kept->ReserveKept(8).ok());
    std::vector<std::vector<float>> distances;  // [slot][row]
    for (uint32_t slot = 0; slot < 8; ++slot) {
      kept->SetKept(slot, slot * 3);
      scorer->SetRow(slot * 3);
      distances.emplace_back();
      for (uint32_t row = 0; row < 60; ++row) distances.back().push_back(scorer->Distance(row));
    }
    for (uint32_t count = 0; count <= 8; ++count) {
      for (uint32_t row = 30; row < 60; ++row) {
        float nearest = std::numeric_limits<float>::infinity();
        for (uint32_t slot = 0; slot < count; ++slot) nearest = std::min(nearest, distances[slot][row]);
        const float margin = 1e-4F * (1 + std::fabs(nearest));
        EXPECT_FALSE(kept->AnyKeptNearer(count, row, count == 0 ? nearest : nearest - margin));
        if (count > 0) EXPECT_TRUE(kept->AnyKeptNearer(count, row, nearest + margin));
      }
    }
    // A query of its own does not disturb them, nor do more of them.
    kept->SetRow(7);
    ASSERT_TRUE(kept->ReserveKept(20).ok());
    EXPECT_TRUE(kept->AnyKeptNearer(1, 31, distances[0][31] + 1e-4F * (1 + std::fabs(distances[0][31]))));
  }
}

TEST(ScorerTest, ReservingReportsRefusedMemory) {
  const RowStore store = MakeStore(Shape::kUniform, Metric::kL2, 40, 1, 24, 1);
  for (Quantization kind : kCodeKinds) {
    const Quantizer& quantizer = store.quantizer(kind);
    const uint64_t refused = FailEachAllocation([&]() -> Status {
      OMENDB_ASSIGN(Owned<Scorer> scorer, MakeCodeScorer(quantizer, store.codes(kind), store.metric()));
      return scorer->ReserveKept(32);
    });
    EXPECT_GT(refused, 32U);
  }
}

}  // namespace
}  // namespace omendb
