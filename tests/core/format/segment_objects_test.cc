// Objects of rows: vectors, ids, metadata and tombstones.
#include <limits>
#include <string>

#include "base/coding.h"
#include "distance/vector_type.h"
#include "format/blobs_object.h"
#include "format/frame.h"
#include "format/sample_objects.h"
#include "format/tombstones_object.h"
#include "format/vectors_object.h"
#include "gtest/gtest.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

const Origin kOrigin = Origin::Stored("d");

VectorsReference Reference(uint32_t rows, uint64_t offset = kVectorsOffset, bool in_frame = false) {
  VectorsReference reference;
  reference.rows = rows;
  reference.offset = offset;
  reference.in_frame = in_frame;
  return reference;
}

Code DecodedVectors(const Bytes& object, const VectorsReference& reference, uint32_t dimensions,
                    VectorType type = VectorType::kFloat32) {
  return DecodeVectors(object.span(), reference, type, dimensions, kOrigin).status().code();
}

TEST(VectorsObject, FloatsComeBack) {
  Bytes object = SampleVectorsObject();
  auto floats =
      DecodeVectors(object.span(), Reference(kSampleRows), VectorType::kFloat32, kSampleDimensions, kOrigin);
  ASSERT_TRUE(floats.ok()) << floats.status().message();
  EXPECT_EQ(floats.value(), object.data() + kVectorsOffset);
  std::vector<float> expected = SampleVectors();
  EXPECT_EQ(std::memcmp(floats.value(), expected.data(), expected.size() * sizeof(float)), 0);
}

TEST(VectorsObject, RowsAndDimensionsAgreeWithTheReference) {
  Bytes object = SampleVectorsObject();
  EXPECT_EQ(DecodedVectors(object, Reference(kSampleRows + 1), kSampleDimensions), Code::kCorruption);
  EXPECT_EQ(DecodedVectors(object, Reference(kSampleRows - 1), kSampleDimensions), Code::kCorruption);
  EXPECT_EQ(DecodedVectors(object, Reference(kSampleRows), kSampleDimensions + 1), Code::kCorruption);
  EXPECT_EQ(DecodedVectors(object, Reference(kSampleDimensions), kSampleRows), Code::kCorruption);
  EXPECT_EQ(DecodedVectors(object, Reference(kSampleRows, 52), kSampleDimensions), Code::kCorruption);
  EXPECT_EQ(DecodedVectors(object, Reference(kSampleRows, kVectorsOffset, true), kSampleDimensions),
            Code::kCorruption)
      << "a vectors object is no frame";
}

TEST(VectorsObject, CountsWhoseProductWrapsAreCorruption) {
  for (auto [rows, dimensions] : {std::pair<uint32_t, uint32_t>{0x80000000, 0x80000000},
                                  {0xffffffff, 0xffffffff},
                                  {0x40000000, 16},
                                  {1, 0x40000000}}) {
    Bytes object;
    ASSERT_TRUE(BeginVectors(rows, VectorType::kFloat32, dimensions, object).ok());
    ASSERT_TRUE(FinishObject(ObjectKind::kVectors, object).ok());
    EXPECT_EQ(DecodedVectors(object, Reference(rows), dimensions), Code::kCorruption);
  }
}

TEST(VectorsObject, ForgedHeadersAreCorruption) {
  for (size_t at = 0; at < 16; ++at) {
    Bytes object;
    ASSERT_TRUE(BeginVectors(2, VectorType::kFloat32, 3, object).ok());
    ASSERT_TRUE(object.Resize(object.size() + 24).ok());
    object[kObjectHeaderBytes + at] ^= 1;
    ASSERT_TRUE(FinishObject(ObjectKind::kVectors, object).ok());
    EXPECT_EQ(DecodedVectors(object, Reference(2), 3), Code::kCorruption) << at;
  }
  for (size_t body_bytes = 0; body_bytes < 60; ++body_bytes) {
    Bytes object;
    ASSERT_TRUE(BeginVectors(2, VectorType::kFloat32, 3, object).ok());
    ASSERT_TRUE(object.Resize(kObjectHeaderBytes + body_bytes).ok());
    ASSERT_TRUE(FinishObject(ObjectKind::kVectors, object).ok());
    EXPECT_EQ(DecodedVectors(object, Reference(2), 3), body_bytes == 40 ? Code::kOk : Code::kCorruption);
  }
}

TEST(VectorsObject, HoldsRowsOfItsTypeAndNoOther) {
  constexpr VectorType kTypes[] = {VectorType::kFloat32, VectorType::kFloat16, VectorType::kInt8,
                                   VectorType::kBinary};
  for (VectorType type : kTypes) {
    SCOPED_TRACE(NameOf(type));
    // 9 bits are two bytes.
    const size_t bytes = 3 * VectorBytes(type, 9);
    for (size_t found : {bytes - 1, bytes, bytes + 1}) {
      Bytes object;
      ASSERT_TRUE(BeginVectors(3, type, 9, object).ok());
      ASSERT_TRUE(object.Resize(object.size() + found).ok());
      ASSERT_TRUE(FinishObject(ObjectKind::kVectors, object).ok());
      for (VectorType asked : kTypes) {
        EXPECT_EQ(DecodedVectors(object, Reference(3), 9, asked),
                  asked == type && found == bytes ? Code::kOk : Code::kCorruption);
      }
    }
  }
}

TEST(VectorsInAFrame, LieInsideItsBody) {
  Bytes frame = SampleFrame();
  auto body = DecodeObject(frame.span(), ObjectKind::kFrame, kOrigin);
  ASSERT_TRUE(body.ok());
  const uint64_t end = kObjectHeaderBytes + body.value().size();
  const uint64_t bytes = uint64_t{kSampleRows} * kSampleDimensions * 4;
  auto decoded = [&](uint64_t offset) {
    return DecodedVectors(frame, Reference(kSampleRows, offset, true), kSampleDimensions);
  };
  EXPECT_EQ(decoded(kObjectHeaderBytes), Code::kOk);
  EXPECT_EQ(decoded(end - bytes), Code::kOk);
  for (uint64_t offset :
       {uint64_t{0}, uint64_t{kObjectHeaderBytes - 1}, end - bytes + 1, end, end + 1, uint64_t{1} << 32,
        (uint64_t{1} << 32) + 64, ~uint64_t{0}, ~uint64_t{0} - bytes + 1}) {
    EXPECT_EQ(decoded(offset), Code::kCorruption) << offset;
  }
  EXPECT_EQ(DecodedVectors(frame, Reference(kSampleRows, 64), kSampleDimensions), Code::kCorruption)
      << "a frame is no vectors object";
}

TEST(VectorsInAFrame, AreThoseOfItsRowBatch) {
  Bytes frame = SampleFrame();
  auto reader = FrameReader::Open(frame.span(), kOrigin);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(reader.value().Next().ok());
  auto upsert = reader.value().Next();
  ASSERT_TRUE(upsert.ok());
  const uint64_t bytes = uint64_t{kSampleRows} * kSampleDimensions * 4;
  const uint64_t offset = upsert.value().payload_offset + upsert.value().payload_bytes - bytes;
  auto floats = DecodeVectors(frame.span(), Reference(kSampleRows, offset, true), VectorType::kFloat32,
                              kSampleDimensions, kOrigin);
  ASSERT_TRUE(floats.ok());
  EXPECT_EQ(std::memcmp(floats.value(), SampleVectors().data(), bytes), 0);
}

TEST(IdsObject, IdsComeBack) {
  Bytes object = SampleIds();
  auto ids = DecodeIds(object.span(), kSampleRows, kOrigin);
  ASSERT_TRUE(ids.ok()) << ids.status().message();
  ASSERT_EQ(ids.value().count(), kSampleRows);
  EXPECT_EQ(LoadAt<int64_t>(ids.value()[0].data() + 1), -3);
  EXPECT_EQ(ids.value()[2][0], 2);
  EXPECT_EQ(DecodeIds(object.span(), kSampleRows + 1, kOrigin).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeIds(object.span(), kSampleRows - 1, kOrigin).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeMetadata(object.span(), kSampleRows, kOrigin).status().code(), Code::kCorruption);
}

Bytes OneBlob(ObjectKind kind, std::string_view text) {
  Bytes object;
  BlobListWriter writer;
  EXPECT_TRUE(BeginBlobs(1, text.size(), object, &writer).ok());
  writer.Add(AsBytes(text));
  writer.Finish();
  EXPECT_TRUE(FinishObject(kind, object).ok());
  return object;
}

TEST(IdsObject, EveryIdIsValid) {
  std::string longest(1 + kIdBytesMax, 'x');
  longest[0] = 2;
  EXPECT_TRUE(DecodeIds(OneBlob(ObjectKind::kIds, longest).span(), 1, kOrigin).ok());
  for (const std::string& id : {std::string(), longest + "x", std::string("\x02", 1), std::string("\x03z", 2),
                                std::string("\x02\xff", 2), std::string("\x01\x01", 2)}) {
    EXPECT_EQ(DecodeIds(OneBlob(ObjectKind::kIds, id).span(), 1, kOrigin).status().code(), Code::kCorruption);
  }
}

TEST(MetadataObject, EntriesComeBack) {
  Bytes object = SampleMetadata();
  auto metadata = DecodeMetadata(object.span(), kSampleRows, kOrigin);
  ASSERT_TRUE(metadata.ok()) << metadata.status().message();
  EXPECT_TRUE(metadata.value()[0].empty());
  EXPECT_EQ(metadata.value()[1].size(), 7U);
  EXPECT_EQ(DecodeMetadata(object.span(), kSampleRows + 1, kOrigin).status().code(), Code::kCorruption);
}

TEST(MetadataObject, EveryEntryIsUtf8WithinTheLimit) {
  auto decoded = [](std::string_view text) {
    return DecodeMetadata(OneBlob(ObjectKind::kMetadata, text).span(), 1, kOrigin).status().code();
  };
  std::string largest(kMetadataBytesMax, ' ');
  EXPECT_EQ(decoded(largest), Code::kOk);
  EXPECT_EQ(decoded(largest + " "), Code::kCorruption);
  EXPECT_EQ(decoded("\xff"), Code::kCorruption);
}

TEST(BlobsObject, AListBeyondItsOffsetsIsALimit) {
  Bytes object;
  BlobListWriter writer;
  for (uint64_t bytes : {uint64_t{1} << 32, (uint64_t{1} << 32) - 8, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(BeginBlobs(1, bytes, object, &writer).code(), Code::kLimitExceeded);
  }
  EXPECT_EQ(BeginBlobs(0xffffffff, 0, object, &writer).code(), Code::kLimitExceeded);
}

TEST(Tombstones, ComeBackAndAgreeWithTheManifest) {
  Bytes out = SampleTombstones();
  Bitmap read;
  ASSERT_TRUE(DecodeTombstones(out.span(), 70, 4, kOrigin, &read).ok());
  EXPECT_EQ(read.set_count(), 4U);
  EXPECT_TRUE(read.Test(69));
  EXPECT_EQ(DecodeTombstones(out.span(), 70, 5, kOrigin, &read).code(), Code::kCorruption);
  EXPECT_EQ(DecodeTombstones(out.span(), 71, 4, kOrigin, &read).code(), Code::kCorruption);
  EXPECT_EQ(DecodeTombstones(out.span(), 0xffffffff, 4, kOrigin, &read).code(), Code::kCorruption);
}

}  // namespace
}  // namespace omendb
