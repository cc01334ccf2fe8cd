#include "engine/memory_budget.h"

#include <algorithm>

namespace omendb {
namespace {

// When vectors have to leave, this share of those in memory leaves at once: making room moves others
// together.
constexpr uint32_t kShareThatLeaves = 16;
// Part of a budget that is kept for vectors and calls before codes get fewer bits.
constexpr uint64_t kSpareShare = 8;

// Lets vectors of a collection go that take `bytes` or more. False when there is nothing to gain.
bool GiveBack(Collection& collection, uint64_t bytes) {
  VectorStore& vectors = collection.vectors();
  const size_t before = vectors.memory_bytes();
  const uint64_t chunk_rows = vectors.rows().rows_per_chunk();
  const uint64_t chunks = bytes / vectors.rows().chunk_bytes() + 1;
  const uint64_t wanted = chunks * chunk_rows + vectors.placed() / kShareThatLeaves;
  const uint64_t free = vectors.free_places();
  if (free < wanted) {
    (void)collection.Evict(static_cast<uint32_t>(std::min<uint64_t>(wanted - free, vectors.placed())));
  }
  // What left beyond the chunks stays free for those that come next.
  vectors.Compact(static_cast<uint32_t>(std::min<uint64_t>(vectors.free_places(), chunks * chunk_rows)));
  return vectors.memory_bytes() < before;
}

uint64_t BytesOf(const VectorStore& vectors) { return uint64_t{vectors.placed()} * vectors.vector_bytes(); }

}  // namespace

bool MemoryBudget::MakeRoom(CollectionSet& collections, uint64_t bytes) const {
  if (!bounded()) return true;
  for (;;) {
    const uint64_t needed = uint64_t{AllocatedBytes()} + bytes;
    if (needed <= bytes_) return true;
    if (!may_leave_) return false;
    Collection* largest = nullptr;
    for (uint32_t i = 0; i < collections.count(); ++i) {
      Collection& collection = collections.at(i);
      collection.vectors().set_bounded(true);
      if (largest == nullptr || BytesOf(collection.vectors()) > BytesOf(largest->vectors())) {
        largest = &collection;
      }
    }
    bool gave = largest != nullptr && GiveBack(*largest, needed - bytes_);
    // The largest may be one whose vectors cannot leave.
    for (uint32_t i = 0; i < collections.count() && !gave; ++i) {
      gave = GiveBack(collections.at(i), needed - bytes_);
    }
    if (!gave) return false;
  }
}

Status MemoryBudget::RequireRoom(CollectionSet& collections, uint64_t bytes) const {
  if (!bounded()) return Status::Ok();
  for (uint32_t i = 0; i < collections.count(); ++i) {
    const Collection& collection = collections.at(i);
    bytes += collection.pending().size() * uint64_t{collection.index().bytes_per_node()};
  }
  if (MakeRoom(collections, bytes)) return Status::Ok();
  return Status::Error(Code::kLimitExceeded, "expected at most ", bytes_,
                       " bytes of memory (the budget), found ", AllocatedBytes(),
                       " in use that cannot leave it, and ", bytes, " more needed");
}

bool MemoryBudget::WantsFewerBits(const CollectionSet& collections) const {
  if (!bounded()) return false;
  uint64_t staying = AllocatedBytes();
  uint64_t next_codes = 0;
  for (uint32_t i = 0; i < collections.count(); ++i) {
    const Collection& collection = collections.at(i);
    staying -= std::min<uint64_t>(staying, BytesOf(collection.vectors()));
    // About half of those there are, and there beside them until they are complete.
    if (collection.index().CanTakeFewerBits()) next_codes += collection.index().code_bytes() / 2;
  }
  return staying + next_codes + bytes_ / kSpareShare > bytes_;
}

}  // namespace omendb
