// HnswGraph: the links of a hierarchical navigable small world graph (Malkov & Yashunin 2016,
// arXiv:1603.09320), by ordinal. Data only; hnsw_build.h adds nodes, hnsw_search.h walks them,
// hnsw_repair.h takes deleted ones out.
//
// Nodes are numbered [0, size) and added in that order; a node that was taken out may be used again. Level 0
// keeps up to 2M links per node at a fixed stride (count, then ordinals); the few nodes with higher levels
// keep up to M links per level in a second store. The level drawn for a node follows from (seed, ordinal)
// alone, so the same inserts give the same graph however they were sliced. Invariants: links at a level point
// to nodes < size that have that level, never to the node itself, never twice to the same one; entry_level is
// the entry's level. Deserialize checks all of them. The order of links within a list means nothing.
#ifndef OMENDB_INDEX_HNSW_GRAPH_H_
#define OMENDB_INDEX_HNSW_GRAPH_H_

#include <cstdint>
#include <span>
#include <utility>

#include "base/bitmap.h"
#include "base/chunked_rows.h"
#include "base/coding.h"

namespace omendb {

inline constexpr uint32_t kNoNode = 0xffffffffU;
inline constexpr uint32_t kLevelMax = 15;

class HnswGraph {
 public:
  HnswGraph(uint32_t degree, uint64_t seed);
  HnswGraph(HnswGraph&&) = default;
  HnswGraph& operator=(HnswGraph&&) = default;

  [[nodiscard]] uint32_t degree() const { return degree_; }  // M
  [[nodiscard]] uint32_t max_links(uint32_t level) const { return level == 0 ? 2 * degree_ : degree_; }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t entry() const { return entry_; }  // kNoNode when empty
  [[nodiscard]] uint32_t entry_level() const { return entry_level_; }
  [[nodiscard]] uint32_t LevelOf(uint32_t node) const { return levels_[node]; }  // stored level
  // The level a new node of this ordinal gets: P(level >= l) = M^-l, at most kLevelMax.
  [[nodiscard]] uint32_t DrawLevel(uint32_t node) const;
  // REQUIRES: level <= LevelOf(node). Valid until the list changes.
  [[nodiscard]] std::span<const uint32_t> Links(uint32_t node, uint32_t level) const {
    const uint32_t* list = List(node, level);
    return {list + 1, list[0]};
  }
  [[nodiscard]] size_t memory_bytes() const;

  // Room for `nodes` nodes in all (upper levels grow on demand in AddNode).
  Status Reserve(uint64_t nodes);
  // Appends node size() without links. On failure nothing changed.
  Status AddNode(uint32_t level);
  // Forgets the links of a node at all its levels; it keeps its place and its level.
  void ClearNode(uint32_t node);
  // REQUIRES: links.size() <= max_links(level).
  void SetLinks(uint32_t node, uint32_t level, std::span<const uint32_t> links);
  // False when the list is full.
  [[nodiscard]] bool AppendLink(uint32_t node, uint32_t level, uint32_t link);
  void SetEntry(uint32_t node);
  // Nothing can be reached any more, until SetEntry.
  void ClearEntry() {
    entry_ = kNoNode;
    entry_level_ = 0;
  }

  // Drops the nodes of `doomed` (size() bits or more) and renumbers the rest in order. REQUIRES: no kept
  // node links to a doomed one, and the entry is kept. new number = old - doomed ones before it.
  // On OUT_OF_MEMORY nothing changed.
  Status RemoveAndRenumber(const Bitmap& doomed);

  // The format is in docs/file-format.md, "Graph". Appends to `out`.
  Status Serialize(Bytes& out) const;
  // The same in pieces: one node or more from *next on, until `out` holds `target` bytes, or all are there
  // (*next is then size()). Begin with 0, and let the graph alone in between. On OUT_OF_MEMORY nothing
  // changed.
  Status SerializeSome(uint32_t* next, size_t target, Bytes& out) const;
  // CORRUPTION when any invariant above does not hold, or the degree differs; the graph is then empty.
  Status Deserialize(Reader& in, uint32_t degree, uint64_t seed);

 private:
  [[nodiscard]] const uint32_t* List(uint32_t node, uint32_t level) const {
    const uint8_t* row = level == 0 ? base_links_.row(node) : upper_links_.row(upper_slot_[node] + level - 1);
    return reinterpret_cast<const uint32_t*>(row);
  }
  [[nodiscard]] uint32_t* List(uint32_t node, uint32_t level) {
    return const_cast<uint32_t*>(std::as_const(*this).List(node, level));
  }
  Status SerializeHeader(Bytes& out) const;
  Status SerializeNode(uint32_t node, Bytes& out) const;
  Status ReadNodes(Reader& in, ByteSpan levels);
  Status ReadList(Reader& in, uint32_t node, uint32_t level, uint32_t link_bytes);

  uint32_t degree_;
  uint64_t seed_;
  uint32_t size_ = 0;
  uint32_t entry_ = kNoNode;
  uint32_t entry_level_ = 0;
  ChunkedRows base_links_;      // per node: u32 count, u32 links[2M]
  Array<uint8_t> levels_;       // per node
  Array<uint32_t> upper_slot_;  // per node: its first row in upper_links_, or what the next node's will be
  ChunkedRows upper_links_;     // per (node, level >= 1): u32 count, u32 links[M]
};

}  // namespace omendb

#endif  // OMENDB_INDEX_HNSW_GRAPH_H_
