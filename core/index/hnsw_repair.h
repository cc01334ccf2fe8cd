// Taking deleted nodes out of an HnswGraph without rebuilding it, after the consolidation of
// FreshDiskANN (Singh et al. 2021, arXiv:2105.09613): every kept node that links to a doomed one gets
// its list chosen anew, by the neighbor heuristic, from its kept links and the kept links of its
// doomed ones. When all are done no kept node reaches a doomed one and RemoveAndRenumber may follow.
//
// Resumable: one call repairs one node. Nodes may be added between calls (new nodes never link to
// tombstones).
#ifndef OMENDB_INDEX_HNSW_REPAIR_H_
#define OMENDB_INDEX_HNSW_REPAIR_H_

#include "index/hnsw_build.h"

namespace omendb {

// Repairs node `node` at all its levels; nothing for a doomed one. OUT_OF_MEMORY leaves it unchanged.
Status RepairNode(HnswGraph& graph, uint32_t node, const Bitmap& doomed, const Bitmap& deleted,
                  Scorer& query, HnswBuilder& builder);

// Moves the entry point to the highest kept node. Call before the first RepairNode.
void MoveEntryOff(HnswGraph& graph, const Bitmap& doomed);

}  // namespace omendb

#endif  // OMENDB_INDEX_HNSW_REPAIR_H_
