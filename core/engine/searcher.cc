#include "engine/searcher.h"

#include <algorithm>

#include "base/crc32c.h"
#include "distance/metric.h"
#include "engine/answers.h"
#include "engine/rerank.h"
#include "index/f32_scorer.h"
#include "index/flat.h"

namespace omendb {
namespace {

// A k beyond this part of the live rows makes a graph walk visit nearly everything, in a worse order.
constexpr uint64_t kFlatShareOfRows = 10;
// Vectors that a scan asks for at a time, in bytes.
constexpr size_t kScanBytes = size_t{1} << 20;

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

uint32_t ShownRows(const ReadView& view) { return view.hidden().size() - view.hidden().set_count(); }

uint32_t OverlayRows(const ReadView& view) {
  return view.overlay() == nullptr ? 0 : view.overlay()->hidden.size() + view.overlay()->hidden.set_count();
}

}  // namespace

bool Searcher::UsesGraph(const ReadView& view, const SearchRequest& request) {
  if (request.exact || view.collection().index().linked_nodes() == 0) return false;
  if (view.rows() <= kFlatRowsMax) return false;
  return uint64_t{request.k} * kFlatShareOfRows <= view.rows();
}

void Searcher::SearchOverlay(const ReadView& view, const float* query, float inverse_norm, TopK& top) {
  const Overlay* overlay = view.overlay();
  if (overlay == nullptr) return;
  F32Scorer scorer = ScorerOf(view.collection().options(), overlay->rows);
  scorer.SetVector(query, inverse_norm);
  SearchFlat(scorer, overlay->hidden, overlay->numbers.data(), top);
}

void Searcher::SearchAll(const ReadView& view, const float* query, float inverse_norm) {
  const Collection& collection = view.collection();
  F32Scorer scorer = ScorerOf(collection.options(), collection.rows());
  scorer.SetVector(query, inverse_norm);
  SearchFlat(scorer, view.hidden(), collection.numbers(), top_);
  SearchOverlay(view, query, inverse_norm, top_);
}

Result<bool> Searcher::SearchGraph(const ReadView& view, const SearchRequest& request, const float* query,
                                   float inverse_norm) {
  Collection& collection = view.collection();
  // The newest state's hidden nodes are the index's own; without any the walk is a quicker one.
  const Bitmap* hidden = view.is_newest() ? nullptr : &view.hidden();
  OMENDB_TRY(collection.index().Search(query, inverse_norm, hidden, EfOf(request), scratch_));
  F32Scorer scorer = ScorerOf(collection.options(), collection.rows());
  scorer.SetVector(query, inverse_norm);
  OMENDB_TRY(Rerank(scorer, collection.index().QueryScorer(), scratch_.results.Sorted(), request.k,
                    collection.numbers(), &collection.vectors(), top_));
  SearchListed(scorer, collection.pending(), view.hidden(), collection.numbers(), top_);
  SearchOverlay(view, query, inverse_norm, top_);
  if (top_.full()) return true;
  // The walk did not reach k live nodes, which a graph cannot rule out. There are k rows, so find them.
  if (collection.vectors().away() > 0) return false;
  OMENDB_TRY(top_.Reset(std::min(request.k, view.rows())));
  SearchAll(view, query, inverse_norm);
  return true;
}

Result<bool> Searcher::SearchOne(const ReadView& view, const SearchRequest& request, const float* query) {
  const CollectionOptions& options = view.collection().options();
  float inverse_norm = 1;
  OMENDB_TRY(CheckVector(options.metric, query, options.dimensions, &inverse_norm));
  OMENDB_TRY(top_.Reset(std::max(1U, std::min(request.k, view.rows()))));
  if (UsesGraph(view, request)) return SearchGraph(view, request, query, inverse_norm);
  if (view.collection().vectors().away() > 0) return false;
  SearchAll(view, query, inverse_norm);
  return true;
}

Status Searcher::TakeHits(const ReadView& view, TopK& top) {
  const Metric metric = view.collection().options().metric;
  std::span<const Neighbor> hits = top.Sorted();
  OMENDB_TRY(hits_per_query_.Push(static_cast<uint32_t>(hits.size())));
  OMENDB_TRY(rows_.ReserveMore(hits.size()));
  OMENDB_TRY(distances_.ReserveMore(hits.size()));
  for (Neighbor hit : hits) {
    rows_.PushReserved(view.RowOf(hit.ordinal()));
    distances_.PushReserved(ToPublicDistance(metric, hit.distance()));
  }
  return Status::Ok();
}

Result<bool> Searcher::SearchEach(const ReadView& view, const SearchRequest& request) {
  const uint32_t dimensions = view.collection().options().dimensions;
  bool wanted = false;
  for (uint32_t i = 0; i < request.query_count; ++i) {
    Result<bool> found = SearchOne(view, request, request.queries + size_t{i} * dimensions);
    if (!found.ok()) {
      // What all queries of a batch want is brought at once.
      if (found.status().code() == kVectorsWanted) {
        wanted = true;
        continue;
      }
      if (request.query_count == 1 || found.status().code() == Code::kOutOfMemory) return found.status();
      return Status::Error(found.status().code(), "query ", i, ": ", found.status().message());
    }
    if (!found.value()) return false;
    if (!wanted) OMENDB_TRY(TakeHits(view, top_));
  }
  if (wanted) return Status::Error(kVectorsWanted, "candidates are in storage");
  return true;
}

// ---- Scans ------------------------------------------------------------------------------------------------

Status Searcher::StartScan(const ReadView& view, const SearchRequest& request, uint32_t queries_checksum) {
  const CollectionOptions& options = view.collection().options();
  scan_ = Scan();
  OMENDB_TRY(scan_.tops.Resize(request.query_count));
  OMENDB_TRY(scan_.inverse_norms.Resize(request.query_count));
  for (uint32_t i = 0; i < request.query_count; ++i) {
    // Already found to be a vector of this metric.
    OMENDB_TRY(CheckVector(options.metric, request.queries + size_t{i} * options.dimensions,
                           options.dimensions, &scan_.inverse_norms[i]));
    OMENDB_TRY(scan_.tops[i].Reset(std::max(1U, std::min(request.k, view.rows()))));
  }
  const size_t rows = std::max<size_t>(1, kScanBytes / view.collection().rows().vector_bytes());
  OMENDB_TRY(scan_.block.Reserve(rows));
  scan_.collection = request.collection;
  scan_.view = request.view;
  scan_.k = request.k;
  scan_.queries_checksum = queries_checksum;
  scan_.shown = ShownRows(view);
  scan_.overlay_rows = OverlayRows(view);
  return Status::Ok();
}

Status Searcher::ScanOn(const ReadView& view, const SearchRequest& request) {
  Collection& collection = view.collection();
  VectorStore& vectors = collection.vectors();
  const Bitmap& hidden = view.hidden();
  const uint32_t dimensions = collection.options().dimensions;
  F32Scorer scorer = ScorerOf(collection.options(), collection.rows());
  while (scan_.next_slot < hidden.size()) {
    scan_.block.Clear();
    uint32_t slot = scan_.next_slot;
    for (; slot < hidden.size() && scan_.block.size() < scan_.block.capacity(); ++slot) {
      if (!hidden.Test(slot)) scan_.block.PushReserved(slot);
    }
    const Status required = vectors.Require(scan_.block.span(), VectorStore::Stay::kBrief);
    OMENDB_TRY(Status(required));
    for (uint32_t i = 0; i < request.query_count; ++i) {
      scorer.SetVector(request.queries + size_t{i} * dimensions, scan_.inverse_norms[i]);
      SearchListed(scorer, scan_.block.span(), hidden, collection.numbers(), scan_.tops[i]);
    }
    scan_.next_slot = slot;
    collection.EndBrief();
  }
  return Status::Ok();
}

Status Searcher::SearchByScan(const ReadView& view, const SearchRequest& request, bool again) {
  const size_t floats = size_t{request.query_count} * view.collection().options().dimensions;
  const uint32_t checksum =
      Crc32c(ByteSpan(reinterpret_cast<const uint8_t*>(request.queries), floats * sizeof(float)));
  // A view shows the same slots for as long as it is open; the newest state only until the next call.
  const bool goes_on = scan_.collection == request.collection && scan_.view == request.view &&
                       scan_.k == request.k && scan_.shown == ShownRows(view) &&
                       scan_.overlay_rows == OverlayRows(view) && scan_.queries_checksum == checksum &&
                       scan_.tops.size() == request.query_count && (again || request.view != 0);
  if (!goes_on) OMENDB_TRY(StartScan(view, request, checksum));
  OMENDB_TRY(ScanOn(view, request));
  hits_per_query_.Clear();
  rows_.Clear();
  distances_.Clear();
  for (uint32_t i = 0; i < request.query_count; ++i) {
    const float* query = request.queries + size_t{i} * view.collection().options().dimensions;
    // Offered again when the hits' own vectors have to be brought: a top-k holds each row once.
    if (scan_.next_slot != kNoSlot) SearchOverlay(view, query, scan_.inverse_norms[i], scan_.tops[i]);
    OMENDB_TRY(TakeHits(view, scan_.tops[i]));
  }
  scan_.next_slot = kNoSlot;
  return Status::Ok();
}

Status Searcher::Search(const ReadView& view, const SearchRequest& request, bool again, Bytes& answer) {
  OMENDB_TRY(CheckRequest(request));
  hits_per_query_.Clear();
  rows_.Clear();
  distances_.Clear();
  OMENDB_ASSIGN(const bool found, SearchEach(view, request));
  if (!found) OMENDB_TRY(SearchByScan(view, request, again));
  if (rows_.size() > 0xffffffffU) return OutOfMemory(rows_.size() * sizeof(float));
  answer.Clear();
  OMENDB_TRY(PutNumber(answer, request.query_count));
  OMENDB_TRY(PutNumber(answer, static_cast<uint32_t>(rows_.size())));
  OMENDB_TRY(answer.Append(
      ByteSpan(reinterpret_cast<const uint8_t*>(hits_per_query_.data()), hits_per_query_.size() * 4)));
  OMENDB_TRY(
      answer.Append(ByteSpan(reinterpret_cast<const uint8_t*>(distances_.data()), distances_.size() * 4)));
  OMENDB_TRY(AppendRows(view, rows_.span(), request.include, VectorStore::Stay::kBrief, answer));
  scan_ = Scan();
  return Status::Ok();
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
