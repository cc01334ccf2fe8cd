#include "index/scorer.h"

#include "allocation_faults.h"
#include "index/generated_rows.h"
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
    ScalarQuantizer::Query query;
    ASSERT_TRUE(store.quantizer().ReserveQuery(&query).ok());
    const auto expected = [&] {
      std::vector<float> distances;
      for (uint32_t i = 0; i < store.count(); ++i) {
        distances.push_back(store.quantizer().Distance(query, store.codes().row(i)));
      }
      return distances;
    };
    store.quantizer().PrepareQuery(store.query(0), store.query_inverse_norm(0), &query);
    scorer->SetVector(store.query(0), store.query_inverse_norm(0));
    ExpectDistances(*scorer, expected(), 1e-5);
    store.quantizer().PrepareQueryFromRow(store.codes().row(3), &query);
    scorer->SetRow(3);
    ExpectDistances(*scorer, expected(), 1e-5);
  }
}

TEST_P(ScorerTest, KeptRowsAreComparedAsQueriesAre) {
  OMENDB_TRACE_SEED();
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8}) {
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
  }
}

TEST(ScorerTest, ReservingReportsRefusedMemory) {
  const RowStore store = MakeStore(Shape::kUniform, Metric::kL2, 40, 1, 24, 1);
  const uint64_t refused = FailEachAllocation([&]() -> Status {
    Sq8Scorer scorer(store.codes(), store.quantizer(), store.metric(), store.dimensions());
    OMENDB_TRY(scorer.Reserve());
    return scorer.ReserveKept(32);
  });
  EXPECT_GT(refused, 32U);
}

}  // namespace
}  // namespace omendb
