#include "index/hnsw_graph.h"

#include "allocation_faults.h"
#include "index/generated_rows.h"
#include "seed.h"

namespace omendb {
namespace {

constexpr uint64_t kSeed = 42;

Status Deserialize(const std::vector<uint8_t>& bytes, uint32_t degree, HnswGraph& graph) {
  Reader in(bytes);
  OMENDB_TRY(graph.Deserialize(in, degree, kSeed));
  if (!in.done()) return Status::Error(Code::kCorruption, in.remaining(), " bytes left");
  return Status::Ok();
}

TEST(HnswGraphTest, LevelsFollowFromTheOrdinalWithTheDegreesProbability) {
  const HnswGraph graph(16, kSeed);
  uint32_t counts[kLevelMax + 1] = {};
  for (uint32_t node = 0; node < 100000; ++node) ++counts[graph.DrawLevel(node)];
  EXPECT_NEAR(counts[1], 100000.0 / 16 * 15 / 16, 300);
  EXPECT_NEAR(counts[2], 100000.0 / 256 * 15 / 16, 100);
  EXPECT_EQ(HnswGraph(16, kSeed).DrawLevel(12345), graph.DrawLevel(12345));
  uint32_t same = 0;
  for (uint32_t node = 0; node < 1000; ++node)
    same += HnswGraph(4, 7).DrawLevel(node) == HnswGraph(4, 8).DrawLevel(node);
  EXPECT_LT(same, 800U) << "the seed does not matter";
}

TEST(HnswGraphTest, KeepsItsBytesThroughARoundTrip) {
  OMENDB_TRACE_SEED();
  for (uint32_t count : {0U, 1U, 2U, 200U, 300U, 700U}) {
    const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, count, 1, 8, TestSeed());
    BuiltGraph built(store, Quantization::kNone, 4, 30);
    built.AddUpTo(count);
    const std::vector<uint8_t> bytes = Serialized(built.graph);
    HnswGraph read(4, kSeed);
    ASSERT_TRUE(Deserialize(bytes, 4, read).ok()) << count;
    EXPECT_EQ(BrokenInvariant(read), "");
    EXPECT_EQ(read.size(), count);
    EXPECT_EQ(read.entry(), built.graph.entry());
    EXPECT_EQ(Serialized(read), bytes);
  }
}

TEST(HnswGraphTest, HasTheSameBytesInPieces) {
  OMENDB_TRACE_SEED();
  for (uint32_t count : {0U, 1U, 300U}) {
    const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, count, 1, 8, TestSeed());
    BuiltGraph built(store, Quantization::kNone, 4, 30);
    built.AddUpTo(count);
    for (size_t target : {size_t{0}, size_t{1}, size_t{333}, size_t{1} << 20}) {
      std::vector<uint8_t> joined;
      uint32_t next = 0;
      do {
        Bytes piece;
        const uint32_t before = next;
        ASSERT_TRUE(built.graph.SerializeSome(&next, target, piece).ok());
        joined.insert(joined.end(), piece.begin(), piece.end());
        ASSERT_TRUE(next > before || count == 0);
        ASSERT_TRUE(piece.size() >= target || next == count);
      } while (next < count);
      EXPECT_EQ(joined, Serialized(built.graph)) << count << " nodes, pieces of " << target;
    }
  }
}

TEST(HnswGraphTest, GoesOnTheSameAfterARoundTrip) {
  OMENDB_TRACE_SEED();
  const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 600, 1, 8, TestSeed());
  BuiltGraph whole(store, Quantization::kNone);
  whole.AddUpTo(600);
  BuiltGraph halves(store, Quantization::kNone);
  halves.AddUpTo(300);
  ASSERT_TRUE(Deserialize(Serialized(halves.graph), 16, halves.graph).ok());
  halves.AddUpTo(600);
  EXPECT_EQ(Serialized(halves.graph), Serialized(whole.graph));
}

TEST(HnswGraphTest, EveryChangedByteIsCorruptionOrAWholeGraph) {
  OMENDB_TRACE_SEED();
  const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 40, 1, 4, TestSeed());
  BuiltGraph built(store, Quantization::kNone, 4, 20);
  built.AddUpTo(40);
  const std::vector<uint8_t> bytes = Serialized(built.graph);
  uint32_t refused = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (uint32_t change = 1; change < 256; ++change) {
      std::vector<uint8_t> changed = bytes;
      changed[at] = static_cast<uint8_t>(changed[at] ^ change);
      HnswGraph graph(4, kSeed);
      const Status status = Deserialize(changed, 4, graph);
      if (status.ok()) {
        ASSERT_EQ(BrokenInvariant(graph), "") << "byte " << at << " changed by " << change;
      } else {
        ASSERT_EQ(status.code(), Code::kCorruption) << "byte " << at << " changed by " << change;
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, bytes.size());
}

TEST(HnswGraphTest, EveryCutIsCorruption) {
  const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 60, 1, 4, 1);
  BuiltGraph built(store, Quantization::kNone, 4, 20);
  built.AddUpTo(60);
  const std::vector<uint8_t> bytes = Serialized(built.graph);
  for (size_t size = 0; size < bytes.size(); ++size) {
    HnswGraph graph(4, kSeed);
    const Status status =
        Deserialize({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}, 4, graph);
    ASSERT_EQ(status.code(), Code::kCorruption) << size;
    ASSERT_EQ(graph.size(), 0U);
    ASSERT_EQ(graph.entry(), kNoNode);
  }
}

TEST(HnswGraphTest, AnotherDegreeIsCorruption) {
  const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 20, 1, 4, 1);
  BuiltGraph built(store, Quantization::kNone, 4, 20);
  built.AddUpTo(20);
  HnswGraph graph(5, kSeed);
  EXPECT_EQ(Deserialize(Serialized(built.graph), 5, graph).code(), Code::kCorruption);
}

TEST(HnswGraphTest, ACountOfNodesThatIsNotThereAsksForNoMemory) {
  Bytes bytes;
  for (uint32_t number : {4U, 0x7fffffffU, 0U, 0U, 0U, 0U}) ASSERT_TRUE(PutNumber(bytes, number).ok());
  HnswGraph graph(4, kSeed);
  const size_t held = AllocatedBytes();
  EXPECT_EQ(Deserialize({bytes.begin(), bytes.end()}, 4, graph).code(), Code::kCorruption);
  EXPECT_EQ(AllocatedBytes(), held);
}

TEST(HnswGraphTest, ReadingAndWritingReportRefusedMemory) {
  const RowStore store = MakeStore(Shape::kClustered, Metric::kL2, 3000, 1, 4, 1);
  BuiltGraph built(store, Quantization::kNone, 8, 20);
  built.AddUpTo(3000);
  EXPECT_GT(FailEachAllocation([&] {
              Bytes bytes;
              return built.graph.Serialize(bytes);
            }),
            0U);
  const std::vector<uint8_t> bytes = Serialized(built.graph);
  EXPECT_GT(FailEachAllocation([&] {
              HnswGraph graph(8, kSeed);
              Status status = Deserialize(bytes, 8, graph);
              EXPECT_EQ(graph.size(), status.ok() ? 3000U : 0U);
              return status;
            }),
            3U);
}

TEST(HnswGraphTest, AddingANodeChangesNothingWhenMemoryIsRefused) {
  HnswGraph graph(8, kSeed);
  for (uint32_t node = 0; node < 5000; ++node) {
    const uint32_t level = node % 5;
    SetAllocationFault(AllocationFault::kOnce, node % 3);
    const Status status = graph.AddNode(level);
    SetAllocationFault(AllocationFault::kNone, 0);
    ASSERT_EQ(graph.size(), status.ok() ? node + 1 : node);
    if (!status.ok()) ASSERT_TRUE(graph.AddNode(level).ok());
    ASSERT_EQ(graph.LevelOf(node), level);
    if (node == 0) graph.SetEntry(0);
  }
  EXPECT_EQ(BrokenInvariant(graph), "");
}

TEST(HnswGraphTest, ClearingANodeKeepsItsLevelAndEveryOtherNodesLinks) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  HnswGraph graph(4, kSeed);
  Bitmap doomed;
  ASSERT_TRUE(doomed.Resize(500).ok());
  for (uint32_t node = 0; node < 500; ++node) {
    ASSERT_TRUE(graph.AddNode(prng.Below(3)).ok());
    if (node != 7 && prng.Below(3) == 0) doomed.Set(node);
  }
  graph.SetEntry(7);
  for (uint32_t node = 0; node < 500; ++node) {
    for (uint32_t level = 0; level <= graph.LevelOf(node); ++level) {
      std::vector<uint32_t> links;
      while (links.size() < graph.max_links(level)) {
        const uint32_t link = prng.Below(500);
        const bool fits = link != node && !doomed.Test(link) && graph.LevelOf(link) >= level;
        if (fits && std::find(links.begin(), links.end(), link) == links.end()) links.push_back(link);
      }
      graph.SetLinks(node, level, links);
    }
  }
  HnswGraph before(4, kSeed);
  ASSERT_TRUE(Deserialize(Serialized(graph), 4, before).ok());
  for (uint32_t node = 0; node < 500; ++node) {
    if (doomed.Test(node)) graph.ClearNode(node);
  }
  EXPECT_EQ(graph.size(), 500U);
  EXPECT_EQ(graph.entry(), 7U);
  EXPECT_EQ(BrokenInvariant(graph), "");
  for (uint32_t node = 0; node < 500; ++node) {
    ASSERT_EQ(graph.LevelOf(node), before.LevelOf(node));
    for (uint32_t level = 0; level <= before.LevelOf(node); ++level) {
      const auto kept = before.Links(node, level);
      std::vector<uint32_t> expected(kept.begin(), kept.end());
      if (doomed.Test(node)) expected.clear();
      const auto links = graph.Links(node, level);
      std::vector<uint32_t> found(links.begin(), links.end());
      std::sort(found.begin(), found.end());
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(found, expected) << "node " << node << " level " << level;
    }
  }
}

TEST(HnswGraphTest, AGraphWithoutAnEntryGoesThroughARoundTrip) {
  HnswGraph graph(4, kSeed);
  for (uint32_t level : {1U, 0U, 3U}) ASSERT_TRUE(graph.AddNode(level).ok());
  const uint32_t links[] = {2};
  graph.SetLinks(0, 1, links);
  graph.SetEntry(2);
  for (uint32_t node = 0; node < 3; ++node) graph.ClearNode(node);
  graph.ClearEntry();
  EXPECT_EQ(BrokenInvariant(graph), "");
  const std::vector<uint8_t> bytes = Serialized(graph);
  HnswGraph read(4, kSeed);
  ASSERT_TRUE(Deserialize(bytes, 4, read).ok());
  EXPECT_EQ(read.size(), 3U);
  EXPECT_EQ(read.entry(), kNoNode);
  EXPECT_EQ(read.entry_level(), 0U);
  for (uint32_t node = 0; node < 3; ++node) {
    EXPECT_EQ(read.LevelOf(node), graph.LevelOf(node));
    for (uint32_t level = 0; level <= read.LevelOf(node); ++level) {
      EXPECT_TRUE(read.Links(node, level).empty());
    }
  }
  EXPECT_EQ(Serialized(read), bytes);
}

TEST(HnswGraphTest, RenumberingKeepsLevelsAndLinks) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  HnswGraph graph(4, kSeed);
  Bitmap doomed;
  ASSERT_TRUE(doomed.Resize(500).ok());
  std::vector<uint32_t> renumbered(500);
  uint32_t kept = 0;
  for (uint32_t node = 0; node < 500; ++node) {
    ASSERT_TRUE(graph.AddNode(prng.Below(3)).ok());
    renumbered[node] = kept;
    if (node != 7 && prng.Below(3) == 0) {
      doomed.Set(node);
    } else {
      ++kept;
    }
  }
  graph.SetEntry(7);
  for (uint32_t node = 0; node < 500; ++node) {
    for (uint32_t level = 0; level <= graph.LevelOf(node); ++level) {
      std::vector<uint32_t> links;
      while (links.size() < graph.max_links(level)) {
        const uint32_t link = prng.Below(500);
        const bool fits = link != node && !doomed.Test(link) && graph.LevelOf(link) >= level;
        if (fits && std::find(links.begin(), links.end(), link) == links.end()) links.push_back(link);
      }
      graph.SetLinks(node, level, links);
    }
  }
  HnswGraph before(4, kSeed);
  ASSERT_TRUE(Deserialize(Serialized(graph), 4, before).ok());

  ASSERT_TRUE(graph.RemoveAndRenumber(doomed).ok());
  ASSERT_EQ(graph.size(), kept);
  EXPECT_EQ(BrokenInvariant(graph), "");
  EXPECT_EQ(graph.entry(), renumbered[7]);
  for (uint32_t node = 0; node < 500; ++node) {
    if (doomed.Test(node)) continue;
    ASSERT_EQ(graph.LevelOf(renumbered[node]), before.LevelOf(node));
    for (uint32_t level = 0; level <= before.LevelOf(node); ++level) {
      std::vector<uint32_t> expected;
      for (uint32_t link : before.Links(node, level)) expected.push_back(renumbered[link]);
      const auto links = graph.Links(renumbered[node], level);
      std::vector<uint32_t> found(links.begin(), links.end());
      std::sort(found.begin(), found.end());
      ASSERT_EQ(found, expected) << "node " << node << " level " << level;
    }
  }
}

TEST(HnswGraphTest, RemovingAllLeavesAnEmptyGraph) {
  HnswGraph graph(4, kSeed);
  ASSERT_TRUE(graph.AddNode(1).ok());
  graph.SetEntry(0);
  Bitmap doomed;
  ASSERT_TRUE(doomed.Resize(1).ok());
  doomed.Set(0);
  ASSERT_TRUE(graph.RemoveAndRenumber(doomed).ok());
  EXPECT_EQ(BrokenInvariant(graph), "");
  EXPECT_EQ(graph.size(), 0U);
}

}  // namespace
}  // namespace omendb
