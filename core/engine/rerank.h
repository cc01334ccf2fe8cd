// Rerank: candidates found by approximate distances are compared again on the vectors themselves, as many as
// need be.
#ifndef OMENDB_ENGINE_RERANK_H_
#define OMENDB_ENGINE_RERANK_H_

#include <span>

#include "base/top_k.h"
#include "engine/vector_store.h"
#include "index/scorer.h"

namespace omendb {

// Offers candidates to `top`, whose k hits it has room for: at least k + max(k, 16) of them, nearest first,
// then as long as the next one could be among the k nearest if its distance were off by the bound that its
// codes have (Scorer::ErrorBound), or, without one, by twice the worst that was seen for this query.
// `vectors`: what `exact` compares, of which some may be in storage: then they are wanted, and the status is
// kVectorsWanted; null: all are in memory.
// `candidates`: nearest first, by `walked`, whose query is set; `exact` has the same query. `numbers`, by
// ordinal, is what the hits are offered as; null: as their ordinals.
Status Rerank(const Scorer& exact, Scorer& walked, std::span<const Neighbor> candidates, uint32_t k,
              const uint32_t* numbers, VectorStore* vectors, TopK& top);

}  // namespace omendb

#endif  // OMENDB_ENGINE_RERANK_H_
