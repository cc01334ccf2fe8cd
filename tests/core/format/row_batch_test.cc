// UTF-8 and row batches: what is written is read, and the origin says whose fault a fault is.
#include "format/row_batch.h"

#include <string>
#include <vector>

#include "base/coding.h"
#include "format/sample_objects.h"
#include "format/utf8.h"
#include "gtest/gtest.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

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
    uint8_t* out_vector = writer.Add(AsBytes(NumberId(i)), AsBytes(texts[i]));
    if (dimensions > 0) std::memcpy(out_vector, vector.data(), vector.size() * sizeof(float));
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

TEST(RowBatch, RowsHaveTheBytesOfTheirType) {
  for (VectorType type :
       {VectorType::kFloat32, VectorType::kFloat16, VectorType::kInt8, VectorType::kBinary}) {
    SCOPED_TRACE(NameOf(type));
    RowBatchLayout layout{.count = 3, .dimensions = 9, .vector_type = type, .id_bytes = 27};
    Bytes bytes;
    ASSERT_TRUE(bytes.Resize(static_cast<size_t>(layout.bytes())).ok());
    RowBatchWriter writer(layout, bytes.data());
    for (uint8_t i = 0; i < 3; ++i) {
      std::memset(writer.Add(AsBytes(NumberId(i)), {}), i + 1, VectorBytes(type, 9));
    }
    writer.Finish();
    auto batch = RowBatch::Decode(bytes.span(), Origin::Argument("row batch"));
    ASSERT_TRUE(batch.ok()) << batch.status().message();
    EXPECT_EQ(batch.value().vector_type(), type);
    for (uint8_t i = 0; i < 3; ++i) EXPECT_EQ(*batch.value().vector_bytes(i), i + 1);
    EXPECT_EQ(batch.value().vector_bytes(3), bytes.end());
    ASSERT_TRUE(bytes.Push(0).ok());
    EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Stored("x")).status().code(), Code::kCorruption);
  }
}

TEST(RowBatch, AnUnknownVectorTypeIsRefused) {
  for (size_t at : {16U, 17U, 18U, 19U}) {
    Bytes bytes = MakeBatch(3, 2, false);
    bytes[at] = 4;
    const Status status = RowBatch::Decode(bytes.span(), Origin::Argument("row batch")).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << at;
  }
}

TEST(RowBatch, TheOriginGivesTheCode) {
  Bytes bytes = MakeBatch(3, 2, true);
  bytes[20] = 1;
  EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Argument("row batch")).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Stored("x")).status().code(), Code::kCorruption);
}

TEST(RowBatch, MetadataBeyondTheLimitIsTheCallersOrCorruption) {
  RowBatchLayout layout{
      .count = 1, .id_bytes = 9, .metadata_bytes = kMetadataBytesMax + 1, .has_metadata = true};
  Bytes bytes;
  ASSERT_TRUE(bytes.Resize(static_cast<size_t>(layout.bytes())).ok());
  RowBatchWriter writer(layout, bytes.data());
  (void)writer.Add(AsBytes(NumberId(1)), AsBytes(std::string(kMetadataBytesMax + 1, ' ')));
  writer.Finish();
  EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Argument("row batch")).status().code(),
            Code::kLimitExceeded);
  EXPECT_EQ(RowBatch::Decode(bytes.span(), Origin::Stored("x")).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace omendb
