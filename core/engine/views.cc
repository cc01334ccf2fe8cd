#include "engine/views.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {

Result<CollectionView*> View::Of(const Collection& collection) {
  for (Entry& entry : entries_) {
    if (entry.collection != collection.id()) continue;
    OMENDB_TRY(entry.view->CoverNewSlots(collection));
    return entry.view.get();
  }
  OMENDB_TRY(entries_.ReserveMore(1));
  Owned<CollectionView> view = CollectionView::Make(collection, sequence_);
  if (!view) return OutOfMemory(collection.hidden().memory_bytes());
  entries_.PushReserved({collection.id(), std::move(view)});
  return entries_.back().view.get();
}

Status View::Keep(CollectionId collection, bool is_delete, ByteSpan payload, Write* write) {
  OMENDB_TRY(writes_.ReserveMore(1));
  write->collection = collection;
  write->is_delete = is_delete;
  return write->payload.Append(payload);
}

Status View::Upsert(const Collection& collection, const RowBatch& batch, ByteSpan payload) {
  Write write;
  OMENDB_TRY(Keep(collection.id(), false, payload, &write));
  OMENDB_ASSIGN(CollectionView * view, Of(collection));
  OMENDB_TRY(view->Upsert(collection, batch));
  writes_.PushReserved(std::move(write));
  return Status::Ok();
}

Result<uint32_t> View::Delete(const Collection& collection, const BlobList& ids, ByteSpan payload) {
  Write write;
  OMENDB_TRY(Keep(collection.id(), true, payload, &write));
  OMENDB_ASSIGN(CollectionView * view, Of(collection));
  OMENDB_ASSIGN(uint32_t deleted, view->Delete(collection, ids));
  writes_.PushReserved(std::move(write));
  return deleted;
}

Result<ViewId> Views::Open(uint64_t sequence, bool is_transaction) {
  if (views_.size() >= kViewsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kViewsMax,
                         " snapshots and transactions open at a time");
  }
  OMENDB_TRY(views_.ReserveMore(1));
  // 0 is the newest state; after four billion views numbers begin again, past those still open.
  while (next_ == 0 || Require(next_).ok()) ++next_;
  Owned<View> view = MakeOwned<View>(next_, sequence, is_transaction);
  if (!view) return OutOfMemory(sizeof(View));
  views_.PushReserved(std::move(view));
  return next_++;
}

void Views::Close(ViewId id) {
  for (size_t i = 0; i < views_.size(); ++i) {
    if (views_[i]->id() != id) continue;
    std::swap(views_[i], views_.back());
    views_.Pop();
    return;
  }
}

Result<View*> Views::Require(ViewId id) const {
  for (const Owned<View>& view : views_) {
    if (view->id() == id) return view.get();
  }
  return Status::Error(Code::kNotFound, "no snapshot or transaction has id ", id);
}

uint64_t Views::OldestSequence(uint64_t newest) const {
  uint64_t oldest = newest;
  for (const Owned<View>& view : views_) oldest = std::min(oldest, view->sequence());
  return oldest;
}

}  // namespace omendb
