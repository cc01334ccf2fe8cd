// CollectionView: one collection at one moment, and, in a transaction, with its own writes over it.
// ReadView: what every read is done on, be it that or the newest state.
//
// A view is a bitmap of the slots it does not show. Slots it shows are not given to others while it is
// open, because the history keeps their rows (views.h), so it never changes but by its own writes.
// A transaction's rows lie in a store of their own, the overlay; their numbers begin at kOverlayNumber, so
// that they come after all others.
#ifndef OMENDB_ENGINE_COLLECTION_VIEW_H_
#define OMENDB_ENGINE_COLLECTION_VIEW_H_

#include "engine/collection.h"

namespace omendb {

inline constexpr uint32_t kOverlayNumber = 1U << 31;  // greater than every number of a collection

// Rows written by a transaction, by slot in order of writing; replaced and deleted ones are hidden.
struct Overlay {
  explicit Overlay(const CollectionOptions& options) : rows(options), ids(options.seed) {}
  RowStore rows;
  IdMap ids;
  Bitmap hidden;
  Array<uint32_t> numbers;

  [[nodiscard]] uint32_t live_rows() const { return hidden.size() - hidden.set_count(); }
};

// A row as reads name it: a slot of the collection, or kOverlayNumber + a slot of the overlay.
using RowRef = uint32_t;

class ReadView;

class CollectionView {
 public:
  // Null when memory is refused.
  static Owned<CollectionView> Make(const Collection& collection, uint64_t sequence);

  [[nodiscard]] uint64_t sequence() const { return sequence_; }
  // Rows from this number on are younger.
  [[nodiscard]] uint32_t numbers_end() const { return numbers_end_; }
  // Call before reading: the bitmap must cover slots that came since. OUT_OF_MEMORY.
  Status CoverNewSlots(const Collection& collection);
  [[nodiscard]] const Bitmap& hidden() const { return hidden_; }
  [[nodiscard]] const Overlay* overlay() const { return overlay_.get(); }

  // ---- A transaction's writes; all or nothing
  // -------------------------------------------------------------- The batch was checked
  // (FrameBuilder::Check). OUT_OF_MEMORY, LIMIT_EXCEEDED.
  Status Upsert(const Collection& collection, const RowBatch& batch);
  // Returns how many of the ids had a row here. OUT_OF_MEMORY.
  Result<uint32_t> Delete(const Collection& collection, const BlobList& ids);

 private:
  void Hide(RowRef row);

  uint64_t sequence_ = 0;
  uint32_t numbers_end_ = 0;
  Bitmap hidden_;
  Owned<Overlay> overlay_;
};

class ReadView {
 public:
  // The newest state, or a view that covers all slots. All outlive it.
  explicit ReadView(Collection& collection, const CollectionView* view = nullptr)
      : collection_(&collection), view_(view) {}

  [[nodiscard]] Collection& collection() const { return *collection_; }
  [[nodiscard]] bool is_newest() const { return view_ == nullptr; }
  [[nodiscard]] const Bitmap& hidden() const {
    return view_ == nullptr ? collection_->hidden() : view_->hidden();
  }
  [[nodiscard]] const Overlay* overlay() const { return view_ == nullptr ? nullptr : view_->overlay(); }
  [[nodiscard]] uint32_t rows() const {
    const uint32_t base = hidden().size() - hidden().set_count();
    return overlay() == nullptr ? base : base + overlay()->live_rows();
  }

  [[nodiscard]] ByteSpan id(RowRef row) const { return StoreOf(row).id(SlotOf(row)); }
  [[nodiscard]] ByteSpan metadata(RowRef row) const { return StoreOf(row).metadata(SlotOf(row)); }
  // As it is kept, in the collection's type.
  [[nodiscard]] const uint8_t* stored_vector(RowRef row) const {
    return StoreOf(row).stored_vector(SlotOf(row));
  }
  [[nodiscard]] uint32_t NumberOf(RowRef row) const {
    return row >= kOverlayNumber ? row : collection_->numbers()[row];
  }
  // REQUIRES: a row of this view has the number.
  [[nodiscard]] RowRef RowOf(uint32_t number) const {
    return number >= kOverlayNumber ? number : collection_->segments().SlotOf(number);
  }
  // The row of each id, or kNoSlot. OUT_OF_MEMORY.
  Status Find(const BlobList& ids, Array<RowRef>* rows) const;

 private:
  [[nodiscard]] const RowStore& StoreOf(RowRef row) const {
    const Overlay* own = overlay();
    return row >= kOverlayNumber && own != nullptr ? own->rows : collection_->rows();
  }
  [[nodiscard]] static uint32_t SlotOf(RowRef row) { return row & (kOverlayNumber - 1); }

  Collection* collection_;
  const CollectionView* view_;
};

// True when a commit after `sequence` touched one of the ids: wrote it, replaced it or deleted it.
// OUT_OF_MEMORY.
Result<bool> TouchedSince(const Collection& collection, const BlobList& ids, uint64_t sequence);

}  // namespace omendb

#endif  // OMENDB_ENGINE_COLLECTION_VIEW_H_
