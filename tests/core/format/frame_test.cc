#include "format/frame.h"

#include <vector>

#include "base/coding.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

constexpr size_t kFirstOperation = kObjectHeaderBytes + FrameWriter::kFrameHeaderBytes;

struct Operation {
  OperationKind kind = OperationKind::kDelete;
  uint32_t collection = 0;
  size_t payload_bytes = 0;
};

Bytes MakeFrame(const std::vector<Operation>& operations) {
  FrameWriter writer;
  EXPECT_TRUE(writer.Begin().ok());
  for (size_t i = 0; i < operations.size(); ++i) {
    auto payload = writer.Prepare(operations[i].payload_bytes);
    EXPECT_TRUE(payload.ok());
    std::memset(payload.value(), static_cast<int>(i + 1), operations[i].payload_bytes);
    (void)writer.Take(operations[i].kind, operations[i].collection);
  }
  EXPECT_TRUE(writer.Prepare(1000).ok());  // never taken: not in the frame
  auto sealed = writer.Seal(12, 3, 1'700'000'000'123);
  EXPECT_TRUE(sealed.ok());
  Bytes out;
  EXPECT_TRUE(out.Append(sealed.value()).ok());
  return out;
}

// The frame with bytes replaced, behind valid checksums.
template <typename T>
Bytes Forged(const Bytes& frame, size_t at, T value) {
  auto body = DecodeObject(frame.span(), ObjectKind::kFrame, Origin::Stored("w"));
  EXPECT_TRUE(body.ok());
  Bytes out;
  EXPECT_TRUE(BeginObject(out).ok());
  EXPECT_TRUE(out.Append(body.value()).ok());
  StoreAt<T>(out.data() + at, value);
  EXPECT_TRUE(FinishObject(ObjectKind::kFrame, out).ok());
  return out;
}

// The first fault on the way through the frame.
Status Walk(const Bytes& frame) {
  OMENDB_ASSIGN(FrameReader reader, FrameReader::Open(frame.span(), Origin::Stored("w")));
  for (uint32_t i = 0; i < reader.operation_count(); ++i) OMENDB_TRY(reader.Next().status());
  return reader.CheckEnd();
}

TEST(Frame, OperationsComeBackAligned) {
  Bytes frame = MakeFrame(
      {{OperationKind::kDelete, 40, 5}, {OperationKind::kDelete, 41, 21}, {OperationKind::kDelete, 42, 37}});
  auto reader = FrameReader::Open(frame.span(), Origin::Stored("w"));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.value().sequence(), 12U);
  EXPECT_EQ(reader.value().epoch(), 3U);
  EXPECT_EQ(reader.value().time_ms(), 1'700'000'000'123U);
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

TEST(Frame, AFrameWithoutOperationsIsWhole) { EXPECT_TRUE(Walk(MakeFrame({})).ok()); }

TEST(Frame, ATokenBelongsToTheOperationBeforeIt) {
  const Operation drop{OperationKind::kDrop, 3, 0};
  const Operation token{OperationKind::kToken, 0, 16};
  EXPECT_TRUE(Walk(MakeFrame({drop, token})).ok());
  EXPECT_TRUE(Walk(MakeFrame({drop, token, drop, token, drop})).ok());
  EXPECT_EQ(Walk(MakeFrame({token})).code(), Code::kCorruption);
  EXPECT_EQ(Walk(MakeFrame({token, drop})).code(), Code::kCorruption);
  EXPECT_EQ(Walk(MakeFrame({drop, token, token})).code(), Code::kCorruption);
  EXPECT_EQ(Walk(MakeFrame({drop, {OperationKind::kToken, 3, 16}})).code(), Code::kCorruption);
  for (size_t bytes : {0U, 8U, 15U, 17U, 32U}) {
    EXPECT_EQ(Walk(MakeFrame({drop, {OperationKind::kToken, 0, bytes}})).code(), Code::kCorruption) << bytes;
  }
}

TEST(Frame, OperationsThatCannotBeAreCorruption) {
  Bytes frame = MakeFrame({{OperationKind::kDelete, 40, 5}, {OperationKind::kDelete, 41, 5}});
  ASSERT_TRUE(Walk(frame).ok());
  for (uint32_t kind : {0U, 6U, 0xffffffffU}) {
    EXPECT_EQ(Walk(Forged(frame, kFirstOperation, kind)).code(), Code::kCorruption) << kind;
  }
  EXPECT_EQ(Walk(Forged<uint32_t>(frame, kObjectHeaderBytes + 12, 3)).code(), Code::kCorruption) << "count";
  EXPECT_EQ(Walk(Forged<uint32_t>(frame, kObjectHeaderBytes + 12, 1)).code(), Code::kCorruption) << "count";
  EXPECT_EQ(Walk(Forged<uint64_t>(frame, kObjectHeaderBytes + 24, 1)).code(), Code::kCorruption)
      << "reserved";
  EXPECT_EQ(Walk(Forged<uint8_t>(frame, kFirstOperation + 16 + 5, 1)).code(), Code::kCorruption) << "padding";
  for (uint64_t bytes : {uint64_t{49}, uint64_t{1000}, uint64_t{1} << 32, (uint64_t{1} << 32) + 5,
                         ~uint64_t{0}, ~uint64_t{0} - 14}) {
    EXPECT_EQ(Walk(Forged(frame, kFirstOperation + 8, bytes)).code(), Code::kCorruption) << bytes;
  }
}

}  // namespace
}  // namespace omendb
