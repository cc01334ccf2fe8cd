// Neighbor keys, and the k closest of a stream.
//
// A neighbor is one u64: the distance's bits made order-preserving above, the ordinal below. One
// integer comparison orders by distance and then by ordinal, so ties are the same everywhere.
#ifndef OMENDB_BASE_TOP_K_H_
#define OMENDB_BASE_TOP_K_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/array.h"

namespace omendb {

struct Neighbor {
  uint64_t key = 0;

  Neighbor() = default;
  // `distance` is not NaN.
  Neighbor(float distance, uint32_t ordinal) : key((uint64_t{OrderedBits(distance)} << 32) | ordinal) {}

  [[nodiscard]] uint32_t ordinal() const { return static_cast<uint32_t>(key); }
  [[nodiscard]] float distance() const {
    uint32_t bits = static_cast<uint32_t>(key >> 32);
    bits = (bits & 0x80000000U) != 0 ? bits ^ 0x80000000U : ~bits;
    return std::bit_cast<float>(bits);
  }
  friend bool operator<(Neighbor a, Neighbor b) { return a.key < b.key; }
  friend bool operator==(Neighbor a, Neighbor b) { return a.key == b.key; }

 private:
  // Flips a float's bits so that unsigned order is numeric order; -0 counts as 0.
  static uint32_t OrderedBits(float value) {
    uint32_t bits = std::bit_cast<uint32_t>(value + 0.0F);
    return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  }
};

// Keeps the `k` smallest neighbors offered. Reserve once; then Offer cannot fail.
class TopK {
 public:
  // Empties it and sets k >= 1. On failure the old state stands.
  Status Reset(uint32_t k) {
    OMENDB_TRY(heap_.Reserve(k));
    heap_.Clear();
    k_ = k;
    sorted_ = false;
    return Status::Ok();
  }
  // Takes at most k neighbors that are sorted already, nearest first, after Reset and instead of Offer.
  void AssignSorted(std::span<const Neighbor> neighbors) {
    assert(neighbors.size() <= k_);
    heap_.Clear();
    for (Neighbor neighbor : neighbors) heap_.PushReserved(neighbor);
    sorted_ = true;
  }
  [[nodiscard]] bool full() const { return heap_.size() == k_; }
  [[nodiscard]] size_t size() const { return heap_.size(); }
  // The largest key that still counts. REQUIRES: size() > 0.
  [[nodiscard]] Neighbor worst() const { return sorted_ ? heap_.back() : heap_[0]; }
  void Offer(Neighbor neighbor) {
    assert(!sorted_);
    if (heap_.size() < k_) {
      heap_.PushReserved(neighbor);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (neighbor < heap_[0]) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = neighbor;
      std::push_heap(heap_.begin(), heap_.end());
    }
  }
  // Sorts nearest first and shows them; Reset before the next Offer.
  [[nodiscard]] std::span<const Neighbor> Sorted() {
    if (!sorted_) std::sort_heap(heap_.begin(), heap_.end());
    sorted_ = true;
    return heap_.span();
  }
  [[nodiscard]] std::span<const Neighbor> unsorted() const { return heap_.span(); }
  [[nodiscard]] size_t memory_bytes() const { return heap_.capacity() * sizeof(Neighbor); }

 private:
  Array<Neighbor> heap_;
  uint32_t k_ = 0;
  bool sorted_ = false;
};

}  // namespace omendb

#endif  // OMENDB_BASE_TOP_K_H_
