#include "format/object.h"

#include <string>
#include <vector>

#include "base/coding.h"
#include "base/crc32c.h"
#include "format/object_name.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

Bytes MakeObject(size_t body_bytes, ObjectKind kind = ObjectKind::kVectors) {
  Bytes out;
  EXPECT_TRUE(BeginObject(out).ok());
  for (size_t i = 0; i < body_bytes; ++i) EXPECT_TRUE(out.Push(static_cast<uint8_t>(i * 7 + 3)).ok());
  EXPECT_TRUE(FinishObject(kind, out).ok());
  return out;
}

Code Decode(ByteSpan object, ObjectKind kind = ObjectKind::kVectors) {
  auto body = DecodeObject(object, kind, Origin::Stored("x"));
  return body.status().code();
}

// Changes a header field and puts the header's checksum right again.
template <typename T>
void Forge(Bytes& object, size_t offset, T value) {
  StoreAt(object.data() + offset, value);
  StoreAt(object.data() + 28, Crc32c(ByteSpan(object.span()).first(28)));
}

TEST(Object, BodiesOfEverySizeAroundABlockComeBack) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{100}, kObjectBlockBytes - 1, kObjectBlockBytes,
                      kObjectBlockBytes + 1, 2 * kObjectBlockBytes + 5}) {
    Bytes object = MakeObject(size);
    EXPECT_EQ(object.size(), ObjectBytes(size));
    auto body = DecodeObject(object.span(), ObjectKind::kVectors, Origin::Stored("x"));
    ASSERT_TRUE(body.ok());
    ASSERT_EQ(body.value().size(), size);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(body.value()[i], static_cast<uint8_t>(i * 7 + 3));
  }
}

TEST(Object, EveryValueOfEveryByteButTheRightOneIsDetected) {
  Bytes object = MakeObject(40);
  for (size_t i = 0; i < object.size(); ++i) {
    for (int flip = 1; flip < 256; ++flip) {
      object[i] = static_cast<uint8_t>(object[i] ^ flip);
      ASSERT_EQ(Decode(object.span()), Code::kCorruption) << "byte " << i << " ^ " << flip;
      object[i] = static_cast<uint8_t>(object[i] ^ flip);
    }
  }
  EXPECT_EQ(Decode(object.span()), Code::kOk);
}

TEST(Object, EveryTruncationAndAnyGrowthIsDetected) {
  Bytes object = MakeObject(kObjectBlockBytes + 40);
  for (size_t size = 0; size < object.size(); size += size < 200 ? 1 : 997) {
    EXPECT_EQ(Decode(ByteSpan(object.span()).first(size)), Code::kCorruption);
  }
  EXPECT_EQ(Decode(ByteSpan(object.span()).first(object.size() - 1)), Code::kCorruption);
  ASSERT_TRUE(object.Push(0).ok());
  EXPECT_EQ(Decode(object.span()), Code::kCorruption);
}

TEST(Object, ForgedHeadersAreRefused) {
  Bytes object = MakeObject(40);
  Forge<uint16_t>(object, 6, 2);
  EXPECT_EQ(Decode(object.span()), Code::kUnsupportedVersion);
  Forge<uint16_t>(object, 6, 0);
  EXPECT_EQ(Decode(object.span()), Code::kCorruption);
  Forge<uint16_t>(object, 6, 1);
  EXPECT_EQ(Decode(object.span()), Code::kOk);
  EXPECT_EQ(Decode(object.span(), ObjectKind::kNodes), Code::kCorruption);
  for (uint64_t size : {uint64_t{0}, uint64_t{39}, uint64_t{41}, uint64_t{1} << 32, ~uint64_t{0},
                        ~uint64_t{0} - 100, (uint64_t{1} << 32) + 40}) {
    Forge<uint64_t>(object, 8, size);
    EXPECT_EQ(Decode(object.span()), Code::kCorruption) << size;
  }
  Forge<uint64_t>(object, 8, 40);
  Forge<uint32_t>(object, 16, 4096);
  EXPECT_EQ(Decode(object.span()), Code::kCorruption);
  Forge<uint32_t>(object, 16, 65536);
  Forge<uint32_t>(object, 24, 1);
  EXPECT_EQ(Decode(object.span()), Code::kCorruption);
}

TEST(Object, MessagesNameObjectOffsetExpectedAndFound) {
  Bytes object = MakeObject(40);
  object[50] ^= 1;
  Status status = DecodeObject(object.span(), ObjectKind::kVectors, Origin::Stored("d00000001-x")).status();
  std::string message(status.message());
  for (const char* part : {"d00000001-x", "byte 32", "expected", "found"}) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

TEST(Object, ItsChecksumStandsForItsContent) {
  Bytes a = MakeObject(40);
  Bytes b = MakeObject(41);
  Bytes c = MakeObject(40, ObjectKind::kNodes);
  EXPECT_NE(ObjectChecksum(a.span()), ObjectChecksum(b.span()));
  EXPECT_NE(ObjectChecksum(a.span()), ObjectChecksum(c.span()));
  EXPECT_EQ(ObjectChecksum(a.span()), ObjectChecksum(MakeObject(40).span()));
}

TEST(ObjectName, IsReadBackAndNothingElseIs) {
  EXPECT_EQ(ObjectName::Frame(1, 2).text(), "w00000001-0000000000000002");
  EXPECT_EQ(ObjectName::Data(0xffffffff, ~uint64_t{0}).text(), "dffffffff-ffffffffffffffff");
  ObjectName name;
  ASSERT_TRUE(ObjectName::Parse("w0000000a-00000000000000ff", &name));
  EXPECT_TRUE(name.is_frame());
  EXPECT_EQ(name.epoch(), 10U);
  EXPECT_EQ(name.number(), 255U);
  for (std::string_view text :
       {"", "w", "x0000000a-00000000000000ff", "w0000000A-00000000000000ff", "w0000000a_00000000000000ff",
        "w0000000a-00000000000000f", "w0000000a-00000000000000fff", "w000000 a-00000000000000ff"}) {
    EXPECT_FALSE(ObjectName::Parse(text, &name)) << text;
  }
}

}  // namespace
}  // namespace omendb
