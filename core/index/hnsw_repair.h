// Taking deleted nodes out of an HnswGraph without rebuilding it, after the consolidation of
// FreshDiskANN (Singh et al. 2021, arXiv:2105.09613): every kept node that links to a doomed one gets
// its list chosen anew, by the neighbor heuristic, from its kept links and the live nodes that its
// doomed ones lead to; where a whole neighborhood is doomed, a walk from the entry finds others.
// When all are done no kept node links to a doomed one, and those may be cleared and used again.
//
// Resumable: one call repairs one node. Nodes may be added between calls (new nodes never link to
// tombstones).
#ifndef OMENDB_INDEX_HNSW_REPAIR_H_
#define OMENDB_INDEX_HNSW_REPAIR_H_

#include "index/hnsw_build.h"

namespace omendb {

// Repairs node `node` at all its levels; nothing for a doomed one. `doomed` is part of `deleted`; both
// cover graph.size() bits, `query` is over the builder's rows. OUT_OF_MEMORY leaves the graph unchanged.
Status RepairNode(HnswGraph& graph, uint32_t node, const Bitmap& doomed, const Bitmap& deleted, Scorer& query,
                  HnswBuilder& builder);

// After the last RepairNode: links every live node that no path at level 0 leads to (a cluster that was
// reached only through doomed ones, say) from the nearest one that can be reached. One pass over the
// graph, and one search per node or island out of reach. On OUT_OF_MEMORY some may be linked, none less than
// before; call it again.
Status LinkUnreached(HnswGraph& graph, const Bitmap& deleted, Scorer& query, HnswBuilder& builder);

// Moves the entry point to the highest kept node, the first that has links if any has. Until the doomed
// are removed some of them may stand higher. Call before the first RepairNode.
void MoveEntryOff(HnswGraph& graph, const Bitmap& doomed);

}  // namespace omendb

#endif  // OMENDB_INDEX_HNSW_REPAIR_H_
