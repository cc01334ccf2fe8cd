// Segment and SegmentList: which rows a collection has, in order of insertion, and where they are stored.
//
// Every row has a *number*: numbers rise with insertion and are never given twice while the engine lives.
// A segment is a run of them. The last segment, the memtable, takes new rows; it is sealed by a
// checkpoint, and from then on its rows only die. Where a row lies in memory, its slot, does not depend on
// its segment, so that merging segments moves lists of slots and nothing else.
#ifndef OMENDB_ENGINE_SEGMENT_H_
#define OMENDB_ENGINE_SEGMENT_H_

#include <cstdint>

#include "base/allocation.h"
#include "engine/row_store.h"
#include "format/manifest.h"

namespace omendb {

struct Segment {
  uint32_t first_number = 0;
  Array<uint32_t> slots;    // by position; kNoSlot when nothing of the row is left in memory
  Array<uint32_t> numbers;  // by position; empty: first_number + position
  uint32_t dead = 0;        // rows that the newest state does not show
  uint32_t holes = 0;       // of these, rows of which nothing is left in memory
  uint64_t bytes = 0;       // of all rows as they are stored, about

  // ---- How it is stored --------------------------------------------------------------------------------
  uint64_t key = 0;  // never used twice; a checkpoint knows a stored segment by it
  // The frame that brought all of its rows, which may keep their vectors; empty rows: none.
  VectorsReference frame;

  [[nodiscard]] uint32_t rows() const { return static_cast<uint32_t>(slots.size()); }
  [[nodiscard]] uint32_t NumberAt(uint32_t position) const {
    return numbers.empty() ? first_number + position : numbers[position];
  }
  // The first position whose number is `number` or greater; rows() when there is none.
  [[nodiscard]] uint32_t LowerBound(uint32_t number) const;
};

class SegmentList {
 public:
  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(segments_.size()); }
  [[nodiscard]] Segment& at(uint32_t index) { return *segments_[index]; }
  [[nodiscard]] const Segment& at(uint32_t index) const { return *segments_[index]; }
  // The number the next row gets.
  [[nodiscard]] uint32_t next_number() const { return next_number_; }
  // Rows of the memtable, dead ones included.
  [[nodiscard]] uint32_t memtable_rows() const { return memtable_open_ ? segments_.back()->rows() : 0; }

  // The slot of a row, or kNoSlot.
  [[nodiscard]] uint32_t SlotOf(uint32_t number) const;
  // The segment of a row. REQUIRES: it has one.
  [[nodiscard]] Segment& SegmentOf(uint32_t number);
  // Forgets where the row was: its slot is about to be free.
  void Forget(uint32_t number);

  // ---- Taking rows; everything that can fail is in Reserve -----------------------------------------------
  // Room for `rows` more rows in the memtable, and for `uploads` segments of their own beside it.
  // LIMIT_EXCEEDED when numbers run out, OUT_OF_MEMORY.
  Status Reserve(uint32_t rows, uint32_t uploads);
  // Returns the row's number. REQUIRES: reserved.
  uint32_t Append(uint32_t slot, uint64_t bytes);
  // The rows appended since the memtable had `first` of them become a segment whose vectors lie in a frame.
  // REQUIRES: reserved.
  void SealUpload(uint32_t first, const VectorsReference& frame);

  // ---- Changing segments ---------------------------------------------------------------------------------
  // The memtable, if it has rows, becomes a sealed segment. Cannot fail.
  void Seal();
  // Segments [first, first + count) become one, without their holes.
  // REQUIRES: sealed. On OUT_OF_MEMORY nothing changed.
  Status Merge(uint32_t first, uint32_t count);
  // Drops segments that have nothing left.
  void DropEmpty();

  // ---- Loading -------------------------------------------------------------------------------------------
  // A sealed segment of `rows` rows follows, all without a slot. OUT_OF_MEMORY, LIMIT_EXCEEDED.
  Result<Segment*> Load(uint32_t rows);

  [[nodiscard]] size_t memory_bytes() const;

 private:
  [[nodiscard]] uint32_t IndexOf(uint32_t number) const;

  Array<Owned<Segment>> segments_;
  Array<Owned<Segment>> spare_;  // made by Reserve
  bool memtable_open_ = false;   // the last one takes rows
  uint32_t next_number_ = 0;
  uint64_t next_key_ = 1;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_SEGMENT_H_
