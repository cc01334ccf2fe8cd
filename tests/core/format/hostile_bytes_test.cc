// Every kind of object: what is written is read, a changed byte is noticed, and hostile bytes behind valid
// checksums do nothing worse than fail.
#include <random>
#include <string>

#include "format/decoded_object.h"
#include "format/object_name.h"
#include "format/sample_objects.h"
#include "gtest/gtest.h"
#include "seed.h"

namespace omendb {
namespace {

std::string Text(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

TEST(EveryObject, ComesBackByteForByte) {
  for (const SampleObject& sample : AllSampleObjects()) {
    Bytes again;
    Status status = DecodeAndEncode(sample.bytes.span(), again);
    ASSERT_TRUE(status.ok()) << sample.name << ": " << status.message();
    EXPECT_EQ(Text(again), Text(sample.bytes)) << sample.name;
  }
}

TEST(EveryObject, EveryValueOfEveryByteButTheRightOneIsDetected) {
  for (SampleObject& sample : AllSampleObjects()) {
    const auto kind = static_cast<ObjectKind>(KindOf(sample.bytes.span()));
    for (size_t i = 0; i < sample.bytes.size(); ++i) {
      const uint8_t right = sample.bytes[i];
      for (int flip = 1; flip < 256; ++flip) {
        sample.bytes[i] = static_cast<uint8_t>(right ^ flip);
        ASSERT_EQ(DecodeObject(sample.bytes.span(), kind, Origin::Stored("x")).status().code(),
                  Code::kCorruption)
            << sample.name << ", byte " << i << " ^ " << flip;
      }
      sample.bytes[i] = right;
    }
  }
}

TEST(EveryObject, EveryTruncationIsDetected) {
  for (const SampleObject& sample : AllSampleObjects()) {
    Bytes again;
    for (size_t size = 0; size < sample.bytes.size(); ++size) {
      // A buffer of its own, so that a sanitizer sees the first byte behind it.
      Bytes cut;
      ASSERT_TRUE(cut.Append(ByteSpan(sample.bytes.span()).first(size)).ok());
      cut.ShrinkToFit();
      ASSERT_EQ(DecodeAndEncode(cut.span(), again).code(), Code::kCorruption) << sample.name << " " << size;
    }
  }
}

// A body of this size with the same beginning, behind valid checksums.
Bytes WithBody(const Bytes& object, size_t body_bytes) {
  const auto kind = static_cast<ObjectKind>(KindOf(object.span()));
  auto body = DecodeObject(object.span(), kind, Origin::Stored("x"));
  EXPECT_TRUE(body.ok());
  Bytes out;
  EXPECT_TRUE(BeginObject(out).ok());
  EXPECT_TRUE(out.Append(body.value()).ok());
  EXPECT_TRUE(out.Resize(kObjectHeaderBytes + body_bytes).ok());
  EXPECT_TRUE(FinishObject(kind, out).ok());
  return out;
}

TEST(EveryObject, ABodyOfAnotherSizeIsCorruption) {
  for (const SampleObject& sample : AllSampleObjects()) {
    const size_t right = sample.bytes.size() - kObjectHeaderBytes - 4;
    Bytes again;
    for (size_t body_bytes = 0; body_bytes < right + 40; ++body_bytes) {
      if (body_bytes == right) continue;
      EXPECT_EQ(DecodeAndEncode(WithBody(sample.bytes, body_bytes).span(), again).code(), Code::kCorruption)
          << sample.name << " " << body_bytes << " for " << right;
    }
  }
}

TEST(EveryObject, MessagesNameTheObject) {
  for (const SampleObject& sample : AllSampleObjects()) {
    Bytes again;
    Status status = DecodeAndEncode(WithBody(sample.bytes, 5).span(), again);
    const std::string message(status.message());
    const std::string name = sample.name == "head" ? "head" : "d00000001-0000000000000001";
    EXPECT_EQ(message.find(name + ", byte "), 0U) << sample.name << ": " << message;
    EXPECT_NE(message.find("found"), std::string::npos) << sample.name << ": " << message;
  }
}

// Replaces random bytes of the body, or cuts or extends it, behind valid checksums.
Bytes Forge(const Bytes& object, std::mt19937& random) {
  const auto kind = static_cast<ObjectKind>(KindOf(object.span()));
  size_t body_bytes = object.size() - kObjectHeaderBytes - 4;
  if (random() % 4 == 0) body_bytes = random() % (body_bytes + 20);
  Bytes out = WithBody(object, body_bytes);
  out.Truncate(kObjectHeaderBytes + body_bytes);
  for (uint32_t changes = 1 + random() % 4; changes-- > 0 && body_bytes > 0;) {
    const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, static_cast<uint8_t>(random())};
    out[kObjectHeaderBytes + random() % body_bytes] = values[random() % 6];
  }
  EXPECT_TRUE(FinishObject(kind, out).ok());
  return out;
}

TEST(EveryObject, HostileBodiesFailOrComeBackByteForByte) {
  OMENDB_TRACE_SEED();
  std::mt19937 random(static_cast<std::mt19937::result_type>(TestSeed()));
  const std::vector<SampleObject> samples = AllSampleObjects();
  for (int round = 0; round < 5'000 && !HasFailure(); ++round) {
    for (const SampleObject& sample : samples) {
      Bytes forged = Forge(sample.bytes, random);
      Bytes again;
      Status status = DecodeAndEncode(forged.span(), again);
      if (status.ok()) {
        EXPECT_EQ(Text(again), Text(forged)) << sample.name;
      } else {
        EXPECT_EQ(status.code(), Code::kCorruption) << sample.name << ": " << status.message();
      }
    }
  }
}

}  // namespace
}  // namespace omendb
