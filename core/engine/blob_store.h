// BlobStore: byte strings by slot (encoded ids, metadata), in chunks.
//
// Appending allocates at most one more chunk, so a collection never needs twice its memory. Slots are
// used again, so chunks get holes; a chunk without a live blob is given back at once, and Clean moves what
// is left in the emptiest one together. Slots that are empty cost nothing until one that is not follows.
// Not thread safe.
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
  ~BlobStore() { Reset(); }
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  // Empty for a slot that was never set. Valid until Clean.
  [[nodiscard]] ByteSpan operator[](uint32_t slot) const {
    if (slot >= entries_.size()) return {};
    uint64_t entry = entries_.data()[slot];
    if (entry == 0) return {};
    return {chunks_.data()[ChunkOf(entry)].bytes + OffsetOf(entry), SizeOf(entry)};
  }
  // On failure nothing changes. REQUIRES: the slot is empty; blob.size() <= kBlobBytesMax.
  Status Set(uint32_t slot, ByteSpan blob);
  void Clear(uint32_t slot);
  // Forgets the room for slots from `count` on. REQUIRES: they are empty.
  void Truncate(uint32_t count);

  // True when much of the memory holds nothing.
  [[nodiscard]] bool wants_cleaning() const;
  // Moves the blobs of one chunk together with others and gives the chunk back.
  // On OUT_OF_MEMORY some may be moved, and nothing is lost.
  Status Clean();
  // Entries of slots in `removed` (empty ones) go and the rest move down. Cannot fail.
  void Squeeze(const Bitmap& removed);
  // Forgets everything.
  void Reset();
  [[nodiscard]] size_t memory_bytes() const;

 private:
  static constexpr uint32_t kNoChunk = 0xffffffffU;

  struct Chunk {
    uint8_t* bytes = nullptr;  // null: given back, the place may be taken again
    uint32_t capacity = 0;
    uint32_t used = 0;  // filled from the start
    uint32_t live = 0;  // of blobs that are still there
  };
  // chunk (23 bits), offset in it (20), size (21); 0 for an empty blob
  static uint64_t Pack(size_t chunk, uint64_t offset, size_t size) {
    return uint64_t{chunk} << 41 | offset << 21 | uint64_t{size};
  }
  static size_t ChunkOf(uint64_t entry) { return static_cast<size_t>(entry >> 41); }
  static size_t OffsetOf(uint64_t entry) { return static_cast<size_t>((entry >> 21) & 0xfffff); }
  static size_t SizeOf(uint64_t entry) { return static_cast<size_t>(entry & 0x1fffff); }

  // Room for `bytes` more in the chunk that is being filled.
  Status PrepareChunk(size_t bytes);
  // REQUIRES: prepared. Returns the entry.
  uint64_t Append(ByteSpan blob);
  void FreeChunk(size_t chunk);

  Array<uint64_t> entries_;
  Array<Chunk> chunks_;
  uint32_t current_ = kNoChunk;  // being filled
  uint64_t chunk_bytes_ = 0;
  uint64_t live_bytes_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_BLOB_STORE_H_
