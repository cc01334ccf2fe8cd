// WAL frames as bytes (docs/file-format.md, "WAL frame"). What operations mean is the engine's.
#ifndef OMENDB_FORMAT_FRAME_H_
#define OMENDB_FORMAT_FRAME_H_

#include <cstdint>

#include "base/array.h"
#include "format/object.h"

namespace omendb {

// Stored: append only. A token (u64 client, u64 request) belongs to the operation before it.
enum class OperationKind : uint32_t { kCreate = 1, kDrop = 2, kUpsert = 3, kDelete = 4, kToken = 5 };

// One operation inside a frame object that lies in memory.
struct FrameOperation {
  OperationKind kind = OperationKind::kCreate;
  uint32_t collection = 0;
  size_t payload_offset = 0;  // in the object; a multiple of 16
  size_t payload_bytes = 0;
};

// Builds one frame object in place, so that payloads are written once, where they stay.
class FrameWriter {
 public:
  // Starts anew. OUT_OF_MEMORY.
  Status Begin();
  // Room for the next operation's payload; what a former call prepared and nobody took is dropped.
  // LIMIT_EXCEEDED beyond kBatchBytesMax, OUT_OF_MEMORY.
  Result<uint8_t*> Prepare(size_t payload_bytes);
  [[nodiscard]] bool prepared() const { return prepared_; }
  [[nodiscard]] ByteSpan payload() const {
    return ByteSpan(bytes_.data() + operations_end_ + kOperationHeaderBytes, payload_bytes_);
  }
  // The prepared payload becomes an operation. Cannot fail.
  FrameOperation Take(OperationKind kind, uint32_t collection);
  // The whole object. On OUT_OF_MEMORY the frame stays open.
  Result<ByteSpan> Seal(uint64_t sequence, uint32_t epoch, uint64_t time_ms);

  // A stored frame instead of one built here, copied so that its payloads are aligned.
  Status Assign(ByteSpan object);

  [[nodiscard]] ByteSpan bytes() const { return bytes_.span(); }
  [[nodiscard]] uint32_t operation_count() const { return operation_count_; }
  // Gives memory back beyond what an ordinary frame needs.
  void Trim();
  void Release() { bytes_.Release(); }

  static constexpr size_t kFrameHeaderBytes = 32;
  static constexpr size_t kOperationHeaderBytes = 16;

 private:
  Bytes bytes_;
  size_t operations_end_ = 0;
  size_t payload_bytes_ = 0;
  uint32_t operation_count_ = 0;
  bool prepared_ = false;
};

// Walks the operations of a stored frame.
class FrameReader {
 public:
  // Checks the object and its header. CORRUPTION, UNSUPPORTED_VERSION.
  static Result<FrameReader> Open(ByteSpan object, const Origin& origin);
  [[nodiscard]] uint64_t sequence() const { return sequence_; }
  [[nodiscard]] uint32_t epoch() const { return epoch_; }
  [[nodiscard]] uint64_t time_ms() const { return time_ms_; }
  [[nodiscard]] uint32_t operation_count() const { return operation_count_; }
  // The next operation; call operation_count() times.
  Result<FrameOperation> Next();
  // CORRUPTION when bytes follow the last operation.
  Status CheckEnd() const;

 private:
  // A token names collection 0, has its size, and stands behind the operation that it belongs to.
  Status CheckToken(OperationKind kind, uint32_t collection, uint64_t payload_bytes);

  ByteSpan object_;
  Origin origin_;
  size_t offset_ = 0;
  size_t end_ = 0;
  uint64_t sequence_ = 0;
  uint32_t epoch_ = 0;
  uint64_t time_ms_ = 0;
  uint32_t operation_count_ = 0;
  bool token_may_follow_ = false;
};

}  // namespace omendb

#endif  // OMENDB_FORMAT_FRAME_H_
