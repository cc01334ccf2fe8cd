#include "engine/collection.h"

#include <bit>
#include <cmath>

#include "base/crc32c.h"
#include "base/prng.h"

namespace omendb {
namespace {

// Below this the memory is not worth the move.
constexpr uint32_t kSqueezedSlotsMin = 2048;

}  // namespace

Collection::Collection(CollectionId id, const CollectionOptions& options)
    : id_(id),
      options_(options),
      rows_(options),
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
  stats.deleted_rows = rows_.used() - staged() - live_rows();
  stats.indexed_rows = index_.linked_nodes();
  stats.vector_bytes = rows_.vectors().memory_bytes();
  const VectorStore::Counts& counts = vectors().counts();
  stats.vector_hits = counts.hits;
  stats.vector_misses = counts.misses;
  stats.vector_evictions = counts.evictions;
  stats.vectors_in_memory = vectors().placed();
  stats.code_bytes = index_.code_bytes();
  stats.link_bytes = index_.link_bytes();
  if (index_.quantizer() != nullptr) {
    stats.codes = index_.quantizer()->kind();
    stats.code_row_bytes = static_cast<uint32_t>(index_.quantizer()->row_bytes());
    const CodeRecall& recall = index_.code_recall();
    if (recall.complete())
      stats.code_recall_loss_ppm = static_cast<uint32_t>(std::lround(recall.loss() * 1e6F));
  }
  stats.id_bytes = rows_.ids().memory_bytes() + ids_.memory_bytes() + segments_.memory_bytes() +
                   numbers_.capacity() * sizeof(uint32_t) + history_.memory_bytes();
  stats.metadata_bytes = rows_.all_metadata().memory_bytes();
  for (uint32_t i = 0; i < segments_.count(); ++i) {
    const Segment& segment = segments_.at(i);
    if (segment.rows() > 0)
      stats.live_bytes += segment.bytes / segment.rows() * (segment.rows() - segment.dead);
  }
  stats.segments = segments_.count();
  if (segments_.memtable_rows() > 0) {
    const Segment& memtable = segments_.at(segments_.count() - 1);
    stats.memtable_rows = memtable.rows() - memtable.dead;
    --stats.segments;
  }
  return stats;
}

// ---- Writing ------------------------------------------------------------------------------------------

Status Collection::ReserveDeaths(uint64_t count) {
  OMENDB_TRY(history_.Reserve(planned_deaths_ + count));
  planned_deaths_ += count;
  return Status::Ok();
}

Status Collection::CheckVectors(const RowBatch& batch) const {
  if (batch.count() == 0) return Status::Ok();
  if (batch.dimensions() != options_.dimensions) {
    return Status::Error(Code::kDimensionMismatch, "expected vectors of ", options_.dimensions,
                         " dimensions, found ", batch.dimensions());
  }
  if (batch.vector_type() == options_.vector_type) return Status::Ok();
  return Status::Error(Code::kInvalidArgument, "expected vectors of type ", NameOf(options_.vector_type),
                       ", found ", NameOf(batch.vector_type()));
}

Status Collection::Stage(const RowBatch& batch, bool is_upload) {
  OMENDB_TRY(CheckVectors(batch));
  const uint32_t staged_before = staged();
  OMENDB_TRY(rows_.ReserveMore(batch.count()));
  OMENDB_TRY(staged_.ReserveMore(batch.count()));
  if (is_upload) OMENDB_TRY(vectors().ReserveParts(planned_uploads_ + 1));
  Status status;
  for (uint32_t row = 0; row < batch.count() && status.ok(); ++row) {
    Result<uint32_t> slot = rows_.Stage(batch.id(row), batch.metadata(row), batch.vector_bytes(row));
    status = slot.status();
    if (!status.ok()) {
      status = Status::Error(status.code(), "row ", row, ": ", status.message());
      break;
    }
    staged_.PushReserved(slot.value());
  }
  // What committing needs beside the rows themselves.
  const uint32_t hidden_before = hidden_.size();
  if (status.ok()) status = numbers_.Resize(rows_.slots());
  if (status.ok()) status = gone_.Resize(rows_.slots());
  if (status.ok()) status = hidden_.Resize(rows_.slots());
  for (uint32_t slot = hidden_before; slot < hidden_.size(); ++slot) hidden_.Set(slot);
  if (status.ok()) status = pending_.ReserveMore(staged());
  if (status.ok()) status = ids_.Reserve(uint64_t{ids_.size()} + staged());
  if (status.ok()) status = segments_.Reserve(staged(), planned_uploads_ + (is_upload ? 1 : 0));
  if (status.ok()) status = ReserveDeaths(batch.count());
  if (!status.ok()) {
    DropStaged(staged_before);
    return status;
  }
  if (is_upload) ++planned_uploads_;
  return Status::Ok();
}

void Collection::DropStaged(uint32_t keep) {
  while (staged() > keep) {
    rows_.Free(staged_.back());
    staged_.Pop();
  }
  // The bitmaps may not have grown with the rows yet; they end where the rows do.
  rows_.Trim(index_.nodes());
  const uint32_t slots = rows_.slots();
  if (numbers_.size() > slots) numbers_.Truncate(slots);
  for (Bitmap* bitmap : {&hidden_, &gone_}) {
    if (bitmap->size() <= slots) continue;
    Status shrunk = bitmap->Resize(slots);
    assert(shrunk.ok());
    (void)shrunk;
  }
}

void Collection::Kill(uint32_t slot, uint64_t sequence) {
  hidden_.Set(slot);
  history_.Died(sequence, slot);
  ++segments_.SegmentOf(numbers_[slot]).dead;
  index_.Kill(slot);
}

void Collection::CommitStaged(uint32_t count, uint64_t sequence, const VectorsReference* frame) {
  if (count == 0) return;
  history_.Born(sequence, segments_.next_number());
  const uint32_t first = segments_.memtable_rows();
  const uint32_t address = frame == nullptr ? 0 : vectors().AddPart(*frame);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t slot = staged_[committed_++];
    numbers_[slot] = segments_.Append(slot, rows_.row_bytes(slot));
    hidden_.Unset(slot);
    pending_.PushReserved(slot);
    if (frame != nullptr) vectors().SetAddress(slot, address + i);
    const uint32_t replaced = ids_.Set(slot, rows_.ids());
    if (replaced != kNoRow) Kill(replaced, sequence);
  }
  if (frame != nullptr) segments_.SealUpload(first, *frame);
  index_.CountNewRows(count);
}

uint32_t Collection::Delete(const BlobList& ids, uint64_t sequence) {
  uint32_t deleted = 0;
  for (uint32_t i = 0; i < ids.count(); ++i) {
    const uint32_t slot = ids_.Erase(ids[i], rows_.ids());
    if (slot == kNoRow) continue;
    Kill(slot, sequence);
    ++deleted;
  }
  return deleted;
}

void Collection::EndOperation(uint64_t deaths, bool is_upload) {
  assert(planned_deaths_ >= deaths);
  planned_deaths_ -= deaths;
  if (is_upload) --planned_uploads_;
  // What is left was staged for the next frame.
  for (size_t i = committed_; committed_ > 0 && i < staged_.size(); ++i) staged_[i - committed_] = staged_[i];
  staged_.Truncate(staged_.size() - committed_);
  committed_ = 0;
  // Or what another frame reserved would go.
  if (planned_deaths_ == 0) history_.Trim();
}

// ---- Vectors in storage -------------------------------------------------------------------------------

void Collection::NoteStored(std::span<const SegmentManifest> segments) {
  for (uint32_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments_.at(i);
    uint32_t position = 0;
    for (const VectorsReference& part : segments[i].vectors) {
      const uint32_t address = vectors().AddPart(part);
      for (uint32_t row = 0; row < part.rows; ++row, ++position) {
        if (segment.slots[position] != kNoSlot) vectors().SetAddress(segment.slots[position], address + row);
      }
    }
  }
  vectors().DropUnusedParts();
  vectors().EndPlan();
}

Status Collection::BringNext() {
  if (next_to_bring_ >= vectors().slots()) next_to_bring_ = 0;
  OMENDB_TRY(vectors().RequireRun(next_to_bring_, brought_at_once()));
  next_to_bring_ += brought_at_once();
  return Status::Ok();
}

Status Collection::Bring(uint32_t slot, const uint8_t* vector) {
  const VectorStore::Stored stored = vectors().Locate(slot);
  const ObjectName name = stored.part->name();
  const Origin origin =
      Origin::Stored(name.text()).At(stored.part->offset + uint64_t{stored.row} * rows_.vector_bytes());
  const uint32_t expected = index_.checksum(slot);
  const uint32_t found = Crc32c(ByteSpan(vector, rows_.vector_bytes()));
  if (found != expected) {
    return origin.Fault(0, "expected checksum ", expected, " of a vector, found ", found);
  }
  Status admitted = vectors().Admit(slot, vector);
  if (admitted.ok() || admitted.code() == Code::kOutOfMemory) return admitted;
  return origin.Fault(0, admitted.message());
}

// ---- States in time -----------------------------------------------------------------------------------

void Collection::ForgetBefore(uint64_t oldest) {
  for (;;) {
    const uint32_t slot = history_.ForgetDeath(oldest);
    if (slot == kNoSlot) break;
    gone_.Set(slot);
    index_.Forget(slot);
  }
  history_.ForgetBirths(oldest);
}

// ---- Background work ----------------------------------------------------------------------------------

void Collection::DropDonePending() {
  // Moved once per as many rows as are moved.
  if (pending_done_ * 2 < pending_.size()) return;
  for (size_t i = pending_done_; i < pending_.size(); ++i) pending_[i - pending_done_] = pending_[i];
  pending_.Truncate(pending_.size() - pending_done_);
  pending_done_ = 0;
  // Room for staged rows was promised to them.
  if (staged() == 0 && pending_.size() < pending_.capacity() / 4) pending_.ShrinkToFit();
}

Status Collection::IndexNext(HnswScratch& scratch) {
  const uint32_t slot = pending_[pending_done_];
  if (!gone_.Test(slot)) OMENDB_TRY(index_.Add(slot, hidden_.Test(slot), scratch));
  ++pending_done_;
  DropDonePending();
  return Status::Ok();
}

void Collection::FreeSlot(uint32_t slot) {
  segments_.Forget(numbers_[slot]);
  gone_.Unset(slot);
  rows_.Free(slot);
}

void Collection::Sweep(uint32_t count) {
  // A slot that is taken again must not be waiting twice.
  size_t kept = 0;
  for (size_t i = pending_done_; i < pending_.size(); ++i) {
    if (!gone_.Test(pending_[i])) pending_[kept++] = pending_[i];
  }
  pending_.Truncate(kept);
  pending_done_ = 0;
  const std::span<const uint64_t> words = gone_.words();
  for (uint32_t word = 0; word < words.size() && count > 0; ++word) {
    for (uint64_t bits = words[word]; bits != 0 && count > 0; bits &= bits - 1) {
      const uint32_t slot = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      if (index_.linked(slot)) continue;
      FreeSlot(slot);
      --count;
    }
  }
  ids_.Shrink(uint64_t{ids_.size()} + staged());
  if (staged() == 0) DropStaged(0);
}

bool Collection::wants_squeeze() const {
  // An open frame may have reserved room for deaths without staging a row.
  return staged() == 0 && planned_deaths_ == 0 && !index_.cleaning() && !index_.encoding() &&
         sweepable_rows() == 0 && rows_.slots() > kSqueezedSlotsMin && rows_.used() < rows_.slots() / 2;
}

Status Collection::Squeeze() {
  Bitmap removed;
  OMENDB_TRY(removed.CopyFrom(rows_.free_slots()));
  Array<uint32_t> moved;
  OMENDB_TRY(moved.Reserve(removed.size()));
  uint32_t kept = 0;
  for (uint32_t slot = 0; slot < removed.size(); ++slot) {
    moved.PushReserved(removed.Test(slot) ? kNoSlot : kept++);
  }
  OMENDB_TRY(index_.Squeeze(removed));
  // From here nothing can fail.
  const auto moved_to = [&](uint32_t slot) { return moved[slot]; };
  for (uint32_t slot = 0; slot < removed.size(); ++slot) {
    if (!removed.Test(slot)) numbers_[moved[slot]] = numbers_[slot];
  }
  numbers_.Truncate(kept);
  numbers_.ShrinkToFit();
  hidden_.Squeeze(removed);
  gone_.Squeeze(removed);
  ids_.Move(moved_to);
  history_.Move(moved_to);
  history_.Trim();
  for (uint32_t i = 0; i < segments_.count(); ++i) {
    for (uint32_t& slot : segments_.at(i).slots) {
      if (slot != kNoSlot) slot = moved[slot];
    }
  }
  for (size_t i = pending_done_; i < pending_.size(); ++i) pending_[i] = moved[pending_[i]];
  rows_.Squeeze();
  return Status::Ok();
}

Status Collection::ResetIndex() {
  OMENDB_TRY(vectors().RequireRun(0, vectors().slots()));
  Array<uint32_t> pending;
  OMENDB_TRY(pending.Reserve(size_t{rows_.used()}));
  for (uint32_t i = 0; i < segments_.count(); ++i) {
    for (uint32_t slot : segments_.at(i).slots) {
      if (slot != kNoSlot && !gone_.Test(slot)) pending.PushReserved(slot);
    }
  }
  index_.Reset();
  pending_ = std::move(pending);
  pending_done_ = 0;
  return Status::Ok();
}

// ---- Loading ------------------------------------------------------------------------------------------

Status Collection::OpenSlots(uint32_t slots) {
  OMENDB_TRY(rows_.Open(slots));
  OMENDB_TRY(numbers_.Resize(slots));
  OMENDB_TRY(gone_.Resize(slots));
  OMENDB_TRY(hidden_.Resize(slots));
  for (uint32_t slot = 0; slot < slots; ++slot) {
    numbers_[slot] = kNoSlot;
    hidden_.Set(slot);
  }
  return Status::Ok();
}

void Collection::LoadRow(Segment& segment, uint32_t position, uint32_t slot, bool is_dead, bool is_gone) {
  if (is_dead) ++segment.dead;
  if (slot == kNoSlot) {
    ++segment.holes;
    return;
  }
  segment.slots[position] = slot;
  numbers_[slot] = segment.NumberAt(position);
  if (!is_dead) hidden_.Unset(slot);
  if (is_gone) gone_.Set(slot);
}

Status Collection::LoadHistory(std::span<const Birth> births, std::span<const Death> deaths,
                               std::span<const uint32_t> slots) {
  uint32_t number = 0;
  for (const Birth& birth : births) {
    // One by one, so that what a hostile object claims is paid for as it is read.
    OMENDB_TRY(history_.Reserve(0));
    if (birth.sequence != 0) history_.Born(birth.sequence, number);
    number += birth.rows;
  }
  OMENDB_TRY(history_.Reserve(deaths.size()));
  for (const Death& death : deaths) history_.Died(death.sequence, slots[death.row]);
  return Status::Ok();
}

Status Collection::FinishLoad(const Origin& origin) {
  OMENDB_TRY(ids_.Reserve(live_rows()));
  OMENDB_TRY(pending_.Reserve(rows_.slots()));
  for (uint32_t i = 0; i < segments_.count(); ++i) {
    Segment& segment = segments_.at(i);
    uint64_t bytes = 0;
    for (uint32_t slot : segment.slots) {
      if (slot == kNoSlot) continue;
      bytes += rows_.row_bytes(slot);
      if (!index_.linked(slot) && !gone_.Test(slot)) pending_.PushReserved(slot);
      if (gone_.Test(slot)) index_.Forget(slot);
      if (hidden_.Test(slot)) {
        index_.Kill(slot);
        continue;
      }
      const uint32_t replaced = ids_.Set(slot, rows_.ids());
      if (replaced == kNoRow) continue;
      return origin.Fault(0, "expected every id once, found rows ", numbers_[replaced], " and ",
                          numbers_[slot], " of collection ", id_, " with the same id");
    }
    // What holes once weighed nobody knows any more: about as much as the rest.
    const uint32_t kept = segment.rows() - segment.holes;
    segment.bytes =
        kept == 0 ? uint64_t{rows_.vector_bytes()} * segment.rows() : bytes / kept * segment.holes + bytes;
  }
  for (uint32_t slot = 0; slot < rows_.slots(); ++slot) {
    if (numbers_[slot] == kNoSlot) rows_.Free(slot);
  }
  return Status::Ok();
}

}  // namespace omendb
