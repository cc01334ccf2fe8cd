// Searcher: plans and runs searches, and writes their answer.
//
// Plan. Every row is compared (flat) when that is asked for, when there are few live rows, or when k is a
// large part of them. Otherwise the graph gives candidates for the rows it covers, which are then compared
// again exactly, and the rest is flat; one top-k takes both. It holds rows by number, so that of equal ones
// the older comes first, wherever it lies.
// Not thread safe; one searcher serves all collections.
#ifndef OMENDB_ENGINE_SEARCHER_H_
#define OMENDB_ENGINE_SEARCHER_H_

#include "engine/collection_view.h"
#include "index/hnsw_search.h"

namespace omendb {

class Searcher {
 public:
  // Replaces `answer`. Every check of engine.h's Search but for the collection itself.
  Status Search(const ReadView& view, const SearchRequest& request, Bytes& answer);

  // Shared with graph building: both never run at once.
  [[nodiscard]] HnswScratch& scratch() { return scratch_; }
  // Gives back what an unusually large search left behind.
  void Trim();

 private:
  [[nodiscard]] static bool UsesGraph(const ReadView& view, const SearchRequest& request);
  // The k nearest in top_.
  Status SearchOne(const ReadView& view, const SearchRequest& request, const float* query);
  Status SearchGraph(const ReadView& view, const SearchRequest& request, const float* query,
                     float inverse_norm);
  // Every row of the view.
  void SearchAll(const ReadView& view, const float* query, float inverse_norm);
  // What the transaction wrote itself.
  void SearchOverlay(const ReadView& view, const float* query, float inverse_norm);

  HnswScratch scratch_;
  TopK top_;
  Array<uint32_t> hits_per_query_;
  Array<RowRef> rows_;
  Array<float> distances_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_SEARCHER_H_
