#include "engine/restore.h"

#include <algorithm>

#include "engine/answers.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr uint32_t kIncludeAll = kIncludeMetadata | kIncludeVectors;
// Rows of one operation: far below every limit of a batch.
constexpr size_t kRowsPerOperation = 4096;

Status AddUpserts(const ReadView& view, std::span<const RowRef> rows, CollectionId target,
                  FrameBuilder& frame) {
  while (!rows.empty()) {
    const std::span<const RowRef> part = rows.first(std::min(rows.size(), kRowsPerOperation));
    rows = rows.subspan(part.size());
    const RowBatchLayout layout =
        LayOutRows(view, part, kIncludeAll, view.collection().options().vector_type);
    OMENDB_TRY(layout.Check());
    if (layout.bytes() > kBatchBytesMax) {
      return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchBytesMax,
                           " bytes in one commit, found ", layout.bytes());
    }
    OMENDB_ASSIGN(uint8_t* out, frame.Payload(static_cast<uint32_t>(layout.bytes())));
    WriteRows(view, part, layout, out);
    OMENDB_TRY(frame.Upsert(target));
  }
  return Status::Ok();
}

Status AddDeletes(const ReadView& newest, std::span<const RowRef> rows, FrameBuilder& frame) {
  while (!rows.empty()) {
    const std::span<const RowRef> part = rows.first(std::min(rows.size(), kRowsPerOperation));
    rows = rows.subspan(part.size());
    uint64_t id_bytes = 0;
    for (RowRef row : part) id_bytes += newest.id(row).size();
    const uint64_t bytes = BlobList::EncodedBytes(part.size(), id_bytes);
    OMENDB_ASSIGN(uint8_t* out, frame.Payload(static_cast<uint32_t>(bytes)));
    BlobListWriter writer(out, static_cast<uint32_t>(part.size()));
    for (RowRef row : part) writer.Add(newest.id(row));
    writer.Finish();
    OMENDB_TRY(frame.Delete(newest.collection().id()));
  }
  return Status::Ok();
}

// Rows that `shown` shows and `other` does not, in order of insertion.
Status RowsOnlyIn(const ReadView& shown, const ReadView& other, Array<RowRef>* rows) {
  const SegmentList& segments = shown.collection().segments();
  for (uint32_t i = 0; i < segments.count(); ++i) {
    for (uint32_t slot : segments.at(i).slots) {
      if (slot == kNoSlot || shown.hidden().Test(slot) || !other.hidden().Test(slot)) continue;
      OMENDB_TRY(rows->Push(slot));
    }
  }
  return Status::Ok();
}

Status AddCollection(Collection& collection, View& view, FrameBuilder& frame) {
  OMENDB_ASSIGN(CollectionView * then, view.Of(collection));
  const ReadView past(collection, then);
  const ReadView newest(collection);
  Array<RowRef> came;
  Array<RowRef> went;
  OMENDB_TRY(RowsOnlyIn(newest, past, &came));
  OMENDB_TRY(RowsOnlyIn(past, newest, &went));
  OMENDB_TRY(RequireVectors(past, went.span(), VectorStore::Stay::kBrief));
  OMENDB_TRY(AddDeletes(newest, came.span(), frame));
  return AddUpserts(past, went.span(), collection.id(), frame);
}

Status AddDropped(Collection& collection, View& view, FrameBuilder& frame) {
  OMENDB_ASSIGN(CollectionView * then, view.Of(collection));
  const ReadView past(collection, then);
  Array<RowRef> rows;
  const SegmentList& segments = collection.segments();
  for (uint32_t i = 0; i < segments.count(); ++i) {
    for (uint32_t slot : segments.at(i).slots) {
      if (slot != kNoSlot && !past.hidden().Test(slot)) OMENDB_TRY(rows.Push(slot));
    }
  }
  OMENDB_TRY(RequireVectors(past, rows.span(), VectorStore::Stay::kBrief));
  const CollectionId created = frame.NextCreated();
  OMENDB_TRY(frame.Create(collection.name(), collection.options()));
  return AddUpserts(past, rows.span(), created, frame);
}

Status AddAll(const CollectionSet& collections, View& view, FrameBuilder& frame) {
  // Drops first: a name may have been taken again.
  for (uint32_t i = 0; i < collections.count(); ++i) {
    const Collection& collection = collections.at(i);
    if (!collection.ExistsAt(view.sequence())) OMENDB_TRY(frame.Drop(collection.id()));
  }
  for (uint32_t i = 0; i < collections.count(); ++i) {
    Collection* collection = collections.Find(collections.at(i).id());
    if (collection->ExistsAt(view.sequence())) OMENDB_TRY(AddCollection(*collection, view, frame));
  }
  for (uint32_t i = 0; i < collections.dropped_count(); ++i) {
    Collection* dropped = collections.FindAt(collections.dropped_at(i).id(), view.sequence());
    if (dropped != nullptr) OMENDB_TRY(AddDropped(*dropped, view, frame));
  }
  return Status::Ok();
}

}  // namespace

Status AddRestore(const CollectionSet& collections, View& view, FrameBuilder& frame) {
  if (!frame.open() || !frame.empty()) {
    return Status::Error(Code::kInvalidArgument, "expected an open frame without operations");
  }
  if (view.is_transaction()) {
    return Status::Error(Code::kInvalidArgument, "view ", view.id(),
                         " is a transaction: its own writes are no state that there was");
  }
  // A caller may go on with the frame, so half a restore must not stay in it.
  Status added = AddAll(collections, view, frame);
  if (!added.ok()) frame.Rewind();
  return added;
}

}  // namespace omendb
