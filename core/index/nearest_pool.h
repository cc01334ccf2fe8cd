// NearestPool: the `ef` nearest nodes seen by a walk, sorted, each marked once its links were followed.
//
// Candidates and results of a best-first search in one array: a node that is not among the ef nearest
// would end the search when its turn came, so it need not be kept. Same order of expansion and same
// results as two heaps, when every node counts as a result. Insertion moves O(ef) bytes, which beats a
// heap's branches up to kPoolEfMax.
#ifndef OMENDB_INDEX_NEAREST_POOL_H_
#define OMENDB_INDEX_NEAREST_POOL_H_

#include <cassert>
#include <cstdint>

#include "base/array.h"
#include "base/top_k.h"
#include "omendb/limits.h"

namespace omendb {

inline constexpr uint32_t kPoolEfMax = 1024;
inline constexpr uint32_t kOfferMax = 2 * kGraphDegreeMax;

class NearestPool {
 public:
  // Empties it. On failure the old state stands.
  Status Reset(uint32_t ef) {
    OMENDB_TRY(entries_.Resize(ef));
    ef_ = ef;
    size_ = 0;
    next_ = 0;
    return Status::Ok();
  }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] size_t memory_bytes() const { return entries_.capacity() * sizeof(uint64_t); }

  // False when every node of the pool is expanded; else takes the nearest that is not.
  [[nodiscard]] bool Take(uint32_t* ordinal) {
    uint64_t* entries = entries_.data();
    while (next_ < size_ && (entries[next_] & 1) != 0) ++next_;
    if (next_ == size_) return false;
    *ordinal = static_cast<uint32_t>(entries[next_]) >> 1;
    entries[next_++] |= 1;
    return true;
  }
  [[nodiscard]] Neighbor operator[](uint32_t index) const { return Unpack(entries_[index]); }
  // All it holds are candidates again: for the next level.
  void StartAgain() {
    for (uint32_t i = 0; i < size_; ++i) entries_.data()[i] &= ~uint64_t{1};
    next_ = 0;
  }
  void Offer(Neighbor neighbor) {
    const uint64_t entry = Pack(neighbor);
    if (size_ < ef_ || entry < entries_[size_ - 1]) Merge(&entry, 1);
  }
  // Takes in what is near enough of one expansion. One pass over the pool for all of them: it is the
  // moving that costs.
  // REQUIRES: count <= kOfferMax.
  void Offer(const uint32_t* ordinals, const float* distances, uint32_t count) {
    assert(count <= kOfferMax);
    uint64_t offered[kOfferMax + 1];
    uint64_t* entries = entries_.data();
    const uint64_t bound = size_ == ef_ ? entries[size_ - 1] : ~uint64_t{0};
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; ++i) {
      offered[taken] = Pack(Neighbor(distances[i], ordinals[i]));
      taken += offered[taken] < bound ? 1U : 0U;
    }
    if (taken == 0) return;
    SortFew(offered, taken);
    Merge(offered, taken);
  }
  // Writes all, nearest first, to `out`.
  void CopyTo(Neighbor* out) const {
    for (uint32_t i = 0; i < size_; ++i) out[i] = Unpack(entries_.data()[i]);
  }

 private:
  // The distance's bits, then 31 bits of ordinal (kRowsMax), then the mark: ordinals differ, so the mark
  // never decides an order.
  static uint64_t Pack(Neighbor neighbor) {
    assert(neighbor.ordinal() <= 0x7fffffffU);
    return (neighbor.key & 0xffffffff00000000U) | (uint64_t{neighbor.ordinal()} << 1);
  }
  static Neighbor Unpack(uint64_t entry) {
    Neighbor neighbor;
    neighbor.key = (entry & 0xffffffff00000000U) | ((entry & 0xffffffffU) >> 1);
    return neighbor;
  }

  static void SortFew(uint64_t* values, uint32_t count) {
    for (uint32_t i = 1; i < count; ++i) {
      const uint64_t value = values[i];
      uint32_t at = i;
      for (; at > 0 && values[at - 1] > value; --at) values[at] = values[at - 1];
      values[at] = value;
    }
  }
  // Both sorted; keeps the ef_ least. From the far end, in place.
  void Merge(const uint64_t* offered, uint32_t count) {
    uint64_t* entries = entries_.data();
    uint32_t left = size_;
    uint32_t right = count;
    const uint32_t merged = size_ + count < ef_ ? size_ + count : ef_;
    for (uint32_t excess = size_ + count - merged; excess > 0; --excess) {
      if (left > 0 && (right == 0 || entries[left - 1] > offered[right - 1])) {
        --left;
      } else {
        --right;
      }
    }
    if (right == 0) return;
    size_ = merged;
    uint32_t to = merged;
    while (right > 0) {
      const uint64_t next = offered[--right];
      while (left > 0 && entries[left - 1] > next) entries[--to] = entries[--left];
      entries[--to] = next;
    }
    if (to < next_) next_ = to;
  }

  Array<uint64_t> entries_;
  uint32_t ef_ = 0;
  uint32_t size_ = 0;
  uint32_t next_ = 0;  // nothing before it is unexpanded
};

}  // namespace omendb

#endif  // OMENDB_INDEX_NEAREST_POOL_H_
