// Lists, batches, frames, head, manifest and tombstones: what is written is read, what is wrong is refused,
// and hostile bytes behind valid checksums do nothing worse than fail.
#include <random>
#include <string>
#include <vector>

#include "../seed.h"
#include "base/coding.h"
#include "format/frame.h"
#include "format/manifest.h"
#include "format/row_batch.h"
#include "format/tombstones_object.h"
#include "format/utf8.h"
#include "gtest/gtest.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string NumberId(int64_t value) {
  std::string id(9, '\0');
  StoreAt(reinterpret_cast<uint8_t*>(id.data()) + 1, value);
  return id;
}

Bytes MakeBatch(uint32_t count, uint32_t dimensions, bool metadata) {
  RowBatchLayout layout{.count = count, .dimensions = dimensions};
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < count; ++i) {
    texts.push_back(i % 2 == 0 ? "" : "{\"i\":" + std::to_string(i) + "}");
    layout.id_bytes += 9;
    if (metadata) layout.metadata_bytes += texts[i].size();
  }
  layout.has_metadata = metadata;
  Bytes out;
  EXPECT_TRUE(out.Resize(static_cast<size_t>(layout.bytes())).ok());
  RowBatchWriter writer(layout, out.data());
  for (uint32_t i = 0; i < count; ++i) {
    std::vector<float> vector(dimensions, static_cast<float>(i));
    writer.Add(AsBytes(NumberId(i)), AsBytes(texts[i]), vector.data());
  }
  writer.Finish();
  return out;
}

TEST(Utf8, IsRfc3629) {
  for (std::string_view valid :
       {"", "plain ascii, longer than eight", "\xc3\xa4", "\xe2\x82\xac", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa4"}) {
    EXPECT_TRUE(IsUtf8(AsBytes(valid))) << valid;
  }
  for (std::string_view invalid :
       {"\x80", "\xc3", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "12345678\xff"}) {
    EXPECT_FALSE(IsUtf8(AsBytes(invalid))) << invalid;
  }
}

TEST(RowBatch, ComesBackAsItWasWritten) {
  for (uint32_t count : {0U, 1U, 2U, 17U}) {
    for (uint32_t dimensions : {0U, 1U, 5U}) {
      for (bool metadata : {false, true}) {
        Bytes bytes = MakeBatch(count, dimensions, metadata);
        auto batch = RowBatch::Decode(bytes.span(), Origin::Argument("row batch"));
        ASSERT_TRUE(batch.ok()) << batch.status().message();
        ASSERT_EQ(batch.value().count(), count);
        ASSERT_EQ(batch.value().dimensions(), dimensions);
        for (uint32_t i = 0; i < count; ++i) {
          EXPECT_EQ(LoadAt<int64_t>(batch.value().id(i).data() + 1), i);
          EXPECT_EQ(batch.value().metadata(i).empty(), !metadata || i % 2 == 0);
          if (dimensions > 0) EXPECT_EQ(LoadAt<float>(batch.value().vector_bytes(i)), static_cast<float>(i));
        }
      }
    }
  }
}

TEST(RowBatch, ListsThatDoNotFit32BitsAreRefused) {
  RowBatchLayout layout{.count = 5000, .metadata_bytes = uint64_t{5000} << 20, .has_metadata = true};
  EXPECT_EQ(layout.Check().code(), Code::kLimitExceeded);
}

TEST(RowBatch, TheOriginGivesTheCode) {
  Bytes bytes = MakeBatch(3, 2, true);
  bytes[20] = 1;
  EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Argument("row batch")).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Stored("x")).status().code(), Code::kCorruption);
}

Manifest MakeManifest() {
  Manifest manifest;
  manifest.sequence = 77;
  manifest.next_collection = 9;
  for (uint32_t id : {2U, 5U}) {
    CollectionManifest collection;
    collection.id = id;
    collection.options.dimensions = 12;
    EXPECT_TRUE(collection.name.Append(AsBytes("name " + std::to_string(id))).ok());
    collection.rows = 30;
    collection.deleted_rows = id == 2 ? 0 : 3;
    EXPECT_TRUE(collection.row_objects.Push({{1, 2, 3, 400}, 20}).ok());
    EXPECT_TRUE(collection.row_objects.Push({{1, 2, 4, 400}, 10}).ok());
    if (id == 5) {
      EXPECT_TRUE(collection.tombstones.Push({1, 2, 5, 100}).ok());
      collection.graph_nodes = 30;
      collection.graph_bytes = 500;
      EXPECT_TRUE(collection.graph_parts.Push({1, 2, 6, 500}).ok());
    }
    EXPECT_TRUE(manifest.collections.Push(std::move(collection)).ok());
  }
  return manifest;
}

Code Decoded(const Manifest& manifest) {
  Bytes out;
  EXPECT_TRUE(manifest.Encode(out).ok());
  return Manifest::Decode(out.span(), Origin::Stored("m")).status().code();
}

TEST(Manifest, ComesBackAsItWasWritten) {
  Bytes out;
  ASSERT_TRUE(MakeManifest().Encode(out).ok());
  auto read = Manifest::Decode(out.span(), Origin::Stored("m"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read.value().sequence, 77U);
  EXPECT_EQ(read.value().next_collection, 9U);
  ASSERT_EQ(read.value().collections.size(), 2U);
  const CollectionManifest& second = read.value().collections[1];
  EXPECT_EQ(second.name_text(), "name 5");
  EXPECT_EQ(second.options.dimensions, 12U);
  EXPECT_EQ(second.row_objects[1].rows, 10U);
  EXPECT_EQ(second.row_objects[1].object.number, 4U);
  EXPECT_EQ(second.tombstones.size(), 1U);
  EXPECT_EQ(second.graph_bytes, 500U);
  EXPECT_EQ(read.value().IndexOf(5), 1U);
  EXPECT_EQ(read.value().IndexOf(3), Manifest::kNotFound);
  EXPECT_EQ(read.value().IndexOf(6), Manifest::kNotFound);
}

TEST(Manifest, ClaimsThatContradictEachOtherAreCorruption) {
  auto refused = [](void (*change)(Manifest&)) {
    Manifest manifest = MakeManifest();
    change(manifest);
    return Decoded(manifest) == Code::kCorruption;
  };
  EXPECT_TRUE(refused([](Manifest& m) { m.next_collection = 5; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[0].id = 0; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[0].id = 5; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].rows = 31; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].deleted_rows = 31; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].deleted_rows = 0; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[0].deleted_rows = 1; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].graph_nodes = 31; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[0].graph_nodes = 1; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].graph_bytes = 0; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].options.dimensions = 0; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].options.degree = 1; }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].name.Clear(); }));
  EXPECT_TRUE(refused([](Manifest& m) { m.collections[1].row_objects[0].rows = 0xfffffff0; }));
}

TEST(Head, ComesBackAsItWasWritten) {
  for (bool has_manifest : {false, true}) {
    Head head;
    head.epoch = 7;
    head.has_manifest = has_manifest;
    if (has_manifest) head.manifest = {6, 5, 4, 300};
    Bytes out;
    ASSERT_TRUE(head.Encode(out).ok());
    auto read = Head::Decode(out.span());
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().epoch, 7U);
    EXPECT_EQ(read.value().has_manifest, has_manifest);
    EXPECT_EQ(read.value().manifest, head.manifest);
  }
  Head head;
  head.epoch = 3;
  head.has_manifest = true;
  head.manifest = {4, 5, 4, 300};  // of an epoch that is still to come
  Bytes out;
  ASSERT_TRUE(head.Encode(out).ok());
  EXPECT_EQ(Head::Decode(out.span()).status().code(), Code::kCorruption);
}

TEST(Tombstones, ComeBackAndAgreeWithTheManifest) {
  Bitmap tombstones;
  ASSERT_TRUE(tombstones.Resize(70).ok());
  for (uint32_t i : {0U, 63U, 64U, 69U}) tombstones.Set(i);
  Bytes out;
  ASSERT_TRUE(EncodeTombstones(tombstones, out).ok());
  Bitmap read;
  ASSERT_TRUE(DecodeTombstones(out.span(), 70, 4, Origin::Stored("t"), &read).ok());
  EXPECT_EQ(read.set_count(), 4U);
  EXPECT_TRUE(read.Test(69));
  EXPECT_EQ(DecodeTombstones(out.span(), 70, 5, Origin::Stored("t"), &read).code(), Code::kCorruption);
  EXPECT_EQ(DecodeTombstones(out.span(), 71, 4, Origin::Stored("t"), &read).code(), Code::kCorruption);
  EXPECT_EQ(DecodeTombstones(out.span(), 0xffffffff, 4, Origin::Stored("t"), &read).code(),
            Code::kCorruption);
}

Bytes MakeFrame() {
  FrameWriter writer;
  EXPECT_TRUE(writer.Begin().ok());
  for (uint32_t i = 0; i < 3; ++i) {
    auto payload = writer.Prepare(5 + 16 * i);
    EXPECT_TRUE(payload.ok());
    std::memset(payload.value(), static_cast<int>(i + 1), 5 + 16 * i);
    (void)writer.Take(OperationKind::kDelete, 40 + i);
  }
  EXPECT_TRUE(writer.Prepare(1000).ok());  // never taken: not in the frame
  auto sealed = writer.Seal(12, 3);
  EXPECT_TRUE(sealed.ok());
  Bytes out;
  EXPECT_TRUE(out.Append(sealed.value()).ok());
  return out;
}

TEST(Frame, OperationsComeBackAligned) {
  Bytes frame = MakeFrame();
  auto reader = FrameReader::Open(frame.span(), Origin::Stored("w"));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.value().sequence(), 12U);
  EXPECT_EQ(reader.value().epoch(), 3U);
  ASSERT_EQ(reader.value().operation_count(), 3U);
  for (uint32_t i = 0; i < 3; ++i) {
    auto operation = reader.value().Next();
    ASSERT_TRUE(operation.ok());
    EXPECT_EQ(operation.value().collection, 40 + i);
    EXPECT_EQ(operation.value().payload_bytes, 5 + 16 * i);
    EXPECT_EQ(operation.value().payload_offset % 16, 0U);
    EXPECT_EQ(frame[operation.value().payload_offset + 4], i + 1);
  }
  EXPECT_TRUE(reader.value().CheckEnd().ok());
  EXPECT_EQ(reader.value().Next().status().code(), Code::kCorruption);
}

// Replaces random bytes of an object's body, or cuts or extends it, and makes its checksums right again.
Bytes ForgeBody(const Bytes& object, ObjectKind kind, std::mt19937& random) {
  auto body = DecodeObject(object.span(), kind, Origin::Stored("x"));
  EXPECT_TRUE(body.ok());
  Bytes out;
  EXPECT_TRUE(BeginObject(out).ok());
  EXPECT_TRUE(out.Append(body.value()).ok());
  if (random() % 4 == 0) EXPECT_TRUE(out.Resize(32 + random() % (out.size() + 20 - 32)).ok());
  for (uint32_t changes = 1 + random() % 4; changes-- > 0 && out.size() > 32;) {
    size_t at = 32 + random() % (out.size() - 32);
    const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, static_cast<uint8_t>(random())};
    out[at] = values[random() % 6];
  }
  EXPECT_TRUE(FinishObject(kind, out).ok());
  return out;
}

void ExpectFailureOnly(const Status& status) {
  if (!status.ok()) EXPECT_EQ(status.code(), Code::kCorruption) << status.message();
}

TEST(HostileBodies, BehindValidChecksumsDoNothingWorseThanFail) {
  OMENDB_TRACE_SEED();
  std::mt19937 random(static_cast<std::mt19937::result_type>(TestSeed()));
  Bytes manifest;
  ASSERT_TRUE(MakeManifest().Encode(manifest).ok());
  Head head;
  head.epoch = 9;
  head.has_manifest = true;
  head.manifest = {1, 2, 3, 400};
  Bytes head_bytes;
  ASSERT_TRUE(head.Encode(head_bytes).ok());
  Bytes frame = MakeFrame();
  Bytes batch = MakeBatch(6, 3, true);
  Bytes rows;
  ASSERT_TRUE(BeginObject(rows).ok());
  ASSERT_TRUE(rows.Append(batch.span()).ok());
  ASSERT_TRUE(FinishObject(ObjectKind::kRows, rows).ok());
  for (int round = 0; round < 20'000 && !HasFailure(); ++round) {
    Bytes forged = ForgeBody(manifest, ObjectKind::kManifest, random);
    ExpectFailureOnly(Manifest::Decode(forged.span(), Origin::Stored("m")).status());
    forged = ForgeBody(head_bytes, ObjectKind::kHead, random);
    ExpectFailureOnly(Head::Decode(forged.span()).status());
    forged = ForgeBody(rows, ObjectKind::kRows, random);
    ByteSpan body = ByteSpan(forged.span()).subspan(32, forged.size() - 36);
    ExpectFailureOnly(RowBatch::Decode(body, Origin::Stored("r")).status());
    forged = ForgeBody(frame, ObjectKind::kFrame, random);
    auto reader = FrameReader::Open(forged.span(), Origin::Stored("w"));
    ExpectFailureOnly(reader.status());
    if (!reader.ok()) continue;
    for (uint32_t i = 0; i < reader.value().operation_count(); ++i) {
      auto operation = reader.value().Next();
      ExpectFailureOnly(operation.status());
      if (!operation.ok()) break;
      ASSERT_LE(operation.value().payload_offset + operation.value().payload_bytes, forged.size());
    }
  }
}

}  // namespace
}  // namespace omendb
