// Searcher: plans and runs searches, and writes their answer.
//
// Plan. Every row is compared (flat) when that is asked for, when there are few live rows, or when k is a
// large part of them. Otherwise the graph gives candidates for the rows it covers, which are then compared
// again exactly, and the rest is flat; one top-k takes both. It holds rows by number, so that of equal ones
// the older comes first, wherever it lies.
//
// Where vectors are in storage, what a search compares exactly is brought first: it says kVectorsWanted and
// is called again. Comparing every row goes block by block then, and goes on where it was (a *scan*). Not
// thread safe; one searcher serves all collections.
#ifndef OMENDB_ENGINE_SEARCHER_H_
#define OMENDB_ENGINE_SEARCHER_H_

#include "engine/collection_view.h"
#include "index/hnsw_search.h"

namespace omendb {

class Searcher {
 public:
  // Replaces `answer`. Every check of engine.h's Search but for the collection itself. kVectorsWanted: to be
  // called again; `again`: it is, and nothing has changed meanwhile.
  Status Search(const ReadView& view, const SearchRequest& request, bool again, Bytes& answer);

  // Shared with graph building: both never run at once.
  [[nodiscard]] HnswScratch& scratch() { return scratch_; }
  // Gives back what an unusually large search left behind.
  void Trim();

 private:
  // Of a request whose every row is compared while some are in storage.
  struct Scan {
    CollectionId collection = 0;  // 0: none is under way
    ViewId view = 0;
    uint32_t k = 0;
    uint32_t queries_checksum = 0;
    uint32_t shown = 0;  // rows below the overlay; a transaction hides some, and writes others
    uint32_t overlay_rows = 0;
    uint32_t next_slot = 0;
    Array<TopK> tops;            // by query
    Array<float> inverse_norms;  // the same
    Array<uint32_t> block;       // slots
  };

  [[nodiscard]] static bool UsesGraph(const ReadView& view, const SearchRequest& request);
  // The hits of all queries, from the vectors in memory or by the graph. False when it takes a scan.
  Result<bool> SearchEach(const ReadView& view, const SearchRequest& request);
  Status SearchByScan(const ReadView& view, const SearchRequest& request, bool again);
  Status StartScan(const ReadView& view, const SearchRequest& request, uint32_t queries_checksum);
  Status ScanOn(const ReadView& view, const SearchRequest& request);
  // Adds the hits of one query to the answer.
  Status TakeHits(const ReadView& view, TopK& top);
  // The k nearest in top_. False as in SearchEach.
  Result<bool> SearchOne(const ReadView& view, const SearchRequest& request, const float* query);
  Result<bool> SearchGraph(const ReadView& view, const SearchRequest& request, const float* query,
                           float inverse_norm);
  // Every row of the view.
  void SearchAll(const ReadView& view, const float* query, float inverse_norm);
  // What the transaction wrote itself.
  static void SearchOverlay(const ReadView& view, const float* query, float inverse_norm, TopK& top);

  HnswScratch scratch_;
  TopK top_;
  Array<uint32_t> hits_per_query_;
  Array<RowRef> rows_;
  Array<float> distances_;
  Scan scan_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_SEARCHER_H_
