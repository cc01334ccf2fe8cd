// ChunkedRows: fixed-stride rows by ordinal, in chunks that never move.
//
// Growing allocates one more chunk (about kChunkBytes) and copies nothing, so that a collection
// never needs twice its memory, and pointers to rows stay valid until Clear. Rows per chunk is a
// power of two: a row is one table load, one shift and one mask away.
// Rows are 16-byte aligned when the stride is a multiple of 16. Not thread safe.
#ifndef OMENDB_BASE_CHUNKED_ROWS_H_
#define OMENDB_BASE_CHUNKED_ROWS_H_

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "base/array.h"

namespace omendb {

class ChunkedRows {
 public:
  static constexpr size_t kChunkBytes = size_t{256} << 10;

  explicit ChunkedRows(size_t stride_bytes = 1) : stride_bytes_(stride_bytes) {
    assert(stride_bytes > 0);
    size_t rows = kChunkBytes / stride_bytes;
    shift_ = rows <= 1 ? 0 : static_cast<uint32_t>(std::bit_width(rows)) - 1;
    mask_ = (uint32_t{1} << shift_) - 1;
  }
  ~ChunkedRows() { Clear(); }
  ChunkedRows(ChunkedRows&& other) noexcept { *this = std::move(other); }
  ChunkedRows& operator=(ChunkedRows&& other) noexcept {
    if (this != &other) {
      Clear();
      chunks_ = std::move(other.chunks_);
      size_ = std::exchange(other.size_, 0);
      stride_bytes_ = other.stride_bytes_;
      shift_ = other.shift_;
      mask_ = other.mask_;
    }
    return *this;
  }

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] size_t stride_bytes() const { return stride_bytes_; }
  [[nodiscard]] uint32_t rows_per_chunk() const { return mask_ + 1; }
  [[nodiscard]] size_t chunk_bytes() const { return stride_bytes_ << shift_; }
  // Rows that there is memory for.
  [[nodiscard]] uint64_t reserved() const { return uint64_t{chunks_.size()} << shift_; }
  [[nodiscard]] size_t memory_bytes() const {
    return chunks_.size() * (stride_bytes_ << shift_) + chunks_.capacity() * sizeof(uint8_t*);
  }
  [[nodiscard]] uint8_t* row(uint32_t ordinal) {
    return chunks_.data()[ordinal >> shift_] + size_t{ordinal & mask_} * stride_bytes_;
  }
  [[nodiscard]] const uint8_t* row(uint32_t ordinal) const {
    return chunks_.data()[ordinal >> shift_] + size_t{ordinal & mask_} * stride_bytes_;
  }

  // Room for `rows` rows in all. On failure nothing changes but spare room.
  Status Reserve(uint64_t rows) {
    uint64_t needed = (rows + mask_) >> shift_;
    if (needed <= chunks_.size()) return Status::Ok();
    OMENDB_TRY(chunks_.Reserve(static_cast<size_t>(needed)));
    while (chunks_.size() < needed) {
      void* chunk = AllocateBytes(stride_bytes_ << shift_);
      if (chunk == nullptr) return OutOfMemory(stride_bytes_ << shift_);
      chunks_.PushReserved(static_cast<uint8_t*>(chunk));
    }
    return Status::Ok();
  }
  // REQUIRES: reserved. New rows hold unset bytes.
  void Resize(uint32_t rows) {
    assert(rows <= chunks_.size() << shift_);
    size_ = rows;
  }
  // Gives back chunks that hold no row.
  void ShrinkToFit() {
    size_t needed = (size_t{size_} + mask_) >> shift_;
    while (chunks_.size() > needed) {
      FreeBytes(chunks_.back());
      chunks_.Pop();
    }
  }
  void Clear() {
    for (uint8_t* chunk : chunks_) FreeBytes(chunk);
    chunks_.Release();
    size_ = 0;
  }

 private:
  Array<uint8_t*> chunks_;
  uint32_t size_ = 0;
  size_t stride_bytes_;
  uint32_t shift_ = 0;
  uint32_t mask_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_BASE_CHUNKED_ROWS_H_
