// WantedVectors: which bytes of which objects a call needs, and their way into memory (engine.h, "Vectors in
// storage").
#ifndef OMENDB_ENGINE_WANTED_VECTORS_H_
#define OMENDB_ENGINE_WANTED_VECTORS_H_

#include "engine/collection_set.h"
#include "omendb/engine.h"

namespace omendb {

class WantedVectors {
 public:
  // After a call that said kVectorsWanted: what its collections want. OUT_OF_MEMORY.
  Status Gather(CollectionSet& collections);
  [[nodiscard]] std::span<const WantedRange> ranges() const { return ranges_.span(); }
  // `bytes`: of all ranges, one after the other. INVALID_ARGUMENT when they are not as many, CORRUPTION,
  // OUT_OF_MEMORY. Vectors taken before a failure stay.
  Status Take(ByteSpan bytes);
  // True once after Take: the next call is the one that wanted them.
  bool ConsumeTaken() { return std::exchange(taken_, false); }
  // Rows have changed: what was wanted may not be there, and a call that is made again starts anew.
  void Invalidate() {
    ranges_.Clear();
    entries_.Clear();
    taken_ = false;
  }
  // Nothing is wanted any more, and what came for one call only leaves.
  void End(CollectionSet& collections);

 private:
  struct Entry {
    Collection* collection = nullptr;
    uint32_t slot = 0;
  };
  Status GatherOf(Collection& collection);

  Array<WantedRange> ranges_;
  Array<Entry> entries_;  // in the order of their bytes
  bool taken_ = false;
  bool any_ = false;  // something was wanted since End
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_WANTED_VECTORS_H_
