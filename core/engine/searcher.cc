#include "engine/searcher.h"

#include <algorithm>

#include "distance/metric.h"
#include "engine/answers.h"
#include "engine/rerank.h"
#include "index/f32_scorer.h"
#include "index/flat.h"

namespace omendb {
namespace {

// A k beyond this part of the live rows makes a graph walk visit nearly everything, in a worse order.
constexpr uint64_t kFlatShareOfRows = 10;

Status CheckRequest(const SearchRequest& request) {
  if (request.k < 1) return Status::Error(Code::kInvalidArgument, "expected k of at least 1, found 0");
  if (request.k > kHitsMax) {
    return Status::Error(Code::kLimitExceeded, "expected k of at most ", kHitsMax, ", found ", request.k);
  }
  if (request.ef_search > kEfSearchMax) {
    return Status::Error(Code::kLimitExceeded, "expected ef_search of at most ", kEfSearchMax, ", found ",
                         request.ef_search);
  }
  if (request.query_count < 1 || request.queries == nullptr) {
    return Status::Error(Code::kInvalidArgument, "expected at least 1 query, found 0");
  }
  return CheckInclude(request.include);
}

// A k near ef would leave the last hits without candidates around them, so the default grows with k.
uint32_t EfOf(const SearchRequest& request) {
  if (request.ef_search == 0) return std::max(kEfSearchDefault, 2 * request.k);
  return std::max(request.ef_search, request.k);
}

F32Scorer ScorerOf(const CollectionOptions& options, const RowStore& rows) {
  const VectorStore& vectors = rows.vectors();
  return {vectors.rows(),     vectors.inverse_norms(), options.metric,
          options.dimensions, options.vector_type,     &vectors.places()};
}

}  // namespace

bool Searcher::UsesGraph(const ReadView& view, const SearchRequest& request) {
  if (request.exact || view.collection().index().linked_nodes() == 0) return false;
  if (view.rows() <= kFlatRowsMax) return false;
  return uint64_t{request.k} * kFlatShareOfRows <= view.rows();
}

void Searcher::SearchOverlay(const ReadView& view, const float* query, float inverse_norm) {
  const Overlay* overlay = view.overlay();
  if (overlay == nullptr) return;
  F32Scorer scorer = ScorerOf(view.collection().options(), overlay->rows);
  scorer.SetVector(query, inverse_norm);
  SearchFlat(scorer, overlay->hidden, overlay->numbers.data(), top_);
}

void Searcher::SearchAll(const ReadView& view, const float* query, float inverse_norm) {
  const Collection& collection = view.collection();
  F32Scorer scorer = ScorerOf(collection.options(), collection.rows());
  scorer.SetVector(query, inverse_norm);
  SearchFlat(scorer, view.hidden(), collection.numbers(), top_);
  SearchOverlay(view, query, inverse_norm);
}

Status Searcher::SearchGraph(const ReadView& view, const SearchRequest& request, const float* query,
                             float inverse_norm) {
  Collection& collection = view.collection();
  // The newest state's hidden nodes are the index's own; without any the walk is a quicker one.
  const Bitmap* hidden = view.is_newest() ? nullptr : &view.hidden();
  OMENDB_TRY(collection.index().Search(query, inverse_norm, hidden, EfOf(request), scratch_));
  F32Scorer scorer = ScorerOf(collection.options(), collection.rows());
  scorer.SetVector(query, inverse_norm);
  Rerank(scorer, collection.index().QueryScorer(), scratch_.results.Sorted(), request.k, collection.numbers(),
         top_);
  SearchListed(scorer, collection.pending(), view.hidden(), collection.numbers(), top_);
  SearchOverlay(view, query, inverse_norm);
  if (top_.full()) return Status::Ok();
  // The walk did not reach k live nodes, which a graph cannot rule out. There are k rows, so find them.
  OMENDB_TRY(top_.Reset(std::min(request.k, view.rows())));
  SearchAll(view, query, inverse_norm);
  return Status::Ok();
}

Status Searcher::SearchOne(const ReadView& view, const SearchRequest& request, const float* query) {
  const CollectionOptions& options = view.collection().options();
  float inverse_norm = 1;
  OMENDB_TRY(CheckVector(options.metric, query, options.dimensions, &inverse_norm));
  OMENDB_TRY(top_.Reset(std::max(1U, std::min(request.k, view.rows()))));
  if (UsesGraph(view, request)) return SearchGraph(view, request, query, inverse_norm);
  SearchAll(view, query, inverse_norm);
  return Status::Ok();
}

Status Searcher::Search(const ReadView& view, const SearchRequest& request, Bytes& answer) {
  OMENDB_TRY(CheckRequest(request));
  const CollectionOptions& options = view.collection().options();
  hits_per_query_.Clear();
  rows_.Clear();
  distances_.Clear();
  for (uint32_t i = 0; i < request.query_count; ++i) {
    Status found = SearchOne(view, request, request.queries + size_t{i} * options.dimensions);
    if (!found.ok()) {
      if (request.query_count == 1 || found.code() == Code::kOutOfMemory) return found;
      return Status::Error(found.code(), "query ", i, ": ", found.message());
    }
    std::span<const Neighbor> hits = top_.Sorted();
    OMENDB_TRY(hits_per_query_.Push(static_cast<uint32_t>(hits.size())));
    OMENDB_TRY(rows_.ReserveMore(hits.size()));
    OMENDB_TRY(distances_.ReserveMore(hits.size()));
    for (Neighbor hit : hits) {
      rows_.PushReserved(view.RowOf(hit.ordinal()));
      distances_.PushReserved(ToPublicDistance(options.metric, hit.distance()));
    }
  }
  if (rows_.size() > 0xffffffffU) return OutOfMemory(rows_.size() * sizeof(float));
  answer.Clear();
  OMENDB_TRY(PutNumber(answer, request.query_count));
  OMENDB_TRY(PutNumber(answer, static_cast<uint32_t>(rows_.size())));
  OMENDB_TRY(answer.Append(
      ByteSpan(reinterpret_cast<const uint8_t*>(hits_per_query_.data()), hits_per_query_.size() * 4)));
  OMENDB_TRY(
      answer.Append(ByteSpan(reinterpret_cast<const uint8_t*>(distances_.data()), distances_.size() * 4)));
  return AppendRows(view, rows_.span(), request.include, answer);
}

void Searcher::Trim() {
  constexpr size_t kKeptHits = size_t{1} << 16;
  if (rows_.capacity() > kKeptHits) {
    rows_.Release();
    distances_.Release();
    hits_per_query_.Release();
    top_ = TopK();
  }
  if (scratch_.results.size() > kKeptHits) scratch_ = HnswScratch();
}

}  // namespace omendb
