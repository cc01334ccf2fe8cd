// Walking an HnswGraph: greedy descent, then best-first search at level 0 with ef_search candidates
// (Algorithms 2 and 5 of arXiv:1603.09320).
//
// Deleted nodes are walked through but never offered: ef_search counts live results only, so recall
// holds however many rows around the query are tombstones.
#ifndef OMENDB_INDEX_HNSW_SEARCH_H_
#define OMENDB_INDEX_HNSW_SEARCH_H_

#include "base/bitmap.h"
#include "base/top_k.h"
#include "index/hnsw_graph.h"
#include "index/nearest_pool.h"
#include "index/scorer.h"

namespace omendb {

// Scratch of one search or build: visited marks by epoch, candidate queue. Reuse it; its memory grows
// with the graph. Not thread safe.
class HnswScratch {
 public:
  // Before the walks of one search or insertion.
  Status Prepare(const HnswGraph& graph, uint32_t ef);
  [[nodiscard]] size_t memory_bytes() const;

  // For the walking functions.
  [[nodiscard]] bool Visit(uint32_t node) {  // true the first time since Prepare or NextWalk
    if (visited_.data()[node] == epoch_) return false;
    visited_.data()[node] = epoch_;
    return true;
  }
  void NextWalk();

  NearestPool pool;            // candidates and results in one, when every node counts
  Array<Neighbor> candidates;  // min-heap, grows while walking; when some nodes do not count
  TopK results;
  Array<uint32_t> batch;         // unvisited links of one node
  Array<float> batch_distances;  // their distances

 private:
  Array<uint16_t> visited_;
  uint16_t epoch_ = 0;
};

struct HnswSearchStats {
  uint64_t distances = 0;
  uint64_t hops = 0;
};

// Leaves up to `ef` nearest live nodes in scratch.results. An empty graph gives none.
// `deleted` covers at least graph.size() bits. ef >= 1. OUT_OF_MEMORY only.
Status SearchHnsw(const HnswGraph& graph, const Scorer& scorer, const Bitmap& deleted, uint32_t ef,
                  HnswScratch& scratch, HnswSearchStats* stats = nullptr);

// The parts of a search, for the builder. REQUIRES: scratch was prepared.
// Greedy descent from the entry through the levels above `level`. REQUIRES: the graph is not empty.
Neighbor DescendHnsw(const HnswGraph& graph, const Scorer& scorer, uint32_t level, HnswScratch& scratch,
                     HnswSearchStats* stats);
// Best-first search at one level from `start`; results as for SearchHnsw.
Status WalkHnswLevel(const HnswGraph& graph, const Scorer& scorer, const Bitmap& deleted, uint32_t level,
                     Neighbor start, uint32_t ef, HnswScratch& scratch, HnswSearchStats* stats);

}  // namespace omendb

#endif  // OMENDB_INDEX_HNSW_SEARCH_H_
