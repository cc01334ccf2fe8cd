// Walking an HnswGraph: descent, then best-first search at level 0 with ef_search candidates
// (Algorithms 2 and 5 of arXiv:1603.09320).
//
// The descent keeps kDescentEf candidates, where the paper keeps one: with one, a walk that comes down in
// the wrong one of several far clusters never leaves it, whatever ef_search (measured on 20 clusters
// inserted one after the other: recall 0.94 with one candidate, 0.998 with four). Level 0 starts from all.
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

inline constexpr uint32_t kDescentEf = 4;

// Scratch of one search or build: visited marks by epoch, candidate queue. Reuse it; its memory grows
// with the graph. Not thread safe.
class HnswScratch {
 public:
  // Before the walks of one search or insertion.
  Status Prepare(const HnswGraph& graph, uint32_t ef);
  [[nodiscard]] size_t memory_bytes() const;

  // For the walking functions.
  [[nodiscard]] bool Visit(uint32_t node) {  // true the first time since Prepare or NextWalk
    // Without a branch: whether a link was seen before is as good as a coin.
    uint16_t& mark = visited_.data()[node];
    const bool is_first = mark != epoch_;
    mark = epoch_;
    return is_first;
  }
  void NextWalk();

  NearestPool pool;            // candidates and results in one, when every node counts
  Array<Neighbor> starts;      // where the next walk starts
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

// The parts of a search, for the builder. REQUIRES: scratch was prepared. OUT_OF_MEMORY only.
// From the entry through the levels above `level`, with kDescentEf candidates; what it ends with is in
// scratch.starts. REQUIRES: the graph is not empty.
Status DescendHnsw(const HnswGraph& graph, const Scorer& scorer, uint32_t level, HnswScratch& scratch,
                   HnswSearchStats* stats);
// Best-first search at one level from scratch.starts; results as for SearchHnsw.
Status WalkHnswLevel(const HnswGraph& graph, const Scorer& scorer, const Bitmap& deleted, uint32_t level,
                     uint32_t ef, HnswScratch& scratch, HnswSearchStats* stats);

}  // namespace omendb

#endif  // OMENDB_INDEX_HNSW_SEARCH_H_
