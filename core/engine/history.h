// History: which rows of a collection were there after which commit.
//
// Only what somebody may still ask for is kept: births and deaths after the oldest sequence that can be
// read. A row is seen at sequence s when it was born at or before s and did not die at or before s.
#ifndef OMENDB_ENGINE_HISTORY_H_
#define OMENDB_ENGINE_HISTORY_H_

#include <cstdint>
#include <span>

#include "base/array.h"

namespace omendb {

class History {
 public:
  struct Birth {
    uint64_t sequence = 0;
    uint32_t first_number = 0;  // rows from here on were born at this sequence or later
  };
  struct Death {
    uint64_t sequence = 0;
    uint32_t slot = 0;
  };

  // Room for two more commits, the one on its way and the one being built, that kill up to `deaths` rows
  // together.
  Status Reserve(uint64_t deaths);
  // REQUIRES: reserved; sequences never fall.
  void Born(uint64_t sequence, uint32_t first_number);
  void Died(uint64_t sequence, uint32_t slot);

  // Rows from this number on were born after `sequence`; `next_number`: of the collection.
  [[nodiscard]] uint32_t NumbersEnd(uint64_t sequence, uint32_t next_number) const;
  // In order of sequence.
  [[nodiscard]] std::span<const Death> DeathsAfter(uint64_t sequence) const;
  [[nodiscard]] std::span<const Death> deaths() const { return deaths_.span().subspan(forgotten_); }
  [[nodiscard]] std::span<const Birth> births() const { return births_.span(); }

  // The oldest death, if it is at or before `sequence`, is forgotten and its slot returned; else kNoSlot.
  uint32_t ForgetDeath(uint64_t sequence);
  void ForgetBirths(uint64_t sequence);
  template <typename Moved>
  void Move(const Moved& moved) {
    for (size_t i = forgotten_; i < deaths_.size(); ++i) deaths_[i].slot = moved(deaths_[i].slot);
  }
  // Gives spare room back, and with it what was reserved.
  void Trim();
  [[nodiscard]] size_t memory_bytes() const {
    return births_.capacity() * sizeof(Birth) + deaths_.capacity() * sizeof(Death);
  }

 private:
  Array<Birth> births_;
  Array<Death> deaths_;
  size_t forgotten_ = 0;  // deaths at the front that are forgotten
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_HISTORY_H_
