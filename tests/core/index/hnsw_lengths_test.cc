// Rows of unequal length under l2: the short ones are nearer to all than most rows are to their neighbors, so
// that the neighbor heuristic alone leaves rows without a link to them.
#include "index/generated_rows.h"
#include "index/hnsw_build.h"
#include "seed.h"

namespace omendb {
namespace {

constexpr uint32_t kRows = 4000;

class HnswLengthsTest : public ::testing::TestWithParam<Quantization> {};
INSTANTIATE_TEST_SUITE_P(Kinds, HnswLengthsTest,
                         ::testing::Values(Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4,
                                           Quantization::kRabitq7),
                         [](const auto& test) { return NameOf(test.param); });

// Measured with the heuristic alone: recall 0.934 to 0.938, 89 to 112 rows without a link to them; with three
// quarters of M filled 0.973 to 0.980, and 1 to 3.
TEST_P(HnswLengthsTest, RowsFarOutAreFound) {
  OMENDB_TRACE_SEED();
  const RowStore store = MakeStore(Shape::kUnequalLengths, Metric::kL2, kRows, 100, 48, TestSeed());
  BuiltGraph built(store, GetParam());
  built.AddUpTo(kRows);
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_GE(MeanRecall(built, 10, 160), 0.955);
  EXPECT_LE(NodesWithoutLinksToThem(built.graph, store.deleted()), kRows / 200);
  EXPECT_LE(UnreachableNodes(built.graph, store.deleted()), kRows / 100);
}

// A new node has at least three quarters of M links where there are so many others, and keeps to its M.
TEST_P(HnswLengthsTest, ANewNodeHasMostOfItsLinks) {
  OMENDB_TRACE_SEED();
  const RowStore store = MakeStore(Shape::kUnequalLengths, Metric::kL2, 400, 1, 48, TestSeed());
  for (uint32_t degree : {4U, 5U, 16U}) {
    BuiltGraph built(store, GetParam(), degree, 40);
    for (uint32_t size = 1; size <= store.count(); ++size) {
      built.AddUpTo(size);
      const size_t links = built.graph.Links(size - 1, 0).size();
      EXPECT_GE(links, std::min<size_t>(size - 1, degree * 3 / 4)) << "node " << size - 1;
      EXPECT_LE(links, degree + 1) << "its M, and one that was displaced";
    }
  }
}

}  // namespace
}  // namespace omendb
