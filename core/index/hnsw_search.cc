#include "index/hnsw_search.h"

#include <algorithm>
#include <cstring>

namespace omendb {
namespace {

// Min-heap order for std's max-heaps.
struct Farther {
  bool operator()(Neighbor a, Neighbor b) const { return b < a; }
};

// Fills scratch.batch with the links of `node` not seen before and scores them. One call per expansion:
// the hot loops stand in functions that are called often, never in one that runs long.
uint32_t Expand(const HnswGraph& graph, const Scorer& scorer, uint32_t node, uint32_t level,
                HnswScratch& scratch, HnswSearchStats* stats) {
  uint32_t* batch = scratch.batch.data();
  uint32_t count = 0;
  for (uint32_t link : graph.Links(node, level)) {
    batch[count] = link;
    count += scratch.Visit(link) ? 1U : 0U;
  }
  scorer.Distances(batch, count, scratch.batch_distances.data());
  if (stats != nullptr) {
    ++stats->hops;
    stats->distances += count;
  }
  return count;
}

// Expands the nearest candidate of the pool; false when there is none.
bool ExpandNearest(const HnswGraph& graph, const Scorer& scorer, uint32_t level, HnswScratch& scratch,
                   HnswSearchStats* stats) {
  uint32_t node = 0;
  if (!scratch.pool.Take(&node)) return false;
  const uint32_t count = Expand(graph, scorer, node, level, scratch, stats);
  scratch.pool.Offer(scratch.batch.data(), scratch.batch_distances.data(), count);
  return true;
}

Status WalkWithPool(const HnswGraph& graph, const Scorer& scorer, uint32_t level, uint32_t ef,
                    HnswScratch& scratch, HnswSearchStats* stats) {
  NearestPool& pool = scratch.pool;
  OMENDB_TRY(pool.Reset(ef));
  OMENDB_TRY(scratch.candidates.Resize(ef));
  for (Neighbor start : scratch.starts) pool.Offer(start);
  while (ExpandNearest(graph, scorer, level, scratch, stats)) {
  }
  pool.CopyTo(scratch.candidates.data());
  scratch.results.AssignSorted({scratch.candidates.data(), pool.size()});
  return Status::Ok();
}

Status PushBatch(HnswScratch& scratch, uint32_t count, const Bitmap& deleted) {
  Array<Neighbor>& candidates = scratch.candidates;
  TopK& results = scratch.results;
  OMENDB_TRY(candidates.ReserveMore(count));
  for (uint32_t i = 0; i < count; ++i) {
    const Neighbor neighbor(scratch.batch_distances[i], scratch.batch[i]);
    if (results.full() && !(neighbor < results.worst())) continue;
    candidates.PushReserved(neighbor);
    std::push_heap(candidates.begin(), candidates.end(), Farther());
    if (!deleted.Test(neighbor.ordinal())) results.Offer(neighbor);
  }
  return Status::Ok();
}

Status WalkWithHeaps(const HnswGraph& graph, const Scorer& scorer, const Bitmap& deleted, uint32_t level,
                     HnswScratch& scratch, HnswSearchStats* stats) {
  Array<Neighbor>& candidates = scratch.candidates;
  TopK& results = scratch.results;
  candidates.Clear();
  OMENDB_TRY(candidates.Append(scratch.starts.span()));
  std::make_heap(candidates.begin(), candidates.end(), Farther());
  for (Neighbor start : scratch.starts) {
    if (!deleted.Test(start.ordinal())) results.Offer(start);
  }
  while (!candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end(), Farther());
    const Neighbor nearest = candidates.back();
    candidates.Pop();
    if (results.full() && results.worst() < nearest) break;
    const uint32_t count = Expand(graph, scorer, nearest.ordinal(), level, scratch, stats);
    OMENDB_TRY(PushBatch(scratch, count, deleted));
  }
  return Status::Ok();
}

}  // namespace

Status HnswScratch::Prepare(const HnswGraph& graph, uint32_t ef) {
  OMENDB_TRY(visited_.Resize(graph.size()));
  OMENDB_TRY(batch.Resize(graph.max_links(0)));
  OMENDB_TRY(batch_distances.Resize(graph.max_links(0)));
  OMENDB_TRY(results.Reset(ef));
  NextWalk();
  return Status::Ok();
}

size_t HnswScratch::memory_bytes() const {
  return visited_.capacity() * sizeof(uint16_t) + candidates.capacity() * sizeof(Neighbor) +
         starts.capacity() * sizeof(Neighbor) + pool.memory_bytes() + results.memory_bytes() +
         batch.capacity() * sizeof(uint32_t) + batch_distances.capacity() * sizeof(float);
}

void HnswScratch::NextWalk() {
  if (++epoch_ != 0) return;
  // Every mark of the last 65,535 walks would look new again.
  if (!visited_.empty()) std::memset(visited_.data(), 0, visited_.size() * sizeof(uint16_t));
  epoch_ = 1;
}

Status DescendHnsw(const HnswGraph& graph, const Scorer& scorer, uint32_t level, HnswScratch& scratch,
                   HnswSearchStats* stats) {
  NearestPool& pool = scratch.pool;
  OMENDB_TRY(pool.Reset(kDescentEf));
  pool.Offer(Neighbor(scorer.Distance(graph.entry()), graph.entry()));
  for (uint32_t above = graph.entry_level(); above > level; --above) {
    scratch.NextWalk();
    pool.StartAgain();
    for (uint32_t i = 0; i < pool.size(); ++i) (void)scratch.Visit(pool[i].ordinal());
    while (ExpandNearest(graph, scorer, above, scratch, stats)) {
    }
  }
  OMENDB_TRY(scratch.starts.Resize(pool.size()));
  pool.CopyTo(scratch.starts.data());
  return Status::Ok();
}

Status WalkHnswLevel(const HnswGraph& graph, const Scorer& scorer, const Bitmap& deleted, uint32_t level,
                     uint32_t ef, HnswScratch& scratch, HnswSearchStats* stats) {
  OMENDB_TRY(scratch.results.Reset(ef));
  scratch.NextWalk();
  for (Neighbor start : scratch.starts) (void)scratch.Visit(start.ordinal());
  if (!deleted.any() && ef <= kPoolEfMax) return WalkWithPool(graph, scorer, level, ef, scratch, stats);
  return WalkWithHeaps(graph, scorer, deleted, level, scratch, stats);
}

Status SearchHnsw(const HnswGraph& graph, const Scorer& scorer, const Bitmap& deleted, uint32_t ef,
                  HnswScratch& scratch, HnswSearchStats* stats) {
  OMENDB_TRY(scratch.Prepare(graph, ef));
  if (graph.entry() == kNoNode) return Status::Ok();
  OMENDB_TRY(DescendHnsw(graph, scorer, 0, scratch, stats));
  return WalkHnswLevel(graph, scorer, deleted, 0, ef, scratch, stats);
}

}  // namespace omendb
