#include "engine/row_store.h"

#include <algorithm>
#include <bit>

#include "distance/metric.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// Floats in whole 16-byte words, so that every row is aligned for the kernels. Rows that are widened first
// follow each other closely.
size_t StrideBytes(const CollectionOptions& options) {
  const size_t bytes = VectorBytes(options.vector_type, options.dimensions);
  return options.vector_type == VectorType::kFloat32 ? (bytes + 15) / 16 * 16 : bytes;
}

Status CheckSlots(uint64_t slots) {
  if (slots <= kRowsMax) return Status::Ok();
  return Status::Error(Code::kLimitExceeded, "expected at most ", kRowsMax,
                       " rows in a collection, deleted ones included, found ", slots);
}

}  // namespace

RowStore::RowStore(const CollectionOptions& options)
    : metric_(options.metric),
      type_(options.vector_type),
      dimensions_(options.dimensions),
      widen_(WidenFunctionOf(options.vector_type)),
      vectors_(StrideBytes(options)) {}

Status RowStore::ReserveMore(uint32_t count) {
  const uint64_t slots = uint64_t{free_.size()} + count - std::min(count, free_.set_count());
  OMENDB_TRY(CheckSlots(slots));
  OMENDB_TRY(vectors_.Reserve(slots));
  OMENDB_TRY(free_.Reserve(slots));
  if (metric_ == Metric::kCosine) OMENDB_TRY(inverse_norms_.Reserve(static_cast<size_t>(slots)));
  return Status::Ok();
}

uint32_t RowStore::LowestFree() {
  const std::span<const uint64_t> words = free_.words();
  for (size_t word = free_hint_ >> 6; word < words.size(); ++word) {
    if (words[word] == 0) continue;
    free_hint_ = static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(words[word])));
    return free_hint_;
  }
  return kNoSlot;
}

Status RowStore::PutVector(uint32_t slot, const uint8_t* vector, float* inverse_norm) {
  uint8_t* row = vectors_.row(slot);
  std::memset(row + vector_bytes(), 0, vectors_.stride_bytes() - vector_bytes());
  std::memcpy(row, vector, vector_bytes());
  return CheckStoredVector(metric_, type_, row, dimensions_, inverse_norm);
}

Result<uint32_t> RowStore::Stage(ByteSpan id, ByteSpan metadata, const uint8_t* vector) {
  OMENDB_TRY(ReserveMore(1));
  uint32_t slot = free_.any() ? LowestFree() : kNoSlot;
  if (slot == kNoSlot) {
    slot = free_.size();
    OMENDB_TRY(free_.Resize(slot + 1));
    free_.Set(slot);
    vectors_.Resize(slot + 1);
    if (metric_ == Metric::kCosine) inverse_norms_.PushReserved(0);
  }
  float inverse_norm = 1;
  Status staged = PutVector(slot, vector, &inverse_norm);
  if (staged.ok()) staged = ids_.Set(slot, id);
  if (staged.ok()) {
    staged = metadata_.Set(slot, metadata);
    if (!staged.ok()) ids_.Clear(slot);
  }
  if (!staged.ok()) {
    free_hint_ = std::min(free_hint_, slot);
    return staged;
  }
  if (metric_ == Metric::kCosine) inverse_norms_[slot] = inverse_norm;
  free_.Unset(slot);
  return slot;
}

void RowStore::Free(uint32_t slot) {
  assert(!free_.Test(slot));
  ids_.Clear(slot);
  metadata_.Clear(slot);
  free_.Set(slot);
  free_hint_ = std::min(free_hint_, slot);
}

void RowStore::Trim(uint32_t keep) {
  uint32_t slots = free_.size();
  while (slots > keep && free_.Test(slots - 1)) --slots;
  if (slots == free_.size()) return;
  Status shrunk = free_.Resize(slots);
  assert(shrunk.ok());
  (void)shrunk;
  free_hint_ = std::min(free_hint_, slots);
  vectors_.Resize(slots);
  vectors_.ShrinkToFit();
  if (metric_ == Metric::kCosine) {
    inverse_norms_.Truncate(slots);
    if (inverse_norms_.size() < inverse_norms_.capacity() / 4) inverse_norms_.ShrinkToFit();
  }
  ids_.Truncate(slots);
  metadata_.Truncate(slots);
}

void RowStore::Squeeze() {
  uint32_t kept = 0;
  for (uint32_t slot = 0; slot < free_.size(); ++slot) {
    if (free_.Test(slot)) continue;
    if (kept != slot) {
      std::memcpy(vectors_.row(kept), vectors_.row(slot), vectors_.stride_bytes());
      if (metric_ == Metric::kCosine) inverse_norms_[kept] = inverse_norms_[slot];
    }
    ++kept;
  }
  vectors_.Resize(kept);
  vectors_.ShrinkToFit();
  if (metric_ == Metric::kCosine) {
    inverse_norms_.Truncate(kept);
    inverse_norms_.ShrinkToFit();
  }
  ids_.Squeeze(free_);
  metadata_.Squeeze(free_);
  Bitmap none;
  if (none.Resize(kept).ok()) {
    free_ = std::move(none);
  } else {
    // The old one's room is enough.
    for (uint32_t slot = 0; slot < free_.size(); ++slot) free_.Unset(slot);
    (void)free_.Resize(kept);
  }
  free_hint_ = kept;
}

Status RowStore::Open(uint32_t slots) {
  assert(free_.size() == 0);
  OMENDB_TRY(CheckSlots(slots));
  OMENDB_TRY(free_.Reserve(slots));
  if (metric_ == Metric::kCosine) OMENDB_TRY(inverse_norms_.Resize(slots));
  OMENDB_TRY(vectors_.Reserve(slots));
  vectors_.Resize(slots);
  free_hint_ = slots;
  return free_.Resize(slots);
}

Status RowStore::LoadVector(uint32_t slot, const uint8_t* vector) {
  float inverse_norm = 1;
  OMENDB_TRY(PutVector(slot, vector, &inverse_norm));
  if (metric_ == Metric::kCosine) inverse_norms_[slot] = inverse_norm;
  return Status::Ok();
}

}  // namespace omendb
