// Bitmap: one bit per ordinal, with a count of set bits. Used for tombstones and row sets.
#ifndef OMENDB_BASE_BITMAP_H_
#define OMENDB_BASE_BITMAP_H_

#include <bit>
#include <cassert>
#include <cstdint>

#include "base/array.h"

namespace omendb {

class Bitmap {
 public:
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t set_count() const { return set_count_; }
  [[nodiscard]] bool any() const { return set_count_ > 0; }
  [[nodiscard]] bool Test(uint32_t index) const {
    assert(index < size_);
    return ((words_.data()[index >> 6] >> (index & 63)) & 1) != 0;
  }
  void Set(uint32_t index) {
    assert(index < size_);
    uint64_t& word = words_.data()[index >> 6];
    uint64_t bit = uint64_t{1} << (index & 63);
    set_count_ += (word & bit) == 0 ? 1U : 0U;
    word |= bit;
  }
  void Unset(uint32_t index) {
    assert(index < size_);
    uint64_t& word = words_.data()[index >> 6];
    uint64_t bit = uint64_t{1} << (index & 63);
    set_count_ -= (word & bit) != 0 ? 1U : 0U;
    word &= ~bit;
  }
  // The first set bit from `from` on; size() when there is none.
  [[nodiscard]] uint32_t FirstSet(uint32_t from) const;
  Status Reserve(uint64_t size) { return words_.Reserve(static_cast<size_t>((size + 63) / 64)); }
  // New bits are clear. Growth within Reserve cannot fail. Shrinking drops bits.
  Status Resize(uint32_t size);
  Status CopyFrom(const Bitmap& other);
  // Takes the bits out whose index is set in `removed`, of this size or more; the rest move down. Cannot
  // fail.
  void Squeeze(const Bitmap& removed);
  void Clear();
  [[nodiscard]] std::span<const uint64_t> words() const { return words_.span(); }
  // Replaces the content by `size` bits read from `words`; bits past `size` must be clear.
  Status Assign(std::span<const uint64_t> words, uint32_t size);
  [[nodiscard]] size_t memory_bytes() const { return words_.capacity() * sizeof(uint64_t); }

 private:
  Array<uint64_t> words_;
  uint32_t size_ = 0;
  uint32_t set_count_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_BASE_BITMAP_H_
