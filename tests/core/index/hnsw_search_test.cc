#include "index/hnsw_search.h"

#include <tuple>

#include "allocation_faults.h"
#include "index/generated_rows.h"
#include "seed.h"

namespace omendb {
namespace {

using Case = std::tuple<Shape, Metric, Quantization>;

class HnswRecallTest : public ::testing::TestWithParam<Case> {};
constexpr auto kNameOfCase = [](const ::testing::TestParamInfo<Case>& test) {
  const auto [shape, metric, quantization] = test.param;
  return NameOf(shape) + NameOf(metric) + NameOf(quantization);
};
const auto kShapes = ::testing::Values(Shape::kClustered, Shape::kUniform, Shape::kDuplicates,
                                       Shape::kAllEqual, Shape::kSortedByCluster);
INSTANTIATE_TEST_SUITE_P(
    Sets, HnswRecallTest,
    ::testing::Combine(kShapes, ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1),
                       ::testing::Values(Quantization::kNone, Quantization::kSq8)),
    kNameOfCase);
INSTANTIATE_TEST_SUITE_P(RotatedSets, HnswRecallTest,
                         ::testing::Combine(kShapes,
                                            ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kDot),
                                            ::testing::Values(Quantization::kRabitq4)),
                         kNameOfCase);

TEST_P(HnswRecallTest, FindsWhatExactSearchFinds) {
  OMENDB_TRACE_SEED();
  const auto [shape, metric, quantization] = GetParam();
  // A dot product's nearest rows are those of greatest norm: a graph of neighbors is a poor guide to them.
  const uint32_t ef = metric == Metric::kDot ? 200 : 100;
  const RowStore store = MakeStore(shape, metric, 2000, 40, 24, TestSeed());
  BuiltGraph built(store, quantization);
  built.AddUpTo(store.count());
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  // Under the dot product rows of small norm are nobody's neighbors; they are no one's answer either.
  if (metric != Metric::kDot) EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, ef), 0.95);
}

TEST(HnswSearchTest, FindsAllOfAFewRows) {
  for (uint32_t count = 0; count <= 5; ++count) {
    for (Shape shape : {Shape::kUniform, Shape::kAllEqual}) {
      const RowStore store = MakeStore(shape, Metric::kL2, count, 1, 3, 9);
      BuiltGraph built(store, Quantization::kNone);
      built.AddUpTo(count);
      EXPECT_EQ(built.Search(0, 10, 10).size(), count) << NameOf(shape);
      EXPECT_EQ(built.Search(0, 1, 1).size(), std::min(count, 1U)) << NameOf(shape);
    }
  }
}

// The pool is taken when nothing is deleted and ef is small, the heaps otherwise. A deleted node far from
// the query and from every path changes nothing but the choice.
TEST(HnswSearchTest, PoolAndHeapsFindTheSame) {
  OMENDB_TRACE_SEED();
  std::vector<std::vector<float>> rows = Generate(Shape::kClustered, 3000, 50, 16, TestSeed());
  rows.insert(rows.begin() + 3000, std::vector<float>(16, 1e6F));
  RowStore store(Metric::kL2, rows, 50);
  BuiltGraph built(store, Quantization::kNone);
  built.AddUpTo(3000);
  store.deleted().Set(3000);
  built.AddUpTo(3001);
  for (uint32_t q = 0; q < store.query_count(); ++q) {
    for (uint32_t ef : {1U, 2U, 10U, 100U, kPoolEfMax}) {
      std::vector<std::vector<uint32_t>> hits;
      std::vector<HnswSearchStats> stats(2);
      for (bool with_heaps : {false, true}) {
        if (with_heaps) {
          store.deleted().Set(3000);
        } else {
          store.deleted().Unset(3000);
        }
        built.query->SetVector(store.query(q), 1);
        ASSERT_TRUE(
            SearchHnsw(built.graph, *built.query, store.deleted(), ef, built.scratch, &stats[with_heaps])
                .ok());
        hits.emplace_back();
        for (Neighbor neighbor : built.scratch.results.Sorted()) hits.back().push_back(neighbor.ordinal());
      }
      ASSERT_EQ(hits[0], hits[1]) << "query " << q << " ef " << ef;
      ASSERT_EQ(stats[0].distances, stats[1].distances);
      ASSERT_EQ(stats[0].hops, stats[1].hops);
    }
  }
}

TEST(HnswSearchTest, AnswersEqualTheLastTimesAfterEveryMarkWasUsed) {
  const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 200, 1, 4, 3);
  BuiltGraph built(store, Quantization::kNone, 4, 20);
  built.AddUpTo(200);
  const std::vector<uint32_t> first = built.Search(0, 10, 20);
  for (uint32_t i = 0; i < 70000; ++i) built.scratch.NextWalk();
  for (uint32_t i = 0; i < 40; ++i) EXPECT_EQ(built.Search(0, 10, 20), first);
}

TEST(HnswSearchTest, HalfDeletedAtRandomKeepsRecall) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4}) {
    RowStore store = MakeStore(Shape::kClustered, Metric::kCosine, 3000, 40, 24, TestSeed());
    BuiltGraph built(store, quantization);
    built.AddUpTo(store.count());
    for (uint32_t i = 0; i < store.count(); ++i) {
      if (prng.Below(2) == 0) store.deleted().Set(i);
    }
    EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
  }
}

TEST(HnswSearchTest, AsksWhereAllAroundIsDeleted) {
  OMENDB_TRACE_SEED();
  // The 300 nearest of one row go; the queries are 40 of them.
  std::vector<std::vector<float>> rows = Generate(Shape::kClustered, 3000, 0, 24, TestSeed());
  std::vector<std::vector<float>> with_query = rows;
  with_query.push_back(rows[0]);
  const RowStore all(Metric::kL2, with_query, 1);
  const std::vector<Neighbor> around = ExactHits(all, 0, 300);
  for (size_t i = 0; i < 40; ++i) rows.push_back(rows[around[i].ordinal()]);
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4}) {
    RowStore store(Metric::kL2, rows, 40);
    BuiltGraph built(store, quantization);
    built.AddUpTo(store.count());
    for (Neighbor gone : around) store.deleted().Set(gone.ordinal());
    EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
  }
}

TEST(HnswSearchTest, AsksInADeletedFarClusterAndStillGetsAllHits) {
  OMENDB_TRACE_SEED();
  // Sorted: cluster c is the rows [150 c, 150 c + 150).
  std::vector<std::vector<float>> rows = Generate(Shape::kSortedByCluster, 3000, 0, 24, TestSeed());
  const std::vector<std::vector<float>> queries(rows.begin() + 450, rows.begin() + 490);
  rows.insert(rows.end(), queries.begin(), queries.end());
  RowStore store(Metric::kL2, rows, 40);
  BuiltGraph built(store, Quantization::kSq8);
  built.AddUpTo(store.count());
  for (uint32_t i = 450; i < 600; ++i) store.deleted().Set(i);
  for (uint32_t q = 0; q < 40; ++q) EXPECT_EQ(built.Search(q, 10, 10).size(), 10U);
}

TEST(HnswSearchTest, AllDeletedFindsNothing) {
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 300, 1, 8, 5);
  BuiltGraph built(store, Quantization::kNone);
  built.AddUpTo(300);
  for (uint32_t i = 0; i < 300; ++i) store.deleted().Set(i);
  EXPECT_TRUE(built.Search(0, 10, 10).empty());
}

TEST(HnswSearchTest, ReportsRefusedMemoryAndAnswersAfterwards) {
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 3000, 1, 8, 5);
  BuiltGraph built(store, Quantization::kNone);
  built.AddUpTo(store.count());
  for (uint32_t deleted : {0U, 2999U}) {
    for (uint32_t i = 0; i < deleted; ++i) store.deleted().Set(i);
    built.query->SetVector(store.query(0), 1);
    const uint64_t refused = FailEachAllocation([&] {
      HnswScratch scratch;
      Status status = SearchHnsw(built.graph, *built.query, store.deleted(), 50, scratch);
      if (status.ok()) EXPECT_EQ(scratch.results.size(), deleted == 0 ? 50U : 1U);
      return status;
    });
    EXPECT_GE(refused, 5U);
  }
}

}  // namespace
}  // namespace omendb
