#include "engine/graph_index.h"

#include <algorithm>

#include "base/prng.h"
#include "index/hnsw_repair.h"

namespace omendb {
namespace {

// Quantiles of a thousand rows place the ranges within a percent or two; more rows cost time only.
constexpr uint32_t kTrainingRowsMax = 1024;

struct Sample {
  Array<const float*> vectors;
  Array<float> inverse_norms;
};

// Live rows, one from each of kTrainingRowsMax equal stretches, so that sorted rows are all represented.
Status DrawSample(const RowStore& rows, const Bitmap& deleted, uint64_t seed, Sample* sample) {
  OMENDB_TRY(sample->vectors.Reserve(kTrainingRowsMax));
  OMENDB_TRY(sample->inverse_norms.Reserve(kTrainingRowsMax));
  Prng prng(seed ^ rows.size());
  uint32_t stretches = std::min(rows.size(), kTrainingRowsMax);
  for (uint32_t i = 0; i < stretches; ++i) {
    uint32_t first = static_cast<uint32_t>(uint64_t{rows.size()} * i / stretches);
    uint32_t last = static_cast<uint32_t>(uint64_t{rows.size()} * (i + 1) / stretches);
    uint32_t start = prng.Below(last - first);
    for (uint32_t step = 0; step < last - first; ++step) {
      uint32_t ordinal = first + (start + step) % (last - first);
      if (deleted.Test(ordinal)) continue;
      sample->vectors.PushReserved(rows.vector(ordinal));
      sample->inverse_norms.PushReserved(rows.inverse_norm(ordinal));
      break;
    }
  }
  return Status::Ok();
}

}  // namespace

GraphIndex::GraphIndex(const RowStore& rows, const CollectionOptions& options)
    : rows_(rows),
      options_(options),
      graph_(options.degree, options.seed),
      f32_query_(rows.vectors(), rows.inverse_norms(), options.metric, options.dimensions),
      f32_pair_(rows.vectors(), rows.inverse_norms(), options.metric, options.dimensions) {}

Scorer& GraphIndex::QueryScorer() {
  if (codes_) return codes_->query;
  return f32_query_;
}

Scorer& GraphIndex::PairScorer() {
  if (codes_) return codes_->pair;
  return f32_pair_;
}

size_t GraphIndex::code_bytes() const {
  size_t bytes = 0;
  if (codes_) bytes += codes_->rows.memory_bytes() + codes_->quantizer.memory_bytes();
  if (next_codes_) bytes += next_codes_->rows.memory_bytes() + next_codes_->quantizer.memory_bytes();
  return bytes;
}

Status GraphIndex::Search(const float* query, float inverse_norm, const Bitmap& deleted, uint32_t ef,
                          HnswScratch& scratch) {
  Scorer& scorer = QueryScorer();
  scorer.SetVector(query, inverse_norm);
  return SearchHnsw(graph_, scorer, deleted, ef, scratch);
}

void GraphIndex::CountNewRows(uint32_t count) {
  training_.new_rows += std::min(count, 0xffffffffU - training_.new_rows);
  next_training_.new_rows += std::min(count, 0xffffffffU - next_training_.new_rows);
}

bool GraphIndex::WantsTraining() const {
  if (!quantized() || encoding()) return false;
  return !codes_ || training_.new_rows >= training_.trained_rows;
}

Status GraphIndex::Train(const Bitmap& deleted) {
  Sample sample;
  OMENDB_TRY(DrawSample(rows_, deleted, options_.seed, &sample));
  Owned<Codes> codes = MakeOwned<Codes>(options_.metric, options_.dimensions);
  if (!codes) return OutOfMemory(sizeof(Codes));
  OMENDB_TRY(codes->quantizer.Train(options_.metric, options_.dimensions, sample.vectors.span(),
                                    sample.inverse_norms.span()));
  OMENDB_TRY(codes->query.Reserve());
  OMENDB_TRY(codes->pair.Reserve());
  const TrainingState training = {rows_.size() - deleted.set_count(), 0};
  ++version_;
  if (graph_.size() == 0) {
    codes_ = std::move(codes);
    training_ = training;
  } else {
    // A checkpoint in between stores the old quantizer, which must not pass for a fresh one.
    next_codes_ = std::move(codes);
    next_training_ = training;
  }
  return Status::Ok();
}

uint32_t GraphIndex::rows_to_encode() const {
  return next_codes_ ? graph_.size() - next_codes_->rows.size() : 0;
}

Status GraphIndex::AppendCode(const RowStore& rows, Codes& codes) {
  uint32_t ordinal = codes.rows.size();
  OMENDB_TRY(codes.rows.Reserve(uint64_t{ordinal} + 1));
  codes.rows.Resize(ordinal + 1);
  codes.quantizer.Encode(rows.vector(ordinal), rows.inverse_norm(ordinal), codes.rows.row(ordinal));
  return Status::Ok();
}

Status GraphIndex::EncodeSome(uint32_t count) {
  for (uint32_t i = 0; i < count && rows_to_encode() > 0; ++i) OMENDB_TRY(AppendCode(rows_, *next_codes_));
  if (rows_to_encode() > 0) return Status::Ok();
  codes_ = std::move(next_codes_);
  training_ = next_training_;
  ++version_;
  return Status::Ok();
}

Status GraphIndex::AddNext(const Bitmap& deleted, HnswScratch& scratch) {
  uint32_t node = graph_.size();
  if (codes_) OMENDB_TRY(AppendCode(rows_, *codes_));
  HnswBuilder builder(graph_, QueryScorer(), PairScorer(), scratch, options_.ef_construction);
  Status added = builder.AddNext(deleted);
  if (!added.ok() && codes_) codes_->rows.Resize(node);
  if (added.ok()) ++version_;
  return added;
}

void GraphIndex::MoveEntryOff(const Bitmap& doomed) {
  ++version_;
  omendb::MoveEntryOff(graph_, doomed);
}

Status GraphIndex::RepairNode(uint32_t node, const Bitmap& doomed, const Bitmap& deleted,
                              HnswScratch& scratch) {
  HnswBuilder builder(graph_, QueryScorer(), PairScorer(), scratch, options_.ef_construction);
  ++version_;
  OMENDB_TRY(omendb::RepairNode(graph_, node, doomed, deleted, QueryScorer(), builder));
  if (node + 1 < graph_.size()) return Status::Ok();
  return omendb::LinkUnreached(graph_, deleted, QueryScorer(), builder);
}

void GraphIndex::RemoveCodes(ChunkedRows& codes, const Bitmap& doomed) {
  uint32_t kept = 0;
  for (uint32_t ordinal = 0; ordinal < codes.size(); ++ordinal) {
    if (doomed.Test(ordinal)) continue;
    if (kept != ordinal) std::memcpy(codes.row(kept), codes.row(ordinal), codes.stride_bytes());
    ++kept;
  }
  codes.Resize(kept);
  codes.ShrinkToFit();
}

Status GraphIndex::Remove(const Bitmap& doomed) {
  OMENDB_TRY(graph_.RemoveAndRenumber(doomed));
  if (codes_) RemoveCodes(codes_->rows, doomed);
  if (next_codes_) RemoveCodes(next_codes_->rows, doomed);
  ++version_;
  return Status::Ok();
}

void GraphIndex::Reset() {
  graph_ = HnswGraph(options_.degree, options_.seed);
  codes_.reset();
  next_codes_.reset();
  training_ = TrainingState();
  next_training_ = TrainingState();
  ++version_;
}

Status GraphIndex::Load(ByteSpan bytes, uint32_t nodes, const Origin& origin) {
  assert(graph_.size() == 0 && !codes_);
  HnswGraph graph(options_.degree, options_.seed);
  TrainingState training;
  Owned<Codes> codes = MakeOwned<Codes>(options_.metric, options_.dimensions);
  if (!codes) return OutOfMemory(sizeof(Codes));
  OMENDB_TRY(DecodeGraph(bytes, options_, nodes, origin, &graph, &codes->quantizer, &training));
  if (quantized()) {
    OMENDB_TRY(codes->query.Reserve());
    OMENDB_TRY(codes->pair.Reserve());
    while (codes->rows.size() < nodes) OMENDB_TRY(AppendCode(rows_, *codes));
    codes_ = std::move(codes);
  }
  graph_ = std::move(graph);
  training_ = training;
  return Status::Ok();
}

}  // namespace omendb
