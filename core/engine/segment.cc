#include "engine/segment.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {

uint32_t Segment::LowerBound(uint32_t number) const {
  if (numbers.empty()) {
    if (number <= first_number) return 0;
    return std::min(number - first_number, rows());
  }
  return static_cast<uint32_t>(std::lower_bound(numbers.begin(), numbers.end(), number) - numbers.begin());
}

uint32_t SegmentList::IndexOf(uint32_t number) const {
  const Owned<Segment>* after = std::upper_bound(
      segments_.begin(), segments_.end(), number,
      [](uint32_t wanted, const Owned<Segment>& segment) { return wanted < segment->first_number; });
  return static_cast<uint32_t>(after - segments_.begin()) - 1;  // wraps when there is none
}

uint32_t SegmentList::SlotOf(uint32_t number) const {
  const uint32_t index = IndexOf(number);
  if (index >= count()) return kNoSlot;
  const Segment& segment = at(index);
  const uint32_t position = segment.LowerBound(number);
  if (position == segment.rows() || segment.NumberAt(position) != number) return kNoSlot;
  return segment.slots[position];
}

Segment& SegmentList::SegmentOf(uint32_t number) {
  assert(IndexOf(number) < count());
  return at(IndexOf(number));
}

void SegmentList::Forget(uint32_t number) {
  Segment& segment = SegmentOf(number);
  segment.slots[segment.LowerBound(number)] = kNoSlot;
  ++segment.holes;
}

Status SegmentList::Reserve(uint32_t rows, uint32_t uploads) {
  if (rows > kRowsMax - next_number_) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kRowsMax,
                         " rows written to a collection between two openings, found ",
                         uint64_t{next_number_} + rows);
  }
  // Per upload its own segment, and the memtable that follows it.
  const size_t needed = size_t{2} * uploads + (memtable_open_ ? 0 : 1);
  OMENDB_TRY(spare_.Reserve(needed));
  OMENDB_TRY(segments_.ReserveMore(needed + 1));
  while (spare_.size() < needed) {
    Owned<Segment> segment = MakeOwned<Segment>();
    if (!segment) return OutOfMemory(sizeof(Segment));
    spare_.PushReserved(std::move(segment));
  }
  // An upload's rows may follow those of the memtable, or begin a new one.
  for (Owned<Segment>& segment : spare_) OMENDB_TRY(segment->slots.Reserve(rows));
  if (memtable_open_) OMENDB_TRY(segments_.back()->slots.ReserveMore(rows));
  return Status::Ok();
}

uint32_t SegmentList::Append(uint32_t slot, uint64_t bytes) {
  if (!memtable_open_) {
    segments_.PushReserved(std::move(spare_.back()));
    spare_.Pop();
    segments_.back()->first_number = next_number_;
    segments_.back()->key = next_key_++;
    memtable_open_ = true;
  }
  Segment& memtable = *segments_.back();
  memtable.slots.PushReserved(slot);
  memtable.bytes += bytes;
  return next_number_++;
}

void SegmentList::SealUpload(uint32_t first, const VectorsReference& frame) {
  Segment& memtable = *segments_.back();
  assert(memtable_open_ && first < memtable.rows());
  memtable_open_ = false;
  if (first == 0) {
    memtable.frame = frame;
    return;
  }
  const uint32_t rows = memtable.rows() - first;
  const uint64_t bytes = memtable.bytes / memtable.rows() * rows;
  Owned<Segment> upload = std::move(spare_.back());
  spare_.Pop();
  upload->first_number = memtable.first_number + first;
  upload->key = next_key_++;
  upload->frame = frame;
  upload->bytes = bytes;
  for (uint32_t position = first; position < memtable.rows(); ++position) {
    upload->slots.PushReserved(memtable.slots[position]);
  }
  memtable.slots.Truncate(first);
  memtable.bytes -= bytes;
  segments_.PushReserved(std::move(upload));
}

void SegmentList::Seal() {
  if (!memtable_open_) return;
  memtable_open_ = false;
  segments_.back()->slots.ShrinkToFit();
}

Status SegmentList::Merge(uint32_t first, uint32_t count) {
  Owned<Segment> merged = MakeOwned<Segment>();
  if (!merged) return OutOfMemory(sizeof(Segment));
  size_t rows = 0;
  for (uint32_t i = 0; i < count; ++i) rows += at(first + i).slots.size();
  OMENDB_TRY(merged->slots.Reserve(rows));
  OMENDB_TRY(merged->numbers.Reserve(rows));
  for (uint32_t i = 0; i < count; ++i) {
    const Segment& segment = at(first + i);
    for (uint32_t position = 0; position < segment.rows(); ++position) {
      if (segment.slots[position] == kNoSlot) continue;
      merged->slots.PushReserved(segment.slots[position]);
      merged->numbers.PushReserved(segment.NumberAt(position));
    }
    merged->dead += segment.dead;
    merged->bytes += segment.bytes;
  }
  // Holes are left out; a row of those weighed as much as any other.
  const uint32_t left_out = static_cast<uint32_t>(rows - merged->slots.size());
  merged->dead -= left_out;
  merged->bytes = rows == 0 ? 0 : merged->bytes / rows * merged->slots.size();
  merged->first_number = at(first).first_number;
  merged->key = next_key_++;
  if (!merged->numbers.empty() &&
      merged->numbers.back() - merged->first_number + 1 == merged->numbers.size()) {
    merged->numbers.Release();
  }
  segments_[first] = std::move(merged);
  for (size_t i = first + 1; i + count - 1 < segments_.size(); ++i) {
    segments_[i] = std::move(segments_[i + count - 1]);
  }
  segments_.Truncate(segments_.size() - (count - 1));
  return Status::Ok();
}

void SegmentList::DropEmpty() {
  size_t kept = 0;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const bool is_memtable = memtable_open_ && i + 1 == segments_.size();
    if (segments_[i]->slots.empty() && !is_memtable) continue;
    if (kept != i) segments_[kept] = std::move(segments_[i]);
    ++kept;
  }
  segments_.Truncate(kept);
}

Result<Segment*> SegmentList::Load(uint32_t rows) {
  assert(!memtable_open_);
  OMENDB_TRY(Reserve(rows, 0));
  Owned<Segment> segment = std::move(spare_.back());
  spare_.Pop();
  for (uint32_t i = 0; i < rows; ++i) segment->slots.PushReserved(kNoSlot);
  segment->first_number = next_number_;
  segment->key = next_key_++;
  next_number_ += rows;
  segments_.PushReserved(std::move(segment));
  return segments_.back().get();
}

size_t SegmentList::memory_bytes() const {
  size_t bytes = segments_.capacity() * sizeof(Owned<Segment>);
  for (const Owned<Segment>& segment : segments_) {
    bytes += sizeof(Segment) + (segment->slots.capacity() + segment->numbers.capacity()) * sizeof(uint32_t);
  }
  return bytes;
}

}  // namespace omendb
