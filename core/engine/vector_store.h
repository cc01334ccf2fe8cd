// VectorStore: the vectors of one collection by slot, each in memory, in storage, or in both.
//
// In memory a vector lies in a *place*; places are given, freed and moved without anybody else's knowing.
// Where a vector lies in storage is its *address*: a row of one of the *parts*, objects or WAL frames that
// hold vectors one after the other. A vector that is stored may leave memory (Evict) and come back (Admit).
// Who needs vectors asks with Require, which notes those that are not in memory as *wanted*: the caller's
// call ends there with kVectorsWanted, the host brings them, and the call is made again (engine.h, "Vectors
// in storage"). Of those in memory the ones that nobody asked for since the hand of a clock came by last
// leave first. Not here: what the bytes read are checked against (collection.h), how much may stay
// (memory_budget.h).
#ifndef OMENDB_ENGINE_VECTOR_STORE_H_
#define OMENDB_ENGINE_VECTOR_STORE_H_

#include <algorithm>
#include <cstdint>

#include "base/bitmap.h"
#include "base/chunked_rows.h"
#include "distance/vector_type.h"
#include "format/manifest.h"
#include "omendb/types.h"

namespace omendb {

class VectorStore {
 public:
  // What becomes of vectors that come for a call.
  enum class Stay : uint8_t {
    kCached,  // they stay as long as there is room
    kBrief,   // the same without bounds; else they go before the next call: reading everything once must not
              // drive out what is asked for often
  };
  struct Stored {
    const VectorsReference* part = nullptr;
    uint32_t row = 0;  // of the part
  };
  // Vectors that were asked for by searches and lists of ids: in memory, and brought from storage.
  struct Counts {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t evictions = 0;
  };

  explicit VectorStore(const CollectionOptions& options);

  // ---- Slots ---------------------------------------------------------------------------------------------
  [[nodiscard]] uint32_t slots() const { return static_cast<uint32_t>(where_.size()); }
  // Room for that many slots, and for so many more vectors in memory. OUT_OF_MEMORY.
  Status Reserve(uint64_t slots, uint64_t more);
  // New slots hold nothing. REQUIRES: reserved; those that go hold nothing.
  void Resize(uint32_t slots);
  // REQUIRES: the slot holds nothing, room is reserved. INVALID_VECTOR.
  Status Put(uint32_t slot, const uint8_t* vector);
  // The slot holds nothing afterwards, in memory and in storage.
  void Drop(uint32_t slot);
  // Takes slots out that hold nothing: the others move down in order.
  void Squeeze(const Bitmap& removed);

  // ---- In memory -----------------------------------------------------------------------------------------
  [[nodiscard]] bool in_memory(uint32_t slot) const { return where_[slot] < kInStorage; }
  // Slots whose vectors are in storage only.
  [[nodiscard]] uint32_t away() const { return away_; }
  // REQUIRES: in_memory.
  [[nodiscard]] const uint8_t* row(uint32_t slot) const { return rows_.row(where_.data()[slot]); }
  [[nodiscard]] float inverse_norm(uint32_t slot) const {
    return inverse_norms_.empty() ? 1.0F : inverse_norms_[where_[slot]];
  }
  [[nodiscard]] size_t vector_bytes() const { return VectorBytes(type_, dimensions_); }
  // For scorers: vectors and norms by place, and the place of each slot.
  [[nodiscard]] const ChunkedRows& rows() const { return rows_; }
  [[nodiscard]] const Array<float>& inverse_norms() const { return inverse_norms_; }
  [[nodiscard]] const Array<uint32_t>& places() const { return where_; }
  [[nodiscard]] size_t memory_bytes() const;
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // ---- Asking for vectors
  // ----------------------------------------------------------------------------------  // OK when all are in
  // memory. kVectorsWanted when some are not: those are wanted from now on. OUT_OF_MEMORY.
  Status Require(std::span<const uint32_t> slots, Stay stay);
  // The same of one; the caller says kVectorsWanted when it has asked for all.
  Status RequireOne(uint32_t slot, Stay stay, bool* wanted);
  // So many were used by a call that has them all now; what came for it are the misses.
  void CountUse(uint64_t used) {
    counts_.misses += brought_;
    counts_.hits += used - std::min<uint64_t>(brought_, used);
    brought_ = 0;
  }
  // Vectors are to leave memory again.
  void set_bounded(bool bounded) { bounded_ = bounded; }
  // The same of all slots in [first, first + count) that hold a vector.
  Status RequireRun(uint32_t first, uint32_t count);
  // In order of their addresses after SortWanted.
  [[nodiscard]] std::span<const uint32_t> wanted() const { return wanted_.span(); }
  void SortWanted();
  // A wanted one comes into memory. INVALID_VECTOR, OUT_OF_MEMORY; it is then as before.
  Status Admit(uint32_t slot, const uint8_t* vector);
  // Everything that was wanted came.
  void WantNothing() { wanted_.Clear(); }
  // Nobody asks again for what was wanted.
  void ForgetWanted();
  // What came for one call only leaves again.
  void EndBrief(const Bitmap& evictable);

  // ---- In storage
  // --------------------------------------------------------------------------------------------  // Room for
  // so many parts beside those there are and those planned. OUT_OF_MEMORY.
  Status ReserveParts(size_t count) { return parts_.ReserveMore(planned_parts_ + count); }
  // Room for so many that stays theirs until EndPlan, beside `others`. OUT_OF_MEMORY.
  Status PlanParts(size_t count, size_t others);
  void EndPlan() { planned_parts_ = 0; }
  // The address of the part's first row. REQUIRES: reserved.
  uint32_t AddPart(const VectorsReference& part);
  // Forgets parts of which no slot has an address.
  void DropUnusedParts();
  // The slot's vector is stored there. One of no part yet that is not in memory is so from now on.
  void SetAddress(uint32_t slot, uint32_t address);
  // Whether some slot's address is in the object.
  [[nodiscard]] bool Uses(const ObjectName& object) const;
  // REQUIRES: it is in storage.
  [[nodiscard]] Stored Locate(uint32_t slot) const;
  // Up to `count` vectors leave memory, of those that are stored and whose slots are `evictable` (bits past
  // its end are clear). Returns how many did. What was admitted since the last ForgetWanted may be among
  // them.
  uint32_t Evict(uint32_t count, const Bitmap& evictable);
  // Vectors move together, from the end into up to `count` free places, and memory that is free then is given
  // back.
  void Compact(uint32_t count);
  // Gives back what is free at the end, without moving anything.
  void GiveBackEnd();
  // Vectors there are in memory, and there is room for.
  [[nodiscard]] uint32_t placed() const { return free_places_.size() - free_places_.set_count(); }
  [[nodiscard]] uint32_t free_places() const { return free_places_.set_count(); }

 private:
  // In where_: a place, or kInStorage and an address, or kNowhere.
  static constexpr uint32_t kInStorage = 1U << 31;
  static constexpr uint32_t kNowhere = 0xffffffffU;
  static constexpr uint32_t kNoAddress = kNowhere & ~kInStorage;
  struct Part {
    VectorsReference reference;
    uint32_t first = 0;     // address
    uint32_t used = 0;      // addresses that are some slot's
    uint32_t moved_to = 0;  // the next first, while parts are renumbered
  };

  [[nodiscard]] size_t IndexOf(uint32_t address) const;
  [[nodiscard]] uint32_t AddressOf(uint32_t slot) const {
    return in_memory(slot) ? addresses_[where_[slot]] : where_[slot] & ~kInStorage;
  }
  // Takes the lowest free place for a slot. REQUIRES: there is one.
  uint32_t TakePlace(uint32_t slot, uint32_t address);
  void FreePlace(uint32_t place);
  Status ReservePlaces(uint64_t more);
  Status Fill(uint32_t place, const uint8_t* vector);
  void Leave(uint32_t place);
  void ReleaseAddress(uint32_t address);
  void MovePlace(uint32_t from, uint32_t to);
  [[nodiscard]] uint32_t MovedAddress(uint32_t address) const {
    const Part& part = parts_[IndexOf(address)];
    return part.moved_to + (address - part.first);
  }
  void Renumber();
  void TruncatePlaces(uint32_t places);

  Metric metric_;
  VectorType type_;
  uint32_t dimensions_;
  Array<uint32_t> where_;  // by slot
  uint32_t away_ = 0;

  // All by place.
  ChunkedRows rows_;
  Array<float> inverse_norms_;  // under cosine only
  Array<uint32_t> owners_;      // slots
  Array<uint32_t> addresses_;   // kNoAddress: not stored
  Bitmap used_;                 // asked for since the hand came by
  Bitmap free_places_;
  uint32_t free_hint_ = 0;  // no place below it is free
  uint32_t hand_ = 0;

  Array<Part> parts_;  // by rising first address
  size_t planned_parts_ = 0;
  uint32_t next_address_ = 0;

  Array<uint32_t> wanted_;  // slots
  Array<uint32_t> brief_;   // slots that came for one call
  Stay stay_ = Stay::kCached;
  bool bounded_ = false;
  uint32_t brought_ = 0;  // for the call that is being made again
  Counts counts_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_VECTOR_STORE_H_
