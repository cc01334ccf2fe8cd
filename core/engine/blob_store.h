// BlobStore: byte strings by ordinal (encoded ids, metadata), in chunks that never move.
//
// Appending allocates at most one more chunk, so a collection never needs twice its memory. Entries
// that are empty cost nothing until one that is not follows. Not thread safe.
#ifndef OMENDB_ENGINE_BLOB_STORE_H_
#define OMENDB_ENGINE_BLOB_STORE_H_

#include <cstdint>

#include "base/array.h"
#include "base/bitmap.h"

namespace omendb {

class BlobStore {
 public:
  static constexpr size_t kBlobBytesMax = size_t{1} << 20;  // kMetadataBytesMax; offsets have 20 bits

  BlobStore() = default;
  ~BlobStore() { Clear(); }
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  // Empty for an ordinal that was never set.
  [[nodiscard]] ByteSpan operator[](uint32_t ordinal) const {
    if (ordinal >= entries_.size()) return {};
    uint64_t entry = entries_.data()[ordinal];
    return {chunks_.data()[ChunkOf(entry)].bytes + OffsetOf(entry), SizeOf(entry)};
  }
  // Sets entry `ordinal`; those between the last one set and it are empty. On failure nothing changes.
  // REQUIRES: ordinal is beyond every ordinal set so far; blob.size() <= kBlobBytesMax.
  Status Append(uint32_t ordinal, ByteSpan blob);
  // Forgets entries from `count` on and gives back chunks that are empty then.
  void Truncate(uint32_t count);
  // Drops the entries of `doomed` (which may cover fewer ordinals than there are) and moves the rest
  // down in place, in order. Cannot fail.
  void Remove(const Bitmap& doomed);
  void Clear();
  [[nodiscard]] size_t memory_bytes() const;

 private:
  struct Chunk {
    uint8_t* bytes = nullptr;
    uint32_t capacity = 0;
  };
  // chunk (23 bits), offset in it (20), size (21)
  static uint64_t Pack(size_t chunk, uint64_t offset, size_t size) {
    return uint64_t{chunk} << 41 | offset << 21 | uint64_t{size};
  }
  static size_t ChunkOf(uint64_t entry) { return static_cast<size_t>(entry >> 41); }
  static size_t OffsetOf(uint64_t entry) { return static_cast<size_t>((entry >> 21) & 0xfffff); }
  static size_t SizeOf(uint64_t entry) { return static_cast<size_t>(entry & 0x1fffff); }

  Status AddChunk(size_t blob_bytes);
  void FreeChunksFrom(size_t count);

  Array<uint64_t> entries_;
  Array<Chunk> chunks_;
  uint32_t chunk_used_ = 0;  // bytes taken in the last chunk
  uint64_t chunk_bytes_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_BLOB_STORE_H_
