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

namespace omendb {

inline constexpr uint32_t kPoolEfMax = 1024;

class NearestPool {
 public:
  // Empties it. On failure the old state stands.
  Status Reset(uint32_t ef) {
    OMENDB_TRY(entries_.Resize(size_t{ef} + 1));
    ef_ = ef;
    size_ = 0;
    next_ = 0;
    return Status::Ok();
  }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] size_t memory_bytes() const { return entries_.capacity() * sizeof(uint64_t); }
  [[nodiscard]] Neighbor operator[](uint32_t index) const { return Unpack(entries_[index]); }

  // False when every node of the pool is expanded; else takes the nearest that is not.
  [[nodiscard]] bool Take(uint32_t* ordinal) {
    uint64_t* entries = entries_.data();
    while (next_ < size_ && (entries[next_] & 1) != 0) ++next_;
    if (next_ == size_) return false;
    *ordinal = static_cast<uint32_t>(entries[next_]) >> 1;
    entries[next_++] |= 1;
    return true;
  }
  void Offer(Neighbor neighbor) {
    uint64_t* entries = entries_.data();
    const uint64_t entry = Pack(neighbor);
    if (size_ == ef_) {
      if (entry >= entries[size_ - 1]) return;
    } else {
      ++size_;
    }
    // From the far end: what is offered late in a walk belongs near it.
    uint32_t at = size_ - 1;
    while (at > 0 && entries[at - 1] > entry) {
      entries[at] = entries[at - 1];
      --at;
    }
    entries[at] = entry;
    if (at < next_) next_ = at;
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

  Array<uint64_t> entries_;
  uint32_t ef_ = 0;
  uint32_t size_ = 0;
  uint32_t next_ = 0;  // nothing before it is unexpanded
};

}  // namespace omendb

#endif  // OMENDB_INDEX_NEAREST_POOL_H_
