#include "index/hnsw_build.h"

#include <algorithm>

namespace omendb {

HnswBuilder::HnswBuilder(HnswGraph& graph, Scorer& query, Scorer& pair, HnswScratch& scratch,
                         uint32_t ef_construction)
    : graph_(graph), query_(query), pair_(pair), scratch_(scratch), ef_construction_(ef_construction) {}

Status HnswBuilder::Reserve() { return pair_.ReserveKept(graph_.max_links(0)); }

Status HnswBuilder::AddNext(const Bitmap& deleted) {
  const uint32_t node = graph_.size();
  if (deleted.Test(node)) {
    // On level 0, so that it can never become the entry of a graph that has live nodes.
    OMENDB_TRY(graph_.AddNode(0));
    if (graph_.entry() == kNoNode) graph_.SetEntry(node);
    return Status::Ok();
  }
  uint32_t level = graph_.DrawLevel(node);
  const uint32_t top = std::min(level, graph_.entry_level());
  Links plan[kLevelMax + 1];
  if (graph_.entry() != kNoNode) OMENDB_TRY(PlanLinks(node, top, deleted, plan));
  // Nothing alive before it: the old entry leads nowhere, and a walk has to start on the highest level.
  const bool first = plan[0].count == 0;
  if (first) level = std::max(level, graph_.entry_level());
  OMENDB_TRY(graph_.AddNode(level));
  // From here nothing can fail.
  if (!first) {
    for (uint32_t l = 0; l <= top; ++l) {
      graph_.SetLinks(node, l, {plan[l].nodes, plan[l].count});
    }
    bool linked = false;
    for (uint32_t l = 0; l <= top; ++l) {
      for (uint32_t i = 0; i < plan[l].count; ++i) {
        const bool kept = LinkBack(plan[l].nodes[i], l, node);
        linked = linked || (kept && l == 0);
      }
    }
    if (!linked) Splice(plan[0].nodes[0], node);
  }
  if (first || level > graph_.entry_level()) graph_.SetEntry(node);
  return Status::Ok();
}

// The links of `node` at levels 0..top. Changes nothing but scratch.
Status HnswBuilder::PlanLinks(uint32_t node, uint32_t top, const Bitmap& deleted, Links* plan) {
  OMENDB_TRY(Reserve());
  OMENDB_TRY(scratch_.Prepare(graph_, ef_construction_));
  query_.SetRow(node);
  Neighbor start = DescendHnsw(graph_, query_, top, scratch_, nullptr);
  for (uint32_t level = top;; --level) {
    OMENDB_TRY(WalkHnswLevel(graph_, query_, deleted, level, start, ef_construction_, scratch_, nullptr));
    const std::span<const Neighbor> found = scratch_.results.Sorted();
    plan[level].count = SelectNeighbors(found, graph_.degree(), plan[level].nodes);
    if (level == 0) return Status::Ok();
    if (!found.empty()) start = std::min(start, found[0]);
  }
}

uint32_t HnswBuilder::SelectNeighbors(std::span<const Neighbor> candidates, uint32_t limit, uint32_t* kept) {
  uint32_t count = 0;
  for (Neighbor candidate : candidates) {
    if (count == limit) break;
    if (pair_.AnyKeptNearer(count, candidate.ordinal(), candidate.distance())) continue;
    pair_.SetKept(count, candidate.ordinal());
    kept[count++] = candidate.ordinal();
  }
  return count;
}

// Adds the link neighbor -> node; a full list is chosen anew. False when `node` was not kept.
bool HnswBuilder::LinkBack(uint32_t neighbor, uint32_t level, uint32_t node) {
  if (graph_.AppendLink(neighbor, level, node)) return true;
  const std::span<const uint32_t> links = graph_.Links(neighbor, level);
  uint32_t ordinals[2 * kGraphDegreeMax + 1];
  float distances[2 * kGraphDegreeMax + 1];
  Neighbor candidates[2 * kGraphDegreeMax + 1];
  const uint32_t count = static_cast<uint32_t>(links.size()) + 1;
  std::copy(links.begin(), links.end(), ordinals);
  ordinals[count - 1] = node;
  pair_.SetRow(neighbor);
  pair_.Distances(ordinals, count, distances);
  for (uint32_t i = 0; i < count; ++i) candidates[i] = Neighbor(distances[i], ordinals[i]);
  std::sort(candidates, candidates + count);
  const uint32_t kept = SelectNeighbors({candidates, count}, graph_.max_links(level), ordinals);
  graph_.SetLinks(neighbor, level, {ordinals, kept});
  return std::find(ordinals, ordinals + kept, node) != ordinals + kept;
}

// neighbor -> x becomes neighbor -> node -> x, x being the last chosen, so the farthest.
void HnswBuilder::Splice(uint32_t neighbor, uint32_t node) {
  if (graph_.AppendLink(neighbor, 0, node)) return;
  const std::span<const uint32_t> links = graph_.Links(neighbor, 0);
  uint32_t changed[2 * kGraphDegreeMax];
  std::copy(links.begin(), links.end(), changed);
  const uint32_t displaced = std::exchange(changed[links.size() - 1], node);
  graph_.SetLinks(neighbor, 0, {changed, links.size()});
  const std::span<const uint32_t> own = graph_.Links(node, 0);
  // A new node has at most M of its 2M links, so there is room.
  if (std::find(own.begin(), own.end(), displaced) == own.end()) (void)graph_.AppendLink(node, 0, displaced);
}

}  // namespace omendb
