// Background work: what is due on a collection, in what order, in small steps.
//
//   cleaning under way > codes being made anew > sweeping > cleaning due > squeezing > training due > rows
//   without a node > vectors that were left in storage > measuring what codes lose
//
// Training is also due where a budget asks for fewer bits, until there are no fewer.
// Sweeping frees rows that no state shows and that have no node; cleaning takes such rows' nodes out of the
// graph first. What that frees in memory the next checkpoint frees in storage.
//
// A step is about one graph insertion. Not here: clocks; the host measures and asks for as many
// steps as it has time for.
#ifndef OMENDB_ENGINE_BACKGROUND_H_
#define OMENDB_ENGINE_BACKGROUND_H_

#include "engine/collection_set.h"
#include "index/hnsw_search.h"

namespace omendb {

// What work depends on beside the collections themselves.
struct WorkLimits {
  bool may_move = true;     // no view is open, so that rows may get other slots
  bool bounded = false;     // there is a memory budget: vectors that are in storage may stay there
  bool fewer_bits = false;  // and codes should take less of it
};

// Steps that are due on this collection, about; 0: nothing.
[[nodiscard]] uint64_t StepsDue(const Collection& collection, const WorkLimits& limits);

// Does up to about `steps` steps over all collections. OUT_OF_MEMORY, or kVectorsWanted, to be called again.
Status DoSteps(CollectionSet& collections, const WorkLimits& limits, uint32_t steps, HnswScratch& scratch);

}  // namespace omendb

#endif  // OMENDB_ENGINE_BACKGROUND_H_
