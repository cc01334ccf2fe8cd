#include "engine/row_store.h"

#include <algorithm>
#include <bit>

#include "distance/metric.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// Whole 16-byte words, so that every row is aligned for the kernels.
size_t StrideBytes(uint32_t dimensions) { return (size_t{dimensions} * sizeof(float) + 15) / 16 * 16; }

Status CheckSlots(uint64_t slots) {
  if (slots <= kRowsMax) return Status::Ok();
  return Status::Error(Code::kLimitExceeded, "expected at most ", kRowsMax,
                       " rows in a collection, deleted ones included, found ", slots);
}

}  // namespace

RowStore::RowStore(Metric metric, uint32_t dimensions)
    : metric_(metric), dimensions_(dimensions), vectors_(StrideBytes(dimensions)) {}

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
  uint8_t* row = vectors_.row(slot);
  std::memset(row + vectors_.stride_bytes() - 16, 0, 16);
  std::memcpy(row, vector, size_t{dimensions_} * sizeof(float));
  float inverse_norm = 1;
  Status staged = CheckVector(metric_, reinterpret_cast<const float*>(row), dimensions_, &inverse_norm);
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
  uint8_t* row = vectors_.row(slot);
  std::memset(row + vectors_.stride_bytes() - 16, 0, 16);
  std::memcpy(row, vector, size_t{dimensions_} * sizeof(float));
  float inverse_norm = 1;
  OMENDB_TRY(CheckVector(metric_, reinterpret_cast<const float*>(row), dimensions_, &inverse_norm));
  if (metric_ == Metric::kCosine) inverse_norms_[slot] = inverse_norm;
  return Status::Ok();
}

}  // namespace omendb
