// MemoryBudget: how much the engine may hold, and what is done so that it does not hold more, in this order:
// vectors that are stored and have codes leave memory (vector_store.h), of the collection that holds most of
// them first; codes that were chosen by the engine get fewer bits (background.h); writes are refused.
#ifndef OMENDB_ENGINE_MEMORY_BUDGET_H_
#define OMENDB_ENGINE_MEMORY_BUDGET_H_

#include "engine/collection_set.h"

namespace omendb {

class MemoryBudget {
 public:
  // 0: no bounds. `may_leave`: what is stored can be read again, so vectors may leave memory.
  void Set(uint64_t bytes, bool may_leave) {
    bytes_ = bytes;
    may_leave_ = may_leave;
  }
  [[nodiscard]] bool bounded() const { return bytes_ > 0; }
  // Vectors leave until what is held fits, or none can leave any more. Between two calls what is held may be
  // more, by what one call needs.
  void Enforce(CollectionSet& collections) const { (void)MakeRoom(collections, 0); }
  // The same for so many bytes more. Whether they fit now.
  bool MakeRoom(CollectionSet& collections, uint64_t bytes) const;
  // The same for a write of so many bytes, and for what indexing the rows that wait will take.
  // LIMIT_EXCEEDED.
  Status RequireRoom(CollectionSet& collections, uint64_t bytes) const;
  // What cannot leave memory is so much of the budget that codes should take less.
  [[nodiscard]] bool WantsFewerBits(const CollectionSet& collections) const;

 private:
  uint64_t bytes_ = 0;
  bool may_leave_ = false;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_MEMORY_BUDGET_H_
