#include "format/manifest.h"

#include <functional>
#include <limits>

#include "allocation_faults.h"
#include "base/coding.h"
#include "format/sample_objects.h"
#include "gtest/gtest.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

using Change = std::function<void(Manifest&)>;

Code DecodedAfter(const Change& change) {
  Manifest manifest = SampleManifest();
  change(manifest);
  Bytes out;
  EXPECT_TRUE(manifest.Encode(out).ok());
  return Manifest::Decode(out.span(), Origin::Stored("m")).status().code();
}
bool Refused(const Change& change) { return DecodedAfter(change) == Code::kCorruption; }
bool Taken(const Change& change) { return DecodedAfter(change) == Code::kOk; }

SegmentManifest& First(Manifest& manifest) { return manifest.collections[0].segments[0]; }

TEST(Manifest, ComesBackAsItWasWritten) {
  Bytes out;
  ASSERT_TRUE(SampleManifest().Encode(out).ok());
  auto read = Manifest::Decode(out.span(), Origin::Stored("m"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  const Manifest& manifest = read.value();
  EXPECT_EQ(manifest.sequence, 77U);
  EXPECT_EQ(manifest.next_collection, 9U);
  EXPECT_EQ(manifest.oldest_sequence, 70U);
  ASSERT_EQ(manifest.commits.size(), 3U);
  EXPECT_EQ(manifest.commits[1].sequence, 74U);
  EXPECT_EQ(manifest.commits[1].time_ms, 1'700'000'000'500U);
  ASSERT_EQ(manifest.tokens.size(), 3U);
  EXPECT_EQ(manifest.tokens[0].token, (Token{11, 1}));
  EXPECT_EQ(manifest.tokens[0].rows, 5U);
  ASSERT_EQ(manifest.collections.size(), 3U);
  const CollectionManifest& full = manifest.collections[0];
  EXPECT_EQ(full.name_text(), "name 2");
  EXPECT_EQ(full.options, SampleOptions());
  EXPECT_EQ(full.created, 3U);
  EXPECT_EQ(full.dropped, 0U);
  EXPECT_EQ(full.rows(), 40U);
  ASSERT_EQ(full.segments.size(), 2U);
  EXPECT_EQ(full.segments[0].rows, 30U);
  EXPECT_EQ(full.segments[0].dead_rows, 3U);
  ASSERT_EQ(full.segments[0].vectors.size(), 2U);
  EXPECT_TRUE(full.segments[0].vectors[0].in_frame);
  EXPECT_EQ(full.segments[0].vectors[0].offset, 64U);
  EXPECT_EQ(full.segments[0].vectors[0].rows, 20U);
  EXPECT_TRUE(full.segments[0].vectors[0].name().is_frame());
  EXPECT_FALSE(full.segments[0].vectors[1].name().is_frame());
  EXPECT_EQ(full.segments[0].ids[0].object, (ObjectReference{1, 4, 5, 400}));
  EXPECT_EQ(full.segments[0].metadata[1].rows, 18U);
  EXPECT_EQ(full.segments[0].tombstones[0], (ObjectReference{1, 7, 8, 100}));
  EXPECT_EQ(full.graph_nodes, 50U);
  EXPECT_EQ(full.link_bytes, 500U);
  EXPECT_EQ(full.nodes[0].number, 4U);
  EXPECT_EQ(full.links[1].number, 6U);
  EXPECT_EQ(full.codes[1].rows, 20U);
  EXPECT_EQ(full.history[0].number, 9U);
  EXPECT_EQ(manifest.collections[1].dropped, 72U);
  EXPECT_EQ(manifest.collections[1].rows(), 0U);
  EXPECT_EQ(manifest.IndexOf(5), 1U);
  EXPECT_EQ(manifest.IndexOf(3), Manifest::kNotFound);
  EXPECT_EQ(manifest.IndexOf(7), Manifest::kNotFound);
}

TEST(Manifest, TheEmptyOneComesBack) {
  Bytes out;
  ASSERT_TRUE(Manifest().Encode(out).ok());
  auto read = Manifest::Decode(out.span(), Origin::Stored("m"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(read.value().collections.empty());
}

TEST(Manifest, CollectionsHaveRisingIdsAndLiveWithinItsSequence) {
  EXPECT_TRUE(Refused([](Manifest& m) { m.next_collection = 6; }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.next_collection = 7; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.next_collection = 0; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[0].id = 0; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[0].id = 5; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[2].id = 0xffffffff; }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.collections[2].created = 77; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[2].created = 78; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[1].dropped = 71; }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.collections[1].dropped = 77; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[1].dropped = 78; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[1].options.dimensions = 0; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[1].options.degree = 1; }));
  EXPECT_TRUE(
      Refused([](Manifest& m) { m.collections[1].options.vector_type = static_cast<VectorType>(4); }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.collections[1].options.vector_type = VectorType::kBinary; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.collections[1].name.Clear(); }));
}

TEST(Manifest, CommitsRiseFromTheOldestSequenceToItsOwn) {
  EXPECT_TRUE(Refused([](Manifest& m) { m.oldest_sequence = 78; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.oldest_sequence = 71; }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.oldest_sequence = 0; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.commits[2].sequence = 78; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.commits[1].sequence = 70; }));
  EXPECT_TRUE(Refused([](Manifest& m) { m.commits[1].sequence = 77; }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.commits.Clear(); }));
}

TEST(Manifest, TokensAreFewAndDifferent) {
  EXPECT_TRUE(Refused([](Manifest& m) { m.tokens[2].token = {11, 2}; }));
  EXPECT_TRUE(Taken([](Manifest& m) { m.tokens[2].token = {2, 11}; }));
  auto fill = [](uint32_t count) {
    return [count](Manifest& m) {
      m.tokens.Clear();
      for (uint32_t i = 0; i < count; ++i) EXPECT_TRUE(m.tokens.Push({{7, i}, 1}).ok());
    };
  };
  EXPECT_TRUE(Taken(fill(kTokensMax)));
  EXPECT_TRUE(Refused(fill(kTokensMax + 1)));
}

TEST(Manifest, PartsOfASegmentAddUpToItsRows) {
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).rows = 31; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m) = SegmentManifest(); }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).vectors[1].rows = 9; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).vectors.Clear(); }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).ids[0].rows = 29; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).ids.Clear(); }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).metadata[0].rows = 13; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).metadata.Pop(); }));
  EXPECT_TRUE(Taken([](Manifest& m) { First(m).metadata.Clear(); }));
  EXPECT_TRUE(Refused([](Manifest& m) { EXPECT_TRUE(First(m).ids.Push({{1, 1, 1, 100}, 0}).ok()); }));
  EXPECT_TRUE(Refused([](Manifest& m) {  // sums that wrap 32 bits
    First(m).ids[0].rows = 0xfffffff0;
    EXPECT_TRUE(First(m).ids.Push({{1, 1, 1, 100}, 46}).ok());
  }));
}

TEST(Manifest, DeadRowsHaveOneTombstonesObject) {
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).dead_rows = 31; }));
  EXPECT_TRUE(Taken([](Manifest& m) { First(m).dead_rows = 30; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).dead_rows = 0; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).tombstones.Clear(); }));
  EXPECT_TRUE(Refused([](Manifest& m) { EXPECT_TRUE(First(m).tombstones.Push({1, 1, 1, 100}).ok()); }));
}

TEST(Manifest, VectorsFitTheirObjects) {
  const uint64_t bytes = 20 * kSampleDimensions * 4;
  EXPECT_TRUE(Taken([](Manifest& m) { First(m).vectors[0].offset = 500 - bytes; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).vectors[0].offset = 500 - bytes + 1; }));
  EXPECT_TRUE(Refused([](Manifest& m) { First(m).vectors[0].object.bytes = 64 + bytes - 1; }));
  for (uint64_t offset : {uint64_t{501}, uint64_t{1} << 32, kHuge, kHuge - bytes + 1, kHuge - 399}) {
    EXPECT_TRUE(Refused([=](Manifest& m) { First(m).vectors[0].offset = offset; })) << offset;
  }
}

TEST(Manifest, ACollectionHasAtMostRowsMax) {
  auto resize = [](uint32_t rows) {
    return [rows](Manifest& m) {
      SegmentManifest& segment = m.collections[0].segments[1];
      segment.rows = rows;
      segment.vectors[0].rows = rows;
      segment.vectors[0].object.bytes = uint64_t{1} << 40;
      segment.ids[0].rows = rows - 6;
    };
  };
  EXPECT_TRUE(Taken(resize(kRowsMax - 30)));
  EXPECT_TRUE(Refused(resize(kRowsMax - 29)));
  EXPECT_TRUE(Refused(resize(0xffffffff)));
}

TEST(Manifest, AGraphHasItsPartsAndNothingElseHas) {
  auto full = [](Manifest& m) -> CollectionManifest& { return m.collections[0]; };
  auto without = [](Manifest& m) -> CollectionManifest& { return m.collections[1]; };
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).nodes.Clear(); }));
  EXPECT_TRUE(Refused([&](Manifest& m) { EXPECT_TRUE(full(m).nodes.Push({1, 1, 1, 100}).ok()); }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).links.Clear(); }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).link_bytes = 0; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).link_bytes = 573; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).link_bytes = kHuge; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).links[0].bytes = kHuge; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).links[0].bytes = kObjectHeaderBytes; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).graph_nodes = 0; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { without(m).graph_nodes = 1; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { without(m).link_bytes = 1; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { EXPECT_TRUE(without(m).links.Push({1, 1, 1, 100}).ok()); }));
  EXPECT_TRUE(Refused([&](Manifest& m) { EXPECT_TRUE(without(m).codes.Push({{1, 1, 1, 100}, 1}).ok()); }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).codes[0].rows = 29; }));
  EXPECT_TRUE(Refused([&](Manifest& m) { full(m).codes.Pop(); }));
  EXPECT_TRUE(Taken([&](Manifest& m) { full(m).codes.Clear(); }));
  EXPECT_TRUE(
      Refused([](Manifest& m) { EXPECT_TRUE(m.collections[2].codes.Push({{1, 1, 1, 100}, 10}).ok()); }));
  EXPECT_TRUE(Refused([&](Manifest& m) { EXPECT_TRUE(full(m).history.Push({1, 1, 1, 100}).ok()); }));
  EXPECT_TRUE(Taken([&](Manifest& m) { full(m).history.Clear(); }));
  auto of_nodes = [](uint32_t nodes) {
    return [nodes](Manifest& m) {
      m.collections[0].graph_nodes = nodes;
      m.collections[0].codes.Clear();
    };
  };
  EXPECT_TRUE(Taken(of_nodes(kRowsMax)));
  EXPECT_TRUE(Refused(of_nodes(kRowsMax + 1)));
}

// A u32 of the body, counts among them, replaced by what would wrap or ask for gigabytes.
TEST(Manifest, HostileNumbersAskForNoMemory) {
  Bytes manifest;
  ASSERT_TRUE(SampleManifest().Encode(manifest).ok());
  auto body = DecodeObject(manifest.span(), ObjectKind::kManifest, Origin::Stored("m"));
  ASSERT_TRUE(body.ok());
  const size_t held = AllocatedBytes();
  for (size_t at = 0; at + 4 <= body.value().size(); ++at) {
    for (uint32_t value : {0U, 1U, 0x7fffffffU, 0x80000000U, 0x0aaaaaabU, 0xffffffffU}) {
      Bytes forged;
      ASSERT_TRUE(BeginObject(forged).ok());
      ASSERT_TRUE(forged.Append(body.value()).ok());
      StoreAt(forged.data() + kObjectHeaderBytes + at, value);
      ASSERT_TRUE(FinishObject(ObjectKind::kManifest, forged).ok());
      auto read = Manifest::Decode(forged.span(), Origin::Stored("m"));
      if (!read.ok()) EXPECT_EQ(read.status().code(), Code::kCorruption) << read.status().message();
      ASSERT_LT(AllocatedBytes() - held, size_t{64} << 10) << "byte " << at;
    }
  }
}

TEST(Manifest, RefusedMemoryIsAStatusAndLeaksNothing) {
  Bytes encoded;
  ASSERT_TRUE(SampleManifest().Encode(encoded).ok());
  const uint64_t refused =
      FailEachAllocation([&] { return Manifest::Decode(encoded.span(), Origin::Stored("m")).status(); });
  EXPECT_GE(refused, 10U);
}

}  // namespace
}  // namespace omendb
