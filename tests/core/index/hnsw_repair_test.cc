#include "index/hnsw_repair.h"

#include "allocation_faults.h"
#include "index/generated_rows.h"
#include "seed.h"

namespace omendb {
namespace {

void RepairAll(BuiltGraph& built, const Bitmap& doomed) {
  MoveEntryOff(built.graph, doomed);
  for (uint32_t node = 0; node < built.graph.size(); ++node) {
    ASSERT_TRUE(
        RepairNode(built.graph, node, doomed, built.store.deleted(), *built.query, built.builder).ok());
  }
  ASSERT_TRUE(LinkUnreached(built.graph, built.store.deleted(), *built.query, built.builder).ok());
}

void ExpectNoLinkTo(const HnswGraph& graph, const Bitmap& doomed) {
  for (uint32_t node = 0; node < graph.size(); ++node) {
    if (doomed.Test(node)) continue;
    for (uint32_t level = 0; level <= graph.LevelOf(node); ++level) {
      for (uint32_t link : graph.Links(node, level)) ASSERT_FALSE(doomed.Test(link)) << "node " << node;
    }
  }
  EXPECT_FALSE(doomed.Test(graph.entry()));
}

void RepairAndCompact(BuiltGraph& built, RowStore& store) {
  Bitmap doomed;
  ASSERT_TRUE(doomed.CopyFrom(store.deleted()).ok());
  RepairAll(built, doomed);
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  ExpectNoLinkTo(built.graph, doomed);
  ASSERT_TRUE(built.graph.RemoveAndRenumber(doomed).ok());
  store.RemoveAndRenumber(doomed);
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_EQ(built.graph.size(), store.count());
}

class HnswRepairTest : public ::testing::TestWithParam<Quantization> {};
INSTANTIATE_TEST_SUITE_P(Codes, HnswRepairTest, ::testing::Values(Quantization::kNone, Quantization::kSq8),
                         [](const auto& test) { return test.param == Quantization::kNone ? "F32" : "Sq8"; });

TEST_P(HnswRepairTest, KeepsRecallWhenHalfGoesAtRandom) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  RowStore store = MakeStore(Shape::kClustered, Metric::kCosine, 4000, 40, 24, TestSeed());
  BuiltGraph built(store, GetParam());
  built.AddUpTo(store.count());
  for (uint32_t i = 0; i < 4000; ++i) {
    if (prng.Below(2) == 0) store.deleted().Set(i);
  }
  RepairAndCompact(built, store);
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
}

TEST_P(HnswRepairTest, KeepsRecallWhenWholeClustersGo) {
  OMENDB_TRACE_SEED();
  RowStore store = MakeStore(Shape::kSortedByCluster, Metric::kL2, 4000, 40, 24, TestSeed());
  BuiltGraph built(store, GetParam());
  built.AddUpTo(store.count());
  // 200 rows per cluster: every second cluster, and the first half of the third.
  for (uint32_t i = 0; i < 4000; ++i) {
    if ((i / 200) % 2 == 1 || (i >= 400 && i < 500)) store.deleted().Set(i);
  }
  RepairAndCompact(built, store);
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
}

TEST_P(HnswRepairTest, KeepsRecallThroughRoundsOfReplacement) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 6000, 40, 16, TestSeed());
  BuiltGraph built(store, GetParam());
  // Each round adds some and takes out a third of what there is.
  uint32_t size = 0;
  for (uint32_t round = 0; round < 4; ++round) {
    size = std::min(size + 1500, store.count());
    built.AddUpTo(size);
    for (uint32_t i = 0; i < size; ++i) {
      if (prng.Below(3) == 0) store.deleted().Set(i);
    }
    const uint32_t removed = store.deleted().set_count();
    Bitmap doomed;
    ASSERT_TRUE(doomed.CopyFrom(store.deleted()).ok());
    RepairAll(built, doomed);
    ASSERT_TRUE(built.graph.RemoveAndRenumber(doomed).ok());
    store.RemoveAndRenumber(doomed);
    size -= removed;
    ASSERT_EQ(built.graph.size(), size);
  }
  built.AddUpTo(store.count());
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
}

TEST_P(HnswRepairTest, AddingAndDeletingBetweenRepairsIsFine) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 3000, 30, 16, TestSeed());
  BuiltGraph built(store, GetParam());
  built.AddUpTo(2000);
  for (uint32_t i = 0; i < 700; ++i) store.deleted().Set(prng.Below(2000));
  Bitmap doomed;
  ASSERT_TRUE(doomed.CopyFrom(store.deleted()).ok());
  MoveEntryOff(built.graph, doomed);
  for (uint32_t node = 0; node < built.graph.size(); ++node) {
    if (node % 2 == 0 && built.graph.size() < 3000) {
      ASSERT_TRUE(built.builder.AddNext(store.deleted()).ok());
      store.deleted().Set(prng.Below(3000));
    }
    ASSERT_TRUE(RepairNode(built.graph, node, doomed, store.deleted(), *built.query, built.builder).ok());
  }
  ASSERT_EQ(built.graph.size(), 3000U);
  ExpectNoLinkTo(built.graph, doomed);
  ASSERT_TRUE(built.graph.RemoveAndRenumber(doomed).ok());
  store.RemoveAndRenumber(doomed);
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_GE(MeanRecall(built, 10, 100), 0.95);
}

TEST_P(HnswRepairTest, AllDoomedLeavesAnEmptyGraph) {
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 200, 1, 8, 4);
  BuiltGraph built(store, GetParam());
  built.AddUpTo(200);
  for (uint32_t i = 0; i < 200; ++i) store.deleted().Set(i);
  Bitmap doomed;
  ASSERT_TRUE(doomed.CopyFrom(store.deleted()).ok());
  MoveEntryOff(built.graph, doomed);
  ASSERT_TRUE(built.graph.RemoveAndRenumber(doomed).ok());
  EXPECT_EQ(BrokenInvariant(built.graph), "");
}

TEST(HnswLinkUnreachedTest, LeadsToEveryIsland) {
  OMENDB_TRACE_SEED();
  const RowStore store = MakeStore(Shape::kSortedByCluster, Metric::kL2, 1000, 20, 8, TestSeed());
  BuiltGraph built(store, Quantization::kNone);
  built.AddUpTo(1000);
  // Clusters of 50 rows each, cut off from one another; every list of the entry's cluster stays full.
  for (uint32_t node = 0; node < 1000; ++node) {
    std::vector<uint32_t> links;
    for (uint32_t i = 1; i < 33; ++i) links.push_back(node / 50 * 50 + (node + i) % 50);
    built.graph.SetLinks(node, 0, links);
  }
  ASSERT_EQ(UnreachableNodes(built.graph, store.deleted()), 950U);
  ASSERT_TRUE(LinkUnreached(built.graph, store.deleted(), *built.query, built.builder).ok());
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  const std::vector<uint8_t> linked = Serialized(built.graph);
  ASSERT_TRUE(LinkUnreached(built.graph, store.deleted(), *built.query, built.builder).ok());
  EXPECT_EQ(Serialized(built.graph), linked);
}

TEST(HnswRepairFaultTest, ChangesNothingWhenMemoryIsRefused) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 400, 1, 8, TestSeed());
  BuiltGraph built(store, Quantization::kSq8, 4, 20);
  built.AddUpTo(400);
  for (uint32_t i = 0; i < 300; ++i) store.deleted().Set(prng.Below(400));
  Bitmap doomed;
  ASSERT_TRUE(doomed.CopyFrom(store.deleted()).ok());
  MoveEntryOff(built.graph, doomed);
  uint32_t refused = 0;
  for (uint32_t node = 0; node < 400; ++node) {
    HnswScratch scratch;  // a new one, so that each node needs all its memory again
    HnswBuilder builder(built.graph, *built.query, *built.pair, scratch, 20);
    for (uint64_t successes = 0;; ++successes) {
      const std::vector<uint8_t> before = Serialized(built.graph);
      SetAllocationFault(AllocationFault::kForever, successes);
      const Status status = RepairNode(built.graph, node, doomed, store.deleted(), *built.query, builder);
      SetAllocationFault(AllocationFault::kNone, 0);
      if (status.ok()) break;
      ASSERT_EQ(status.code(), Code::kOutOfMemory);
      ASSERT_EQ(Serialized(built.graph), before);
      ++refused;
    }
  }
  EXPECT_GT(refused, 100U);
  ExpectNoLinkTo(built.graph, doomed);
}

}  // namespace
}  // namespace omendb
