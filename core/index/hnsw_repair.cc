#include "index/hnsw_repair.h"

#include <algorithm>

namespace omendb {
namespace {

// Doomed nodes looked through for one list, at most, when the first ones lead to few live nodes.
constexpr uint32_t kDoomedExpansionsMax = 256;

struct Links {
  bool changed = false;
  uint32_t count = 0;
  uint32_t nodes[2 * kGraphDegreeMax];
};

bool AnyOf(std::span<const uint32_t> links, const Bitmap& set) {
  return std::any_of(links.begin(), links.end(), [&](uint32_t link) { return set.Test(link); });
}

// Collects into scratch.candidates (ordinals, no distances yet): kept links of `node`, then live nodes
// reached through doomed ones, breadth first. `doomed_queue` is working space.
Status GatherCandidates(const HnswGraph& graph, uint32_t node, uint32_t level, const Bitmap& doomed,
                        const Bitmap& deleted, HnswScratch& scratch, Array<uint32_t>& doomed_queue) {
  const std::span<const uint32_t> links = graph.Links(node, level);
  const uint32_t limit = graph.max_links(level);
  doomed_queue.Clear();
  scratch.candidates.Clear();
  scratch.NextWalk();
  (void)scratch.Visit(node);
  OMENDB_TRY(doomed_queue.Reserve(limit));
  OMENDB_TRY(scratch.candidates.Reserve(limit));
  for (uint32_t link : links) {
    if (!scratch.Visit(link)) continue;
    if (doomed.Test(link)) {
      doomed_queue.PushReserved(link);
    } else {
      scratch.candidates.PushReserved(Neighbor(0, link));
    }
  }
  const size_t direct = doomed_queue.size();
  for (size_t at = 0; at < doomed_queue.size(); ++at) {
    if (at >= direct && (scratch.candidates.size() >= limit || at >= kDoomedExpansionsMax)) break;
    OMENDB_TRY(doomed_queue.ReserveMore(limit));
    OMENDB_TRY(scratch.candidates.ReserveMore(limit));
    for (uint32_t link : graph.Links(doomed_queue[at], level)) {
      if (!scratch.Visit(link)) continue;
      if (doomed.Test(link)) {
        doomed_queue.PushReserved(link);
      } else if (!deleted.Test(link)) {
        scratch.candidates.PushReserved(Neighbor(0, link));
      }
    }
  }
  return Status::Ok();
}

// Gives the gathered candidates their distances from the query and sorts them.
void ScoreCandidates(const Scorer& query, Array<Neighbor>& candidates) {
  constexpr size_t kBlock = 64;
  for (size_t start = 0; start < candidates.size(); start += kBlock) {
    uint32_t ordinals[kBlock];
    float distances[kBlock];
    const size_t count = std::min(kBlock, candidates.size() - start);
    for (size_t i = 0; i < count; ++i) ordinals[i] = candidates[start + i].ordinal();
    query.Distances(ordinals, static_cast<uint32_t>(count), distances);
    for (size_t i = 0; i < count; ++i) candidates[start + i] = Neighbor(distances[i], ordinals[i]);
  }
  std::sort(candidates.begin(), candidates.end());
}

// Adds what a walk from the entry finds to the gathered candidates.
Status WalkForCandidates(const HnswGraph& graph, uint32_t node, uint32_t level, const Bitmap& deleted,
                         const Scorer& query, HnswBuilder& builder, Array<uint32_t>& gathered) {
  HnswScratch& scratch = builder.scratch();
  gathered.Clear();
  for (Neighbor candidate : scratch.candidates) OMENDB_TRY(gathered.Push(candidate.ordinal()));
  OMENDB_TRY(DescendHnsw(graph, query, level, scratch, nullptr));
  OMENDB_TRY(WalkHnswLevel(graph, query, deleted, level, builder.ef_construction(), scratch, nullptr));
  const std::span<const Neighbor> found = scratch.results.unsorted();
  scratch.candidates.Clear();
  OMENDB_TRY(scratch.candidates.Reserve(found.size() + gathered.size()));
  scratch.NextWalk();
  (void)scratch.Visit(node);
  for (Neighbor neighbor : found) {
    if (scratch.Visit(neighbor.ordinal())) scratch.candidates.PushReserved(neighbor);
  }
  for (uint32_t ordinal : gathered) {
    if (scratch.Visit(ordinal)) scratch.candidates.PushReserved(Neighbor(0, ordinal));
  }
  return Status::Ok();
}

// Marks all that can be reached from `from` at level 0. `stack` has room for every node.
void Flood(const HnswGraph& graph, uint32_t from, Bitmap& reached, Array<uint32_t>& stack) {
  reached.Set(from);
  stack.Clear();
  stack.PushReserved(from);
  while (!stack.empty()) {
    const uint32_t node = stack.back();
    stack.Pop();
    for (uint32_t link : graph.Links(node, 0)) {
      if (reached.Test(link)) continue;
      reached.Set(link);
      stack.PushReserved(link);
    }
  }
}

void LinkBackWhereThereIsRoom(HnswGraph& graph, uint32_t node, uint32_t level,
                              std::span<const uint32_t> links) {
  for (uint32_t link : links) {
    const std::span<const uint32_t> theirs = graph.Links(link, level);
    if (std::find(theirs.begin(), theirs.end(), node) == theirs.end()) {
      (void)graph.AppendLink(link, level, node);
    }
  }
}

}  // namespace

Status RepairNode(HnswGraph& graph, uint32_t node, const Bitmap& doomed, const Bitmap& deleted, Scorer& query,
                  HnswBuilder& builder) {
  if (doomed.Test(node)) return Status::Ok();
  HnswScratch& scratch = builder.scratch();
  Links plan[kLevelMax + 1];
  Array<uint32_t> queue;
  const uint32_t top = graph.LevelOf(node);
  bool prepared = false;
  for (uint32_t level = 0; level <= top; ++level) {
    if (!AnyOf(graph.Links(node, level), doomed)) continue;
    if (!prepared) {
      OMENDB_TRY(builder.Reserve());
      OMENDB_TRY(scratch.Prepare(graph, builder.ef_construction()));
      query.SetRow(node);
      prepared = true;
    }
    OMENDB_TRY(GatherCandidates(graph, node, level, doomed, deleted, scratch, queue));
    if (scratch.candidates.size() < graph.degree() && graph.entry_level() >= level) {
      OMENDB_TRY(WalkForCandidates(graph, node, level, deleted, query, builder, queue));
    }
    ScoreCandidates(query, scratch.candidates);
    plan[level].changed = true;
    plan[level].count =
        builder.SelectNeighbors(scratch.candidates.span(), graph.max_links(level), plan[level].nodes);
  }
  // From here nothing can fail.
  for (uint32_t level = 0; level <= top; ++level) {
    if (!plan[level].changed) continue;
    const std::span<const uint32_t> links(plan[level].nodes, plan[level].count);
    graph.SetLinks(node, level, links);
    LinkBackWhereThereIsRoom(graph, node, level, links);
  }
  return Status::Ok();
}

Status LinkUnreached(HnswGraph& graph, const Bitmap& deleted, Scorer& query, HnswBuilder& builder) {
  if (graph.entry() == kNoNode) return Status::Ok();
  HnswScratch& scratch = builder.scratch();
  Bitmap reached;
  Array<uint32_t> stack;
  OMENDB_TRY(reached.Resize(graph.size()));
  OMENDB_TRY(stack.Reserve(graph.size()));
  OMENDB_TRY(builder.Reserve());
  Flood(graph, graph.entry(), reached, stack);
  for (uint32_t node = 0; node < graph.size(); ++node) {
    if (reached.Test(node) || deleted.Test(node)) continue;
    OMENDB_TRY(scratch.Prepare(graph, builder.ef_construction()));
    query.SetRow(node);
    OMENDB_TRY(DescendHnsw(graph, query, 0, scratch, nullptr));
    OMENDB_TRY(WalkHnswLevel(graph, query, deleted, 0, builder.ef_construction(), scratch, nullptr));
    // What comes down from the upper levels may lie in an island itself.
    scratch.candidates.Clear();
    OMENDB_TRY(scratch.candidates.Reserve(scratch.results.size() + 1));
    for (Neighbor found : scratch.results.Sorted()) {
      if (reached.Test(found.ordinal())) scratch.candidates.PushReserved(found);
    }
    if (scratch.candidates.empty()) {
      const uint32_t entry = graph.entry();
      scratch.candidates.PushReserved(Neighbor(query.Distance(entry), entry));
    }
    builder.LinkFrom(scratch.candidates.span(), node);
    Flood(graph, node, reached, stack);
  }
  return Status::Ok();
}

void MoveEntryOff(HnswGraph& graph, const Bitmap& doomed) {
  uint32_t best = kNoNode;
  uint64_t best_rank = 0;
  for (uint32_t node = 0; node < graph.size(); ++node) {
    if (doomed.Test(node)) continue;
    const uint64_t linked = graph.Links(node, 0).empty() ? 0 : 1;
    // Greater is better; a node without links is the last resort, whatever its level.
    const uint64_t rank = 1 + graph.LevelOf(node) + linked * (kLevelMax + 1);
    if (rank > best_rank) {
      best = node;
      best_rank = rank;
    }
  }
  if (best != kNoNode) graph.SetEntry(best);
}

}  // namespace omendb
