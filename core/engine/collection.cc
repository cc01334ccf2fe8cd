#include "engine/collection.h"

#include <bit>

#include "base/prng.h"

namespace omendb {
namespace {

// counts[w]: how many of the first 64 * w bits are set.
Status CountBefore(const Bitmap& bits, Array<uint32_t>* counts) {
  counts->Clear();
  OMENDB_TRY(counts->Reserve(bits.words().size()));
  uint32_t before = 0;
  for (uint64_t word : bits.words()) {
    counts->PushReserved(before);
    before += static_cast<uint32_t>(std::popcount(word));
  }
  return Status::Ok();
}

// `ordinal` less the removed ones before it.
uint32_t Renumbered(const Bitmap& removed, const Array<uint32_t>& before, uint32_t ordinal) {
  if (ordinal >= removed.size()) return ordinal - removed.set_count();
  uint64_t below = removed.words()[ordinal >> 6] & ((uint64_t{1} << (ordinal & 63)) - 1);
  return ordinal - before[ordinal >> 6] - static_cast<uint32_t>(std::popcount(below));
}

}  // namespace

Collection::Collection(CollectionId id, const CollectionOptions& options)
    : id_(id),
      options_(options),
      rows_(options.metric, options.dimensions),
      ids_(MixBits(options.seed ^ (uint64_t{id} << 32))),
      index_(rows_, options) {}

Owned<Collection> Collection::Make(CollectionId id, std::string_view name, const CollectionOptions& options) {
  Owned<Collection> collection = MakeOwned<Collection>(id, options);
  if (!collection) return nullptr;
  ByteSpan bytes(reinterpret_cast<const uint8_t*>(name.data()), name.size());
  if (!collection->name_.Append(bytes).ok()) return nullptr;
  return collection;
}

CollectionStats Collection::Stats() const {
  CollectionStats stats;
  stats.live_rows = live_rows();
  stats.deleted_rows = deleted_rows();
  stats.indexed_rows = index_.nodes();
  stats.vector_bytes = rows_.vectors().memory_bytes() + rows_.inverse_norms().capacity() * sizeof(float);
  stats.code_bytes = index_.code_bytes();
  stats.link_bytes = index_.link_bytes();
  stats.id_bytes = rows_.ids().memory_bytes() + ids_.memory_bytes();
  stats.metadata_bytes = rows_.all_metadata().memory_bytes();
  return stats;
}

Status Collection::Stage(const RowBatch& batch) {
  if (batch.count() > 0 && batch.dimensions() != options_.dimensions) {
    return Status::Error(Code::kDimensionMismatch, "expected vectors of ", options_.dimensions,
                         " dimensions, found ", batch.dimensions());
  }
  uint32_t staged_before = rows_.staged();
  OMENDB_TRY(rows_.ReserveMore(batch.count()));
  Status status;
  for (uint32_t row = 0; row < batch.count() && status.ok(); ++row) {
    status = rows_.Stage(batch.id(row), batch.metadata(row), batch.vector_bytes(row));
    if (!status.ok()) status = Status::Error(status.code(), "row ", row, ": ", status.message());
  }
  // What committing needs beside the rows themselves.
  uint64_t rows = uint64_t{rows_.size()} + rows_.staged();
  if (status.ok()) status = tombstones_.Reserve(rows);
  if (status.ok()) status = ids_.Reserve(uint64_t{ids_.size()} + rows_.staged());
  if (!status.ok()) rows_.DropStaged(staged_before);
  return status;
}

void Collection::CommitStaged(uint32_t count) {
  uint32_t first = rows_.size();
  rows_.Commit(count);
  Status resized = tombstones_.Resize(rows_.size());
  assert(resized.ok());
  (void)resized;
  for (uint32_t ordinal = first; ordinal < rows_.size(); ++ordinal) {
    uint32_t replaced = ids_.Set(ordinal, rows_.ids());
    if (replaced == kNoRow) continue;
    tombstones_.Set(replaced);
    ++tombstones_version_;
  }
  index_.CountNewRows(count);
}

uint32_t Collection::Delete(const BlobList& ids) {
  uint32_t deleted = 0;
  for (uint32_t i = 0; i < ids.count(); ++i) {
    uint32_t ordinal = ids_.Erase(ids[i], rows_.ids());
    if (ordinal == kNoRow) continue;
    tombstones_.Set(ordinal);
    ++deleted;
  }
  tombstones_version_ += deleted;
  return deleted;
}

Result<uint32_t> Collection::OrdinalOf(uint64_t cursor) const {
  uint32_t ordinal = static_cast<uint32_t>(cursor);
  uint32_t generation = static_cast<uint32_t>(cursor >> 32);
  if (cursor == 0) return uint32_t{0};
  if (generation == generation_ && ordinal <= rows_.size()) return ordinal;
  if (generation_ > 0 && generation == generation_ - 1) {
    uint32_t now = Renumbered(removed_, removed_before_, ordinal);
    if (now <= rows_.size()) return now;
  }
  return Status::Error(Code::kInvalidArgument, "cursor ", cursor,
                       " is older than the last compaction but one, or was never given out: list again");
}

uint32_t Collection::nodes_to_repair() const {
  return compacting_ && index_.nodes() > repair_next_ ? index_.nodes() - repair_next_ : 0;
}

Status Collection::StartCompaction() {
  OMENDB_TRY(doomed_.CopyFrom(tombstones_));
  compacting_ = true;
  repair_next_ = 0;
  if (index_.nodes() > 0) index_.MoveEntryOff(doomed_);
  return Status::Ok();
}

Status Collection::RepairNext(HnswScratch& scratch) {
  OMENDB_TRY(index_.RepairNode(repair_next_, doomed_, tombstones_, scratch));
  ++repair_next_;
  return Status::Ok();
}

Status Collection::FinishCompaction() {
  Array<uint32_t> before;
  OMENDB_TRY(CountBefore(doomed_, &before));
  Bitmap tombstones;
  uint32_t rows = rows_.size() - doomed_.set_count();
  OMENDB_TRY(tombstones.Reserve(uint64_t{rows} + rows_.staged()));
  OMENDB_TRY(tombstones.Resize(rows));
  OMENDB_TRY(index_.Remove(doomed_));
  // From here nothing can fail.
  for (uint32_t ordinal = 0; ordinal < rows_.size(); ++ordinal) {
    if (!tombstones_.Test(ordinal)) continue;
    if (ordinal < doomed_.size() && doomed_.Test(ordinal)) continue;
    tombstones.Set(Renumbered(doomed_, before, ordinal));
  }
  rows_.Remove(doomed_);
  ids_.Renumber([&](uint32_t ordinal) { return Renumbered(doomed_, before, ordinal); });
  ids_.Shrink(uint64_t{ids_.size()} + rows_.staged());
  tombstones_ = std::move(tombstones);
  ++tombstones_version_;
  removed_ = std::move(doomed_);
  removed_before_ = std::move(before);
  doomed_ = Bitmap();
  compacting_ = false;
  ++generation_;
  return Status::Ok();
}

Status Collection::LoadRows(const RowBatch& batch) {
  OMENDB_TRY(Stage(batch));
  rows_.Commit(batch.count());
  return Status::Ok();
}

Status Collection::FinishLoad(Bitmap& tombstones, const Origin& origin) {
  OMENDB_TRY(ids_.Reserve(rows_.size() - tombstones.set_count()));
  for (uint32_t ordinal = 0; ordinal < rows_.size(); ++ordinal) {
    if (tombstones.Test(ordinal)) continue;
    uint32_t replaced = ids_.Set(ordinal, rows_.ids());
    if (replaced != kNoRow) {
      return origin.Fault(0, "expected every id once, found rows ", replaced, " and ", ordinal,
                          " of collection ", id_, " with the same id");
    }
  }
  tombstones_ = std::move(tombstones);
  return Status::Ok();
}

}  // namespace omendb
