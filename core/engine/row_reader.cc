#include "engine/row_reader.h"

#include "engine/answers.h"

namespace omendb {
namespace {

// A page of a listing ends here even when `limit` rows were not reached, so that large rows do not make
// an answer that memory cannot hold.
constexpr uint64_t kPageBytes = uint64_t{8} << 20;

// Walks the rows of a view in order of their numbers, the overlay's last.
class RowWalk {
 public:
  RowWalk(const ReadView& view, uint32_t number) : view_(view), segments_(view.collection().segments()) {
    if (number >= kOverlayNumber) {
      segment_ = segments_.count();
      overlay_slot_ = number - kOverlayNumber;
    } else {
      while (segment_ < segments_.count() &&
             segments_.at(segment_).LowerBound(number) == segments_.at(segment_).rows()) {
        ++segment_;
      }
      if (segment_ < segments_.count()) position_ = segments_.at(segment_).LowerBound(number);
    }
    Settle();
  }

  // kNoSlot at the end.
  [[nodiscard]] RowRef row() const {
    if (segment_ < segments_.count()) return segments_.at(segment_).slots[position_];
    return overlay_slot_ < OverlayRows() ? kOverlayNumber + overlay_slot_ : kNoSlot;
  }
  void Next() {
    if (segment_ < segments_.count()) {
      ++position_;
    } else {
      ++overlay_slot_;
    }
    Settle();
  }

 private:
  [[nodiscard]] uint32_t OverlayRows() const {
    return view_.overlay() == nullptr ? 0 : view_.overlay()->hidden.size();
  }
  // On to the next row that is shown, from here on.
  void Settle() {
    for (; segment_ < segments_.count(); ++segment_, position_ = 0) {
      const Segment& segment = segments_.at(segment_);
      for (; position_ < segment.rows(); ++position_) {
        const uint32_t slot = segment.slots[position_];
        // A slot that was taken again has another number now; a hole has no slot.
        if (slot != kNoSlot && !view_.hidden().Test(slot)) return;
      }
    }
    while (overlay_slot_ < OverlayRows() && view_.overlay()->hidden.Test(overlay_slot_)) ++overlay_slot_;
  }

  const ReadView& view_;
  const SegmentList& segments_;
  uint32_t segment_ = 0;
  uint32_t position_ = 0;
  uint32_t overlay_slot_ = 0;
};

}  // namespace

Status GetRows(const ReadView& view, ByteSpan ids_bytes, uint32_t include, Bytes& answer) {
  OMENDB_TRY(CheckInclude(include));
  OMENDB_ASSIGN(BlobList ids, DecodeIdList(ids_bytes, Origin::Argument("id list")));
  if (ids.count() > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchRowsMax, " ids, found ",
                         ids.count());
  }
  Array<RowRef> rows;
  OMENDB_TRY(view.Find(ids, &rows));
  answer.Clear();
  OMENDB_TRY(answer.Resize(size_t{4} + ids.count()));
  StoreAt<uint32_t>(answer.data(), ids.count());
  size_t present = 0;
  for (uint32_t i = 0; i < ids.count(); ++i) {
    if (rows[i] == kNoSlot) continue;
    answer[size_t{4} + i] = 1;
    rows[present++] = rows[i];
  }
  rows.Truncate(present);
  OMENDB_TRY(AppendRows(view, rows.span(), include, VectorStore::Stay::kCached, answer));
  VectorStore& vectors = view.collection().vectors();
  if ((include & kIncludeVectors) != 0 && vectors.away() > 0) vectors.CountUse(rows.size());
  return Status::Ok();
}

Status ListRows(const ReadView& view, uint64_t cursor, uint32_t limit, uint32_t include, Bytes& answer) {
  OMENDB_TRY(CheckInclude(include));
  if (limit < 1) return Status::Error(Code::kInvalidArgument, "expected a limit of at least 1, found 0");
  if (limit > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected a limit of at most ", kBatchRowsMax, ", found ",
                         limit);
  }
  const bool in_overlay = cursor >= kOverlayNumber && cursor <= 0xffffffffU && view.overlay() != nullptr;
  if (cursor > view.collection().segments().next_number() && !in_overlay) {
    return Status::Error(Code::kInvalidArgument, "cursor ", cursor, " was never given out: list again");
  }
  Array<RowRef> rows;
  uint64_t bytes = 0;
  // Cursor 0 is the start, which number 0 is too.
  RowWalk walk(view, static_cast<uint32_t>(cursor));
  for (; walk.row() != kNoSlot && rows.size() < limit; walk.Next()) {
    bytes += RowBytes(view, walk.row(), include);
    if (bytes > kPageBytes && !rows.empty()) break;
    OMENDB_TRY(rows.Push(walk.row()));
  }
  const uint64_t next = walk.row() == kNoSlot ? 0 : view.NumberOf(walk.row());
  answer.Clear();
  OMENDB_TRY(PutNumber(answer, next));
  OMENDB_TRY(PutNumber<uint64_t>(answer, 0));
  return AppendRows(view, rows.span(), include, VectorStore::Stay::kBrief, answer);
}

Result<uint64_t> CursorAfterRow(const ReadView& view, ByteSpan ids_bytes) {
  OMENDB_ASSIGN(BlobList ids, DecodeIdList(ids_bytes, Origin::Argument("id list")));
  if (ids.count() != 1) {
    return Status::Error(Code::kInvalidArgument, "expected a list of 1 id, found ", ids.count());
  }
  Array<RowRef> rows;
  OMENDB_TRY(view.Find(ids, &rows));
  if (rows[0] == kNoSlot) return Status::Error(Code::kNotFound, "no row has this id");
  return uint64_t{view.NumberOf(rows[0])} + 1;
}

}  // namespace omendb
