// Adding nodes to an HnswGraph: Algorithms 1 and 4 of arXiv:1603.09320 (the neighbor heuristic).
//
// One call adds one node, so a caller slices a build as it likes. Deleted nodes are never chosen as
// neighbors. On OUT_OF_MEMORY the graph is unchanged.
// Equal rows would fill each other's lists and leave no way out of them. So a row that equals another
// one, its twin, takes no part in the selection: it gets a copy of the twin's links and stands behind it
// in a chain, on level 0. A new node that no neighbor would keep is put on the way from its nearest
// neighbor to that one's farthest, so that it can be reached.
#ifndef OMENDB_INDEX_HNSW_BUILD_H_
#define OMENDB_INDEX_HNSW_BUILD_H_

#include "index/hnsw_search.h"
#include "omendb/limits.h"

namespace omendb {

class HnswBuilder {
 public:
  // `query` and `pair` are two scorers over the same rows; the builder sets their queries.
  // All four outlive the builder.
  HnswBuilder(HnswGraph& graph, Scorer& query, Scorer& pair, HnswScratch& scratch, uint32_t ef_construction);

  // Adds `node`, whose row must be there: graph.size(), or one that was cleared, which keeps its level.
  // `deleted` covers graph.size() bits; nothing will link to its nodes.
  Status Add(uint32_t node, const Bitmap& deleted);

  // The neighbor heuristic: of `candidates` (nearest first, distances from one point) keeps those
  // nearer to the point than to any kept one, at most `limit`. Writes to `kept`, returns how many.
  // REQUIRES: Reserve.
  uint32_t SelectNeighbors(std::span<const Neighbor> candidates, uint32_t limit, uint32_t* kept);

  // What SelectNeighbors needs; Add does it by itself.
  Status Reserve();

  // Gives `node`, which nothing reachable links to, a link at level 0 from a reachable one of `near`
  // (nearest first, not empty): the nearest with room, else in place of a link that another path makes up
  // for.
  void LinkFrom(std::span<const Neighbor> near, uint32_t node);

  [[nodiscard]] HnswScratch& scratch() { return scratch_; }
  [[nodiscard]] uint32_t ef_construction() const { return ef_construction_; }

 private:
  struct Links {
    uint32_t count = 0;
    uint32_t nodes[kGraphDegreeMax];
  };
  struct Plan {
    uint32_t twin = kNoNode;
    Links levels[kLevelMax + 1];
  };

  static void FillLinks(std::span<const Neighbor> candidates, uint32_t least, Links& links);
  Status PlanLinks(uint32_t node, uint32_t top, const Bitmap& deleted, Plan& plan);
  [[nodiscard]] uint32_t FindTwin(uint32_t node, std::span<const Neighbor> found) const;
  void ChainBehind(uint32_t twin, uint32_t node, const Bitmap& deleted);
  bool LinkBack(uint32_t neighbor, uint32_t level, uint32_t node);
  void Splice(uint32_t neighbor, uint32_t node);
  [[nodiscard]] bool HasDetour(uint32_t from, uint32_t to) const;
  [[nodiscard]] bool HasMutualLink(uint32_t node, uint32_t level, uint32_t except) const;

  HnswGraph& graph_;
  Scorer& query_;
  Scorer& pair_;
  HnswScratch& scratch_;
  uint32_t ef_construction_;
};

}  // namespace omendb

#endif  // OMENDB_INDEX_HNSW_BUILD_H_
