#include "format/frame.h"

#include "base/coding.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// Enough for the ordinary row batch (about 8 MiB) without asking the heap for every frame.
constexpr size_t kKeptBytes = size_t{12} << 20;

constexpr size_t kReservedOffset = 24;  // in the frame's header
constexpr size_t kTokenBytes = 16;      // u64 client, u64 request

constexpr size_t AlignUp16(size_t offset) { return (offset + 15) / 16 * 16; }

}  // namespace

Status FrameWriter::Begin() {
  OMENDB_TRY(BeginObject(bytes_));
  OMENDB_TRY(bytes_.Resize(kObjectHeaderBytes + kFrameHeaderBytes));
  operations_end_ = bytes_.size();
  operation_count_ = 0;
  payload_bytes_ = 0;
  prepared_ = false;
  return Status::Ok();
}

Result<uint8_t*> FrameWriter::Prepare(size_t payload_bytes) {
  bytes_.Truncate(operations_end_);
  prepared_ = false;
  uint64_t end = uint64_t{operations_end_} + kOperationHeaderBytes + payload_bytes + 15;
  if (end > kBatchBytesMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchBytesMax,
                         " bytes in one commit, found ", end);
  }
  const size_t payload_end = operations_end_ + kOperationHeaderBytes + payload_bytes;
  // The payload is the caller's to write, and `Take` writes the header: only the padding needs zeros.
  OMENDB_TRY(bytes_.ResizeToOverwrite(AlignUp16(payload_end)));
  std::memset(bytes_.data() + payload_end, 0, bytes_.size() - payload_end);
  payload_bytes_ = payload_bytes;
  prepared_ = true;
  return bytes_.data() + operations_end_ + kOperationHeaderBytes;
}

FrameOperation FrameWriter::Take(OperationKind kind, uint32_t collection) {
  uint8_t* header = bytes_.data() + operations_end_;
  StoreAt<uint32_t>(header, static_cast<uint32_t>(kind));
  StoreAt<uint32_t>(header + 4, collection);
  StoreAt<uint64_t>(header + 8, payload_bytes_);
  FrameOperation operation{kind, collection, operations_end_ + kOperationHeaderBytes, payload_bytes_};
  operations_end_ = bytes_.size();
  ++operation_count_;
  prepared_ = false;
  return operation;
}

Result<ByteSpan> FrameWriter::Seal(uint64_t sequence, uint32_t epoch, uint64_t time_ms) {
  bytes_.Truncate(operations_end_);
  prepared_ = false;
  uint8_t* header = bytes_.data() + kObjectHeaderBytes;
  StoreAt<uint64_t>(header, sequence);
  StoreAt<uint32_t>(header + 8, epoch);
  StoreAt<uint32_t>(header + 12, operation_count_);
  StoreAt<uint64_t>(header + 16, time_ms);
  StoreAt<uint64_t>(header + kReservedOffset, 0);
  OMENDB_TRY(FinishObject(ObjectKind::kFrame, bytes_));
  return ByteSpan(bytes_.span());
}

Status FrameWriter::Assign(ByteSpan object) {
  bytes_.Clear();
  prepared_ = false;
  operation_count_ = 0;
  return bytes_.Append(object);
}

void FrameWriter::Trim() {
  if (bytes_.capacity() > kKeptBytes) bytes_.Release();
}

Result<FrameReader> FrameReader::Open(ByteSpan object, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kFrame, origin));
  if (body.size() < FrameWriter::kFrameHeaderBytes) {
    return origin.Fault(kObjectHeaderBytes, "expected a frame of at least ", FrameWriter::kFrameHeaderBytes,
                        " bytes, found ", body.size());
  }
  FrameReader reader;
  reader.object_ = object;
  reader.origin_ = origin;
  reader.sequence_ = LoadAt<uint64_t>(body.data());
  reader.epoch_ = LoadAt<uint32_t>(body.data() + 8);
  reader.operation_count_ = LoadAt<uint32_t>(body.data() + 12);
  reader.time_ms_ = LoadAt<uint64_t>(body.data() + 16);
  uint64_t reserved = LoadAt<uint64_t>(body.data() + kReservedOffset);
  if (reserved != 0) {
    return origin.Fault(kObjectHeaderBytes + kReservedOffset, "expected 0, found ", reserved);
  }
  reader.offset_ = kObjectHeaderBytes + FrameWriter::kFrameHeaderBytes;
  reader.end_ = kObjectHeaderBytes + body.size();
  return reader;
}

Result<FrameOperation> FrameReader::Next() {
  if (end_ - offset_ < FrameWriter::kOperationHeaderBytes) {
    return origin_.Fault(offset_, "expected another operation, found the frame's end");
  }
  const uint8_t* header = object_.data() + offset_;
  uint32_t kind = LoadAt<uint32_t>(header);
  if (kind < static_cast<uint32_t>(OperationKind::kCreate) ||
      kind > static_cast<uint32_t>(OperationKind::kToken)) {
    return origin_.Fault(offset_, "expected an operation kind of 1 to 5, found ", kind);
  }
  uint32_t collection = LoadAt<uint32_t>(header + 4);
  uint64_t payload_bytes = LoadAt<uint64_t>(header + 8);
  size_t start = offset_ + FrameWriter::kOperationHeaderBytes;
  // Compared with what is left first: rounding up a huge size would wrap.
  if (payload_bytes > end_ - start || AlignUp16(static_cast<size_t>(payload_bytes)) > end_ - start) {
    return origin_.Fault(offset_ + 8, "expected a payload of at most ", end_ - start, " bytes, found ",
                         payload_bytes);
  }
  OMENDB_TRY(CheckToken(static_cast<OperationKind>(kind), collection, payload_bytes));
  size_t payload_end = start + static_cast<size_t>(payload_bytes);
  offset_ = AlignUp16(payload_end);
  for (size_t i = payload_end; i < offset_; ++i) {
    if (object_[i] != 0) return origin_.Fault(i, "expected padding 0, found ", object_[i]);
  }
  return FrameOperation{static_cast<OperationKind>(kind), collection, start,
                        static_cast<size_t>(payload_bytes)};
}

Status FrameReader::CheckToken(OperationKind kind, uint32_t collection, uint64_t payload_bytes) {
  bool may_follow = token_may_follow_;
  token_may_follow_ = kind != OperationKind::kToken;
  if (kind != OperationKind::kToken) return Status::Ok();
  if (!may_follow) {
    return origin_.Fault(offset_, "expected an operation before a token, found none that has no token yet");
  }
  if (collection != 0 || payload_bytes != kTokenBytes) {
    return origin_.Fault(offset_ + 4, "expected a token of ", kTokenBytes, " bytes of collection 0, found ",
                         payload_bytes, " of collection ", collection);
  }
  return Status::Ok();
}

Status FrameReader::CheckEnd() const {
  if (offset_ == end_) return Status::Ok();
  return origin_.Fault(offset_, "expected the frame's end, found ", end_ - offset_, " more bytes");
}

}  // namespace omendb
