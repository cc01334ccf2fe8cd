#include "index/hnsw_build.h"

#include "allocation_faults.h"
#include "index/generated_rows.h"
#include "index/hnsw_repair.h"
#include "seed.h"

namespace omendb {
namespace {

TEST(HnswBuildTest, SameRowsGiveTheSameBytesHoweverSliced) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4}) {
    const RowStore store = MakeStore(Shape::kClustered, Metric::kCosine, 1500, 5, 16, TestSeed());
    BuiltGraph at_once(store, quantization);
    at_once.AddUpTo(store.count());
    BuiltGraph sliced(store, quantization);
    while (sliced.graph.size() < store.count()) {
      sliced.AddUpTo(std::min(store.count(), sliced.graph.size() + prng.Below(100)));
      (void)sliced.Search(prng.Below(5), 10, 20);
    }
    EXPECT_EQ(Serialized(sliced.graph), Serialized(at_once.graph));
  }
}

TEST(HnswBuildTest, ReachesEveryOneOfManyEqualRows) {
  OMENDB_TRACE_SEED();
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4}) {
    for (Shape shape : {Shape::kAllEqual, Shape::kDuplicates}) {
      const RowStore store = MakeStore(shape, Metric::kL2, 2500, 1, 8, TestSeed());
      BuiltGraph built(store, quantization);
      built.AddUpTo(store.count());
      EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U) << NameOf(shape);
    }
  }
}

TEST(HnswBuildTest, NothingLinksToARowThatWasDeletedBefore) {
  OMENDB_TRACE_SEED();
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 2000, 30, 16, TestSeed());
  for (uint32_t i = 0; i < 2000; i += 3) store.deleted().Set(i);  // the first row among them
  BuiltGraph built(store, Quantization::kSq8);
  built.AddUpTo(store.count());
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  for (uint32_t node = 0; node < 2000; ++node) {
    for (uint32_t level = 0; level <= built.graph.LevelOf(node); ++level) {
      for (uint32_t link : built.graph.Links(node, level)) ASSERT_FALSE(store.deleted().Test(link));
    }
  }
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
}

TEST(HnswBuildTest, GoesOnAfterEverythingWasDeleted) {
  OMENDB_TRACE_SEED();
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 2000, 30, 16, TestSeed());
  BuiltGraph built(store, Quantization::kNone);
  built.AddUpTo(1000);
  for (uint32_t i = 0; i < 1000; ++i) store.deleted().Set(i);
  built.AddUpTo(2000);
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
}

TEST(HnswBuildTest, KeepsOnlyNeighborsNearerThanToEachOther) {
  // On a line: 0 at the origin, rows at 1, 2, 3 and -1.
  const RowStore store(Metric::kL2, {{0}, {1}, {2}, {3}, {-1}}, 0);
  BuiltGraph built(store, Quantization::kNone);
  ASSERT_TRUE(built.builder.Reserve().ok());
  const Neighbor candidates[] = {{1, 1}, {1, 4}, {4, 2}, {9, 3}};
  uint32_t kept[4];
  ASSERT_EQ(built.builder.SelectNeighbors(candidates, 4, kept), 2U);
  EXPECT_EQ(kept[0], 1U);
  EXPECT_EQ(kept[1], 4U);
  EXPECT_EQ(built.builder.SelectNeighbors(candidates, 1, kept), 1U);
}

TEST(HnswBuildTest, AddingChangesNothingWhenMemoryIsRefused) {
  OMENDB_TRACE_SEED();
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4}) {
    const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 600, 1, 8, TestSeed());
    BuiltGraph undisturbed(store, quantization, 4, 20);
    undisturbed.AddUpTo(600);
    BuiltGraph built(store, quantization, 4, 20);
    uint32_t refused = 0;
    for (uint32_t size = 0; size < 600; ++size) {
      // The n-th allocation from here on fails, for every n until none is needed any more.
      for (uint64_t successes = 0;; ++successes) {
        const std::vector<uint8_t> before = Serialized(built.graph);
        SetAllocationFault(AllocationFault::kForever, successes);
        const Status status = built.builder.Add(size, store.deleted());
        SetAllocationFault(AllocationFault::kNone, 0);
        if (status.ok()) break;
        ASSERT_EQ(status.code(), Code::kOutOfMemory);
        ASSERT_EQ(Serialized(built.graph), before);
        ++refused;
      }
      ASSERT_EQ(built.graph.size(), size + 1);
    }
    EXPECT_GT(refused, 10U);
    EXPECT_EQ(Serialized(built.graph), Serialized(undisturbed.graph));
  }
}

TEST(HnswBuildTest, TakingANodeAgainChangesNothingWhenMemoryIsRefused) {
  OMENDB_TRACE_SEED();
  for (Quantization quantization : {Quantization::kNone, Quantization::kSq8, Quantization::kRabitq4}) {
    RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 600, 1, 8, TestSeed());
    const auto fresh = Generate(Shape::kClustered, 600, 0, 8, TestSeed() + 1);
    BuiltGraph built(store, quantization, 4, 20);
    built.AddUpTo(600);
    // Every node in turn gets another row, so that the highest ones are among them.
    uint32_t refused = 0;
    for (uint32_t node = 0; node < 600; ++node) {
      store.deleted().Set(node);
      Bitmap doomed;
      ASSERT_TRUE(doomed.CopyFrom(store.deleted()).ok());
      MoveEntryOff(built.graph, doomed);
      for (uint32_t other = 0; other < 600; ++other) {
        ASSERT_TRUE(
            RepairNode(built.graph, other, doomed, store.deleted(), *built.query, built.builder).ok());
      }
      ASSERT_TRUE(LinkUnreached(built.graph, store.deleted(), *built.query, built.builder).ok());
      built.graph.ClearNode(node);
      store.Replace(node, fresh[node]);
      HnswScratch scratch;  // a new one, so that each node needs all its memory again
      HnswBuilder builder(built.graph, *built.query, *built.pair, scratch, 20);
      const uint32_t level = built.graph.LevelOf(node);
      for (uint64_t successes = 0;; ++successes) {
        const std::vector<uint8_t> before = Serialized(built.graph);
        SetAllocationFault(AllocationFault::kForever, successes);
        const Status status = builder.Add(node, store.deleted());
        SetAllocationFault(AllocationFault::kNone, 0);
        if (status.ok()) break;
        ASSERT_EQ(status.code(), Code::kOutOfMemory);
        ASSERT_EQ(Serialized(built.graph), before);
        ++refused;
      }
      ASSERT_EQ(built.graph.LevelOf(node), level);
      ASSERT_EQ(BrokenInvariant(built.graph), "") << "node " << node;
    }
    EXPECT_GT(refused, 600U);
    EXPECT_EQ(built.graph.size(), 600U);
    EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  }
}

TEST(HnswBuildTest, BeginsAnewOnNodesThatWereAllCleared) {
  OMENDB_TRACE_SEED();
  RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 1500, 30, 16, TestSeed());
  const auto fresh = Generate(Shape::kClustered, 1500, 0, 16, TestSeed() + 1);
  BuiltGraph built(store, Quantization::kSq8);
  built.AddUpTo(1500);
  for (uint32_t node = 0; node < 1500; ++node) {
    built.graph.ClearNode(node);
    store.deleted().Set(node);
  }
  built.graph.ClearEntry();
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_TRUE(built.Search(0, 10, 64).empty());
  // Not in the order of nodes: the entry climbs as higher ones come.
  for (uint32_t i = 0; i < 1500; ++i) {
    const uint32_t node = i * 7 % 1500;
    store.Replace(node, fresh[node]);
    ASSERT_TRUE(built.builder.Add(node, store.deleted()).ok());
  }
  EXPECT_EQ(BrokenInvariant(built.graph), "");
  EXPECT_EQ(UnreachableNodes(built.graph, store.deleted()), 0U);
  EXPECT_GE(MeanRecall(built, 10, 64), 0.95);
}

}  // namespace
}  // namespace omendb
