#include "engine/blob_store.h"

#include <algorithm>

namespace omendb {
namespace {

// Small collections stay small; large ones do not make many allocations.
constexpr size_t kFirstChunkBytes = size_t{4} << 10;
constexpr size_t kChunkBytesMax = size_t{256} << 10;
constexpr size_t kChunksMax = size_t{1} << 23;

}  // namespace

Status BlobStore::AddChunk(size_t blob_bytes) {
  if (chunks_.size() >= kChunksMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kChunksMax, " chunks of ids or metadata");
  }
  size_t ordinary = std::clamp(static_cast<size_t>(chunk_bytes_), kFirstChunkBytes, kChunkBytesMax);
  size_t capacity = std::max(ordinary, blob_bytes);
  OMENDB_TRY(chunks_.ReserveMore(1));
  void* bytes = AllocateBytes(capacity);
  if (bytes == nullptr) return OutOfMemory(capacity);
  chunks_.PushReserved({static_cast<uint8_t*>(bytes), static_cast<uint32_t>(capacity)});
  chunk_bytes_ += capacity;
  chunk_used_ = 0;
  return Status::Ok();
}

Status BlobStore::Append(uint32_t ordinal, ByteSpan blob) {
  assert(ordinal >= entries_.size() && blob.size() <= kBlobBytesMax);
  if (blob.empty()) return Status::Ok();
  size_t gap = ordinal - entries_.size();
  OMENDB_TRY(entries_.ReserveMore(gap + 1));
  if (chunks_.empty() || chunks_.back().capacity - chunk_used_ < blob.size()) {
    OMENDB_TRY(AddChunk(blob.size()));
  }
  for (size_t i = 0; i < gap; ++i) entries_.PushReserved(0);
  entries_.PushReserved(Pack(chunks_.size() - 1, chunk_used_, blob.size()));
  std::memcpy(chunks_.back().bytes + chunk_used_, blob.data(), blob.size());
  chunk_used_ += static_cast<uint32_t>(blob.size());
  return Status::Ok();
}

void BlobStore::FreeChunksFrom(size_t count) {
  while (chunks_.size() > count) {
    chunk_bytes_ -= chunks_.back().capacity;
    FreeBytes(chunks_.back().bytes);
    chunks_.Pop();
  }
}

void BlobStore::Truncate(uint32_t count) {
  if (count >= entries_.size()) return;
  entries_.Truncate(count);
  // What follows the last entry that is not empty is free.
  size_t last = entries_.size();
  while (last > 0 && SizeOf(entries_[last - 1]) == 0) --last;
  if (last == 0) {
    Clear();
    return;
  }
  uint64_t entry = entries_[last - 1];
  FreeChunksFrom(ChunkOf(entry) + 1);
  chunk_used_ = static_cast<uint32_t>(OffsetOf(entry) + SizeOf(entry));
}

void BlobStore::Remove(const Bitmap& doomed) {
  // Entries lie in order, and the same greedy packing of fewer entries into the same chunks never gets
  // ahead of where they were: each is read before its bytes can be overwritten.
  size_t kept = 0;
  size_t chunk = 0;
  size_t used = 0;
  for (uint32_t ordinal = 0; ordinal < entries_.size(); ++ordinal) {
    if (ordinal < doomed.size() && doomed.Test(ordinal)) continue;
    uint64_t entry = entries_[ordinal];
    size_t size = SizeOf(entry);
    if (size == 0) {
      entries_[kept++] = 0;
      continue;
    }
    while (chunks_[chunk].capacity - used < size) {
      ++chunk;
      used = 0;
    }
    std::memmove(chunks_[chunk].bytes + used, chunks_[ChunkOf(entry)].bytes + OffsetOf(entry), size);
    entries_[kept++] = Pack(chunk, used, size);
    used += size;
  }
  entries_.Truncate(kept);
  entries_.ShrinkToFit();
  FreeChunksFrom(used == 0 ? 0 : chunk + 1);
  chunk_used_ = static_cast<uint32_t>(used);
}

void BlobStore::Clear() {
  FreeChunksFrom(0);
  chunks_.Release();
  entries_.Release();
  chunk_used_ = 0;
}

size_t BlobStore::memory_bytes() const {
  return static_cast<size_t>(chunk_bytes_) + chunks_.capacity() * sizeof(Chunk) +
         entries_.capacity() * sizeof(uint64_t);
}

}  // namespace omendb
