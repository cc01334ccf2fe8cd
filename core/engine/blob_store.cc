#include "engine/blob_store.h"

#include <algorithm>

namespace omendb {
namespace {

// Small collections stay small; large ones do not make many allocations.
constexpr size_t kFirstChunkBytes = size_t{4} << 10;
constexpr size_t kChunkBytesMax = size_t{256} << 10;
constexpr size_t kChunksMax = size_t{1} << 23;
// Below this the holes are not worth a look.
constexpr uint64_t kHoleBytesMin = uint64_t{64} << 10;

}  // namespace

Status BlobStore::PrepareChunk(size_t bytes) {
  if (current_ != kNoChunk && chunks_[current_].capacity - chunks_[current_].used >= bytes) {
    return Status::Ok();
  }
  const size_t ordinary = std::clamp(static_cast<size_t>(chunk_bytes_), kFirstChunkBytes, kChunkBytesMax);
  const size_t capacity = std::max(ordinary, bytes);
  const Chunk* given_back =
      std::find_if(chunks_.begin(), chunks_.end(), [](const Chunk& chunk) { return chunk.bytes == nullptr; });
  const size_t place = static_cast<size_t>(given_back - chunks_.begin());
  if (place >= kChunksMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kChunksMax, " chunks of ids or metadata");
  }
  if (place == chunks_.size()) OMENDB_TRY(chunks_.ReserveMore(1));
  void* memory = AllocateBytes(capacity);
  if (memory == nullptr) return OutOfMemory(capacity);
  const Chunk chunk{static_cast<uint8_t*>(memory), static_cast<uint32_t>(capacity), 0, 0};
  if (place == chunks_.size()) {
    chunks_.PushReserved(chunk);
  } else {
    chunks_[place] = chunk;
  }
  chunk_bytes_ += capacity;
  current_ = static_cast<uint32_t>(place);
  return Status::Ok();
}

uint64_t BlobStore::Append(ByteSpan blob) {
  Chunk& chunk = chunks_[current_];
  const uint64_t entry = Pack(current_, chunk.used, blob.size());
  std::memcpy(chunk.bytes + chunk.used, blob.data(), blob.size());
  chunk.used += static_cast<uint32_t>(blob.size());
  chunk.live += static_cast<uint32_t>(blob.size());
  return entry;
}

Status BlobStore::Set(uint32_t slot, ByteSpan blob) {
  assert(blob.size() <= kBlobBytesMax && (*this)[slot].empty());
  if (blob.empty()) return Status::Ok();
  if (slot >= entries_.size()) OMENDB_TRY(entries_.ReserveMore(slot + 1 - entries_.size()));
  OMENDB_TRY(PrepareChunk(blob.size()));
  while (entries_.size() <= slot) entries_.PushReserved(0);
  entries_[slot] = Append(blob);
  live_bytes_ += blob.size();
  return Status::Ok();
}

void BlobStore::FreeChunk(size_t chunk) {
  chunk_bytes_ -= chunks_[chunk].capacity;
  FreeBytes(chunks_[chunk].bytes);
  chunks_[chunk] = Chunk();
  if (current_ == chunk) current_ = kNoChunk;
  while (!chunks_.empty() && chunks_.back().bytes == nullptr) chunks_.Pop();
}

void BlobStore::Clear(uint32_t slot) {
  if (slot >= entries_.size() || entries_[slot] == 0) return;
  const uint64_t entry = entries_[slot];
  entries_[slot] = 0;
  live_bytes_ -= SizeOf(entry);
  Chunk& chunk = chunks_[ChunkOf(entry)];
  chunk.live -= static_cast<uint32_t>(SizeOf(entry));
  // What was appended last can be taken back.
  if (OffsetOf(entry) + SizeOf(entry) == chunk.used) chunk.used -= static_cast<uint32_t>(SizeOf(entry));
  if (chunk.live == 0) FreeChunk(ChunkOf(entry));
}

void BlobStore::Truncate(uint32_t count) {
  if (count >= entries_.size()) return;
  assert(std::all_of(entries_.begin() + count, entries_.end(), [](uint64_t entry) { return entry == 0; }));
  entries_.Truncate(count);
  if (entries_.size() < entries_.capacity() / 4) entries_.ShrinkToFit();
}

bool BlobStore::wants_cleaning() const { return 2 * chunk_bytes_ > 3 * live_bytes_ + 2 * kHoleBytesMin; }

Status BlobStore::Clean() {
  size_t emptiest = chunks_.size();
  for (size_t i = 0; i < chunks_.size(); ++i) {
    if (chunks_[i].bytes == nullptr || i == current_) continue;
    if (emptiest == chunks_.size() || uint64_t{chunks_[i].live} * chunks_[emptiest].capacity <
                                          uint64_t{chunks_[emptiest].live} * chunks_[i].capacity) {
      emptiest = i;
    }
  }
  if (emptiest == chunks_.size()) return Status::Ok();
  for (uint32_t slot = 0; slot < entries_.size(); ++slot) {
    const uint64_t entry = entries_[slot];
    if (entry == 0 || ChunkOf(entry) != emptiest) continue;
    OMENDB_TRY(PrepareChunk(SizeOf(entry)));
    const ByteSpan blob = (*this)[slot];
    entries_[slot] = Append(blob);
    chunks_[emptiest].live -= static_cast<uint32_t>(blob.size());
  }
  FreeChunk(emptiest);
  return Status::Ok();
}

void BlobStore::Squeeze(const Bitmap& removed) {
  size_t kept = 0;
  for (uint32_t slot = 0; slot < entries_.size(); ++slot) {
    if (!removed.Test(slot)) entries_[kept++] = entries_[slot];
  }
  entries_.Truncate(kept);
  entries_.ShrinkToFit();
}

void BlobStore::Reset() {
  for (const Chunk& chunk : chunks_) FreeBytes(chunk.bytes);
  chunks_.Release();
  entries_.Release();
  current_ = kNoChunk;
  chunk_bytes_ = 0;
  live_bytes_ = 0;
}

size_t BlobStore::memory_bytes() const {
  return static_cast<size_t>(chunk_bytes_) + chunks_.capacity() * sizeof(Chunk) +
         entries_.capacity() * sizeof(uint64_t);
}

}  // namespace omendb
