#include "engine/row_store.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {
namespace {

Status CheckSlots(uint64_t slots) {
  if (slots <= kRowsMax) return Status::Ok();
  return Status::Error(Code::kLimitExceeded, "expected at most ", kRowsMax,
                       " rows in a collection, deleted ones included, found ", slots);
}

}  // namespace

RowStore::RowStore(const CollectionOptions& options)
    : dimensions_(options.dimensions), widen_(WidenFunctionOf(options.vector_type)), vectors_(options) {}

Status RowStore::ReserveMore(uint32_t count) {
  const uint64_t slots = uint64_t{free_.size()} + count - std::min(count, free_.set_count());
  OMENDB_TRY(CheckSlots(slots));
  OMENDB_TRY(vectors_.Reserve(slots, count));
  return free_.Reserve(slots);
}

Result<uint32_t> RowStore::Stage(ByteSpan id, ByteSpan metadata, const uint8_t* vector) {
  const uint32_t slot = free_.FirstSet(free_hint_);
  if (slot == free_.size()) {
    OMENDB_TRY(free_.Resize(slot + 1));
    free_.Set(slot);
    vectors_.Resize(slot + 1);
  }
  free_hint_ = slot;
  OMENDB_TRY(vectors_.Put(slot, vector));
  Status staged = ids_.Set(slot, id);
  if (staged.ok()) {
    staged = metadata_.Set(slot, metadata);
    if (!staged.ok()) ids_.Clear(slot);
  }
  if (!staged.ok()) {
    vectors_.Drop(slot);
    return staged;
  }
  free_.Unset(slot);
  return slot;
}

void RowStore::Free(uint32_t slot) {
  assert(!free_.Test(slot));
  vectors_.Drop(slot);
  ids_.Clear(slot);
  metadata_.Clear(slot);
  free_.Set(slot);
  free_hint_ = std::min(free_hint_, slot);
}

void RowStore::Trim(uint32_t keep) {
  uint32_t slots = free_.size();
  while (slots > keep && free_.Test(slots - 1)) --slots;
  if (slots == free_.size()) return vectors_.GiveBackEnd();
  Status shrunk = free_.Resize(slots);
  assert(shrunk.ok());
  (void)shrunk;
  free_hint_ = std::min(free_hint_, slots);
  vectors_.Resize(slots);
  vectors_.GiveBackEnd();
  ids_.Truncate(slots);
  metadata_.Truncate(slots);
}

void RowStore::Squeeze() {
  const uint32_t kept = used();
  vectors_.Squeeze(free_);
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
  // Places are reserved as vectors come: some may stay where they are.
  OMENDB_TRY(vectors_.Reserve(slots, 0));
  vectors_.Resize(slots);
  free_hint_ = slots;
  return free_.Resize(slots);
}

Status RowStore::LoadVector(uint32_t slot, const uint8_t* vector) { return vectors_.Put(slot, vector); }

}  // namespace omendb
