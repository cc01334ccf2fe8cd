#include "engine/collection_view.h"

#include <bit>

namespace omendb {
namespace {

constexpr uint64_t kHashKey = 0x2c9277b5a1d3e64f;

bool Equal(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

// Ids of a list by hash, to find them among rows that no table leads to any more: the dead.
class WantedIds {
 public:
  Status Reserve(uint32_t count) {
    return slots_.Resize(static_cast<size_t>(std::bit_ceil(uint64_t{count} * 2 + 1)));
  }
  void Add(const BlobList& ids, uint32_t index) {
    const uint32_t hash = HashId(ids[index], kHashKey);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = uint64_t{hash} << 32 | (index + 1);
  }
  // Calls found(index) for every entry with this id.
  template <typename Found>
  void ForEach(const BlobList& ids, ByteSpan id, const Found& found) const {
    const uint32_t hash = HashId(id, kHashKey);
    for (size_t at = hash & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] >> 32 != hash) continue;
      const uint32_t index = static_cast<uint32_t>(slots_[at]) - 1;
      if (Equal(ids[index], id)) found(index);
    }
  }

 private:
  Array<uint64_t> slots_;  // hash above, index + 1 below; 0 is empty
};

}  // namespace

Owned<CollectionView> CollectionView::Make(const Collection& collection, uint64_t sequence) {
  Owned<CollectionView> view = MakeOwned<CollectionView>();
  if (!view) return nullptr;
  view->sequence_ = sequence;
  view->numbers_end_ = collection.NumbersEnd(sequence);
  Bitmap& hidden = view->hidden_;
  if (!hidden.CopyFrom(collection.hidden()).ok()) return nullptr;
  for (const History::Death& death : collection.history().DeathsAfter(sequence)) hidden.Unset(death.slot);
  const SegmentList& segments = collection.segments();
  for (uint32_t i = segments.count(); i-- > 0;) {
    const Segment& segment = segments.at(i);
    const uint32_t first = segment.LowerBound(view->numbers_end_);
    for (uint32_t position = first; position < segment.rows(); ++position) {
      if (segment.slots[position] != kNoSlot) hidden.Set(segment.slots[position]);
    }
    if (first > 0) break;
  }
  return view;
}

Status CollectionView::CoverNewSlots(const Collection& collection) {
  const uint32_t before = hidden_.size();
  const uint32_t slots = collection.hidden().size();
  if (slots <= before) return Status::Ok();
  OMENDB_TRY(hidden_.Resize(slots));
  for (uint32_t slot = before; slot < slots; ++slot) hidden_.Set(slot);
  return Status::Ok();
}

void CollectionView::Hide(RowRef row) {
  if (row >= kOverlayNumber) {
    overlay_->hidden.Set(row - kOverlayNumber);
  } else {
    hidden_.Set(row);
  }
}

Status CollectionView::Upsert(const Collection& collection, const RowBatch& batch) {
  if (!overlay_) {
    overlay_ = MakeOwned<Overlay>(collection.options());
    if (!overlay_) return OutOfMemory(sizeof(Overlay));
  }
  Overlay& overlay = *overlay_;
  Array<RowRef> replaced;
  OMENDB_TRY(ReadView(const_cast<Collection&>(collection), this).Find(batch.ids(), &replaced));
  const uint32_t first = overlay.hidden.size();
  const uint64_t rows = uint64_t{first} + batch.count();
  if (rows >= kOverlayNumber) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kOverlayNumber - 1,
                         " rows in a transaction, found ", rows);
  }
  OMENDB_TRY(overlay.ids.Reserve(rows));
  OMENDB_TRY(overlay.numbers.Reserve(static_cast<size_t>(rows)));
  OMENDB_TRY(overlay.hidden.Reserve(rows));
  OMENDB_TRY(overlay.rows.ReserveMore(batch.count()));
  for (uint32_t row = 0; row < batch.count(); ++row) {
    // Nothing is freed in an overlay but right here, so slots follow each other.
    Result<uint32_t> slot = overlay.rows.Stage(batch.id(row), batch.metadata(row), batch.vector_bytes(row));
    if (slot.ok()) continue;
    for (uint32_t staged = first; staged < first + row; ++staged) overlay.rows.Free(staged);
    overlay.rows.Trim(first);
    return Status::Error(slot.status().code(), "row ", row, ": ", slot.status().message());
  }
  // From here nothing can fail.
  for (RowRef row : replaced) {
    if (row != kNoSlot) Hide(row);
  }
  OMENDB_TRY(overlay.hidden.Resize(static_cast<uint32_t>(rows)));
  for (uint32_t slot = first; slot < rows; ++slot) {
    overlay.numbers.PushReserved(kOverlayNumber + slot);
    (void)overlay.ids.Set(slot, overlay.rows.ids());
  }
  return Status::Ok();
}

Result<uint32_t> CollectionView::Delete(const Collection& collection, const BlobList& ids) {
  Array<RowRef> rows;
  OMENDB_TRY(ReadView(const_cast<Collection&>(collection), this).Find(ids, &rows));
  uint32_t deleted = 0;
  for (uint32_t i = 0; i < ids.count(); ++i) {
    if (rows[i] == kNoSlot) continue;
    const bool in_overlay = rows[i] >= kOverlayNumber;
    // An id may stand in the list twice.
    if (in_overlay ? overlay_->hidden.Test(rows[i] - kOverlayNumber) : hidden_.Test(rows[i])) continue;
    Hide(rows[i]);
    if (in_overlay) (void)overlay_->ids.Erase(ids[i], overlay_->rows.ids());
    ++deleted;
  }
  return deleted;
}

Status ReadView::Find(const BlobList& ids, Array<RowRef>* rows) const {
  rows->Clear();
  OMENDB_TRY(rows->Reserve(ids.count()));
  uint32_t missing = 0;
  for (uint32_t i = 0; i < ids.count(); ++i) {
    RowRef row = kNoSlot;
    if (overlay() != nullptr) {
      const uint32_t slot = overlay()->ids.Find(ids[i], overlay()->rows.ids());
      if (slot != kNoRow) row = kOverlayNumber + slot;
    }
    if (row == kNoSlot) {
      row = collection_->Find(ids[i]);
      if (row != kNoSlot && hidden().Test(row)) row = kNoSlot;
    }
    missing += row == kNoSlot ? 1U : 0U;
    rows->PushReserved(row);
  }
  if (is_newest() || missing == 0) return Status::Ok();
  // The row may be one that died after this view: then only the history knows it.
  const std::span<const History::Death> deaths = collection_->history().DeathsAfter(view_->sequence());
  if (deaths.empty()) return Status::Ok();
  WantedIds wanted;
  OMENDB_TRY(wanted.Reserve(missing));
  for (uint32_t i = 0; i < ids.count(); ++i) {
    if ((*rows)[i] == kNoSlot) wanted.Add(ids, i);
  }
  for (const History::Death& death : deaths) {
    if (hidden().Test(death.slot)) continue;
    wanted.ForEach(ids, collection_->rows().id(death.slot), [&](uint32_t i) { (*rows)[i] = death.slot; });
  }
  return Status::Ok();
}

Result<bool> TouchedSince(const Collection& collection, const BlobList& ids, uint64_t sequence) {
  const uint32_t numbers_end = collection.NumbersEnd(sequence);
  for (uint32_t i = 0; i < ids.count(); ++i) {
    const uint32_t slot = collection.Find(ids[i]);
    if (slot != kNoSlot && collection.numbers()[slot] >= numbers_end) return true;
  }
  const std::span<const History::Death> deaths = collection.history().DeathsAfter(sequence);
  if (deaths.empty()) return false;
  WantedIds wanted;
  OMENDB_TRY(wanted.Reserve(ids.count()));
  for (uint32_t i = 0; i < ids.count(); ++i) wanted.Add(ids, i);
  bool touched = false;
  for (const History::Death& death : deaths) {
    wanted.ForEach(ids, collection.rows().id(death.slot), [&](uint32_t) { touched = true; });
    if (touched) return true;
  }
  return false;
}

}  // namespace omendb
