#include "engine/graph_index.h"

#include <algorithm>
#include <bit>

#include "base/crc32c.h"
#include "base/prng.h"
#include "format/object.h"
#include "index/code_scorer.h"
#include "index/hnsw_repair.h"

namespace omendb {
namespace {

// Quantiles of a thousand rows place the ranges within a percent or two; more rows cost time only.
constexpr uint32_t kTrainingRowsMax = 1024;

// Of rows that have to be widened for it: at most this much of them.
constexpr size_t kWidenedSampleBytesMax = size_t{16} << 20;
// Vectors that are brought from storage for one piece of work.
constexpr size_t kBroughtBytesMax = size_t{1} << 20;

struct Sample {
  Array<float> widened;  // what vectors point into, unless rows are floats
  Array<const float*> vectors;
  Array<float> inverse_norms;
};

// Rows that are not hidden, one from each of kTrainingRowsMax equal stretches, so that sorted rows are all
// represented.
Status DrawSample(RowStore& rows, uint32_t dimensions, const Bitmap& hidden, uint64_t seed, Sample* sample) {
  OMENDB_TRY(sample->vectors.Reserve(kTrainingRowsMax));
  OMENDB_TRY(sample->inverse_norms.Reserve(kTrainingRowsMax));
  Prng prng(seed ^ rows.slots());
  uint32_t stretches = std::min(rows.slots(), kTrainingRowsMax);
  if (rows.widens()) {
    const size_t most = kWidenedSampleBytesMax / (dimensions * sizeof(float));
    stretches = static_cast<uint32_t>(std::min<size_t>(stretches, most));
    OMENDB_TRY(sample->widened.Resize(size_t{stretches} * dimensions));
  }
  bool wanted = false;
  for (uint32_t i = 0; i < stretches; ++i) {
    uint32_t first = static_cast<uint32_t>(uint64_t{rows.slots()} * i / stretches);
    uint32_t last = static_cast<uint32_t>(uint64_t{rows.slots()} * (i + 1) / stretches);
    uint32_t start = prng.Below(last - first);
    for (uint32_t step = 0; step < last - first; ++step) {
      uint32_t slot = first + (start + step) % (last - first);
      if (hidden.Test(slot)) continue;
      OMENDB_TRY(rows.vectors().RequireOne(slot, VectorStore::Stay::kBrief, &wanted));
      if (wanted) break;
      float* widened = rows.widens() ? sample->widened.data() + size_t{i} * dimensions : nullptr;
      sample->vectors.PushReserved(rows.Vector(slot, widened));
      sample->inverse_norms.PushReserved(rows.inverse_norm(slot));
      break;
    }
  }
  return wanted ? Status::Error(kVectorsWanted, "rows to learn from") : Status::Ok();
}

// Parts of about the size of an object's body.
uint32_t CodesPartNodes(size_t row_bytes) {
  const size_t nodes = kObjectBodyBytesTarget / row_bytes;
  return static_cast<uint32_t>(std::bit_floor(std::max<size_t>(nodes, 1)));
}

}  // namespace

GraphIndex::GraphIndex(RowStore& rows, const CollectionOptions& options)
    : rows_(rows),
      options_(options),
      graph_(options.degree, options.seed),
      f32_query_(rows.vectors().rows(), rows.vectors().inverse_norms(), options.metric, options.dimensions,
                 options.vector_type, &rows.vectors().places()),
      f32_pair_(rows.vectors().rows(), rows.vectors().inverse_norms(), options.metric, options.dimensions,
                options.vector_type, &rows.vectors().places()) {}

Scorer& GraphIndex::QueryScorer() {
  if (codes_) return *codes_->query;
  return f32_query_;
}

Scorer& GraphIndex::PairScorer() {
  if (codes_) return *codes_->pair;
  return f32_pair_;
}

size_t GraphIndex::code_bytes() const {
  size_t bytes = checksums_.capacity() * sizeof(uint32_t);
  if (codes_) bytes += codes_->rows.memory_bytes() + codes_->quantizer->memory_bytes();
  if (next_codes_) bytes += next_codes_->rows.memory_bytes() + next_codes_->quantizer->memory_bytes();
  return bytes;
}

size_t GraphIndex::link_bytes() const {
  return graph_.memory_bytes() + linked_.memory_bytes() + dead_.memory_bytes() + unseen_.memory_bytes() +
         doomed_.memory_bytes();
}

Status GraphIndex::Search(const float* query, float inverse_norm, const Bitmap* hidden, uint32_t ef,
                          HnswScratch& scratch) {
  Scorer& scorer = QueryScorer();
  scorer.SetVector(query, inverse_norm);
  return SearchHnsw(graph_, scorer, hidden == nullptr ? dead_ : *hidden, ef, scratch);
}

// ---- Growing ------------------------------------------------------------------------------------------

void GraphIndex::CountNewRows(uint32_t count) {
  training_.new_rows += std::min(count, 0xffffffffU - training_.new_rows);
  next_training_.new_rows += std::min(count, 0xffffffffU - next_training_.new_rows);
}

bool GraphIndex::WantsTraining() const {
  if (!quantized() || encoding()) return false;
  return !codes_ || training_.new_rows >= training_.trained_rows;
}

Status GraphIndex::Train(const Bitmap& hidden, bool keep_kind) {
  return TrainKind(keep_kind && codes_ ? codes_->quantizer->kind() : ChooseQuantization(options_), hidden);
}

bool GraphIndex::CanTakeFewerBits() const {
  return codes_ && !encoding() && options_.quantization == Quantization::kAuto &&
         WithFewerBits(codes_->quantizer->kind()) != codes_->quantizer->kind();
}

Status GraphIndex::TakeFewerBits(const Bitmap& hidden) {
  return TrainKind(WithFewerBits(codes_->quantizer->kind()), hidden);
}

size_t GraphIndex::bytes_per_node() const {
  // Level 0 has twice the degree and a count; a share of nodes has more levels; a checksum, a place, a number
  // and entries of two tables come with every row.
  const size_t links = (size_t{2} * options_.degree + 2) * sizeof(uint32_t);
  return links + (codes_ ? codes_->rows.stride_bytes() : options_.dimensions) + 10 * sizeof(uint32_t);
}

Status GraphIndex::TrainKind(Quantization kind, const Bitmap& hidden) {
  Sample sample;
  OMENDB_TRY(ReserveFloats());
  OMENDB_TRY(DrawSample(rows_, options_.dimensions, hidden, options_.seed, &sample));
  Owned<Quantizer> quantizer = MakeQuantizer(kind, options_.metric, options_.dimensions, options_.seed);
  if (!quantizer) return OutOfMemory(sizeof(Quantizer));
  OMENDB_TRY(quantizer->Train(sample.vectors.span(), sample.inverse_norms.span()));
  OMENDB_ASSIGN(Owned<Codes> codes, MakeCodes(std::move(quantizer)));
  const TrainingState training = {hidden.size() - hidden.set_count(), 0};
  ++version_;
  if (graph_.size() == 0) {
    Use(std::move(codes), training);
  } else {
    // A checkpoint in between stores the old quantizer, which must not pass for a fresh one.
    next_codes_ = std::move(codes);
    next_training_ = training;
  }
  return Status::Ok();
}

Result<Owned<GraphIndex::Codes>> GraphIndex::MakeCodes(Owned<Quantizer> quantizer) const {
  Owned<Codes> codes = MakeOwned<Codes>(std::move(quantizer));
  if (!codes) return OutOfMemory(sizeof(Codes));
  OMENDB_ASSIGN(codes->query, MakeCodeScorer(*codes->quantizer, codes->rows, options_.metric));
  OMENDB_ASSIGN(codes->pair, MakeCodeScorer(*codes->quantizer, codes->rows, options_.metric));
  OMENDB_TRY(codes->room.Resize(codes->quantizer->room_floats()));
  return codes;
}

void GraphIndex::Use(Owned<Codes> codes, const TrainingState& training) {
  codes_ = std::move(codes);
  training_ = training;
  code_recall_.Restart();
  codes_part_nodes_ = CodesPartNodes(codes_->rows.stride_bytes());
}

uint32_t GraphIndex::rows_to_encode() const {
  return next_codes_ ? graph_.size() - next_codes_->rows.size() : 0;
}

Status GraphIndex::ReserveCode(Codes& codes, uint32_t slot) {
  const uint32_t before = codes.rows.size();
  if (slot < before) return Status::Ok();
  OMENDB_TRY(codes.rows.Reserve(uint64_t{slot} + 1));
  codes.rows.Resize(slot + 1);
  for (uint32_t i = before; i <= slot; ++i) std::memset(codes.rows.row(i), 0, codes.rows.stride_bytes());
  return Status::Ok();
}

Status GraphIndex::ReserveFloats() {
  if (!rows_.widens()) return Status::Ok();
  if (quantized()) return floats_.Resize(options_.dimensions);
  OMENDB_TRY(f32_query_.Reserve());
  return f32_pair_.Reserve();
}

void GraphIndex::Encode(Codes& codes, uint32_t slot) {
  codes.quantizer->Encode(FloatsOf(slot), rows_.inverse_norm(slot), codes.room.data(), codes.rows.row(slot));
}

Status GraphIndex::EncodeSome(uint32_t count) {
  if (rows_.vectors().away() > 0) {
    // No more than is brought at a time.
    count = std::min(count, static_cast<uint32_t>(kBroughtBytesMax / rows_.vector_bytes()) + 1);
    const uint32_t next = next_codes_->rows.size();
    bool wanted = false;
    for (uint32_t node = next; node < std::min(graph_.size(), next + count); ++node) {
      if (!linked_.Test(node)) continue;
      OMENDB_TRY(rows_.vectors().RequireOne(node, VectorStore::Stay::kBrief, &wanted));
    }
    if (wanted) return Status::Error(kVectorsWanted, "rows to encode");
  }
  for (uint32_t i = 0; i < count && rows_to_encode() > 0; ++i) {
    const uint32_t node = next_codes_->rows.size();
    OMENDB_TRY(ReserveCode(*next_codes_, node));
    if (linked_.Test(node)) Encode(*next_codes_, node);
  }
  if (rows_to_encode() > 0) return Status::Ok();
  // Another kind may have rows of another size, so parts of other nodes.
  const uint32_t part_nodes = CodesPartNodes(next_codes_->rows.stride_bytes());
  OMENDB_TRY(code_versions_.Resize(graph_.size() / part_nodes + 1));
  Use(std::move(next_codes_), next_training_);
  ++version_;
  for (uint64_t& version : code_versions_) version = version_;
  return Status::Ok();
}

void GraphIndex::NoteChecksum(uint32_t slot) {
  checksums_[slot] = Crc32c(ByteSpan(rows_.stored_vector(slot), rows_.vector_bytes()));
}

Status GraphIndex::ReserveNode(uint32_t slot) {
  OMENDB_TRY(ReserveFloats());
  OMENDB_TRY(linked_.Reserve(uint64_t{slot} + 1));
  OMENDB_TRY(dead_.Reserve(uint64_t{slot} + 1));
  OMENDB_TRY(unseen_.Reserve(uint64_t{slot} + 1));
  if (cleaning()) OMENDB_TRY(doomed_.Reserve(uint64_t{slot} + 1));
  if (!codes_) return Status::Ok();
  if (checksums_.size() <= slot) OMENDB_TRY(checksums_.Resize(slot + 1));
  const size_t parts = slot / codes_part_nodes_ + 1;
  if (code_versions_.size() < parts) OMENDB_TRY(code_versions_.Resize(parts));
  OMENDB_TRY(ReserveCode(*codes_, slot));
  return Status::Ok();
}

Status GraphIndex::AddHoles(uint32_t slot) {
  while (graph_.size() < slot) OMENDB_TRY(graph_.AddNode(0));
  return Status::Ok();
}

Status GraphIndex::Add(uint32_t slot, bool is_dead, HnswScratch& scratch) {
  assert(!linked(slot) && !encoding());
  OMENDB_TRY(ReserveNode(slot));
  // Bits for holes may be there before the holes are.
  for (Bitmap* bitmap : {&linked_, &dead_, &unseen_}) {
    if (bitmap->size() <= slot) OMENDB_TRY(bitmap->Resize(slot + 1));
  }
  if (cleaning() && doomed_.size() <= slot) OMENDB_TRY(doomed_.Resize(slot + 1));
  ++version_;
  OMENDB_TRY(AddHoles(slot));
  if (codes_) Encode(*codes_, slot);
  HnswBuilder builder(graph_, QueryScorer(), PairScorer(), scratch, options_.ef_construction);
  OMENDB_TRY(builder.Add(slot, unseen_));
  linked_.Set(slot);
  if (codes_) NoteChecksum(slot);
  if (is_dead) dead_.Set(slot);
  ++added_nodes_;
  if (cleaning()) doomed_.Unset(slot);
  NoteCode(slot);
  return Status::Ok();
}

// ---- Cleaning -----------------------------------------------------------------------------------------

uint32_t GraphIndex::cleaning_steps() const {
  switch (cleaning_) {
    case Cleaning::kNone:
      return 0;
    case Cleaning::kRepairing:
      return graph_.size() - std::min(graph_.size(), clean_next_) + 2 * unseen_.set_count() + 1;
    case Cleaning::kUnlinking:
      return 2 * unseen_.set_count() + 1;
    case Cleaning::kTakingOut:
      break;
  }
  return unseen_.set_count() + 1;
}

Status GraphIndex::StartCleaning() {
  Bitmap doomed;
  OMENDB_TRY(doomed.Resize(graph_.size()));
  for (uint32_t node = 0; node < graph_.size(); ++node) {
    if (!linked_.Test(node) || unseen_.Test(node)) doomed.Set(node);
  }
  doomed_ = std::move(doomed);
  clean_next_ = 0;
  cleaning_ = Cleaning::kRepairing;
  ++version_;
  if (graph_.size() > 0) MoveEntryOff(graph_, doomed_);
  return Status::Ok();
}

Status GraphIndex::RepairNext(HnswScratch& scratch) {
  HnswBuilder builder(graph_, QueryScorer(), PairScorer(), scratch, options_.ef_construction);
  if (clean_next_ < graph_.size()) {
    OMENDB_TRY(RepairNode(graph_, clean_next_, doomed_, unseen_, QueryScorer(), builder));
    ++clean_next_;
    return Status::Ok();
  }
  // Nodes that nothing leads to and that are no rows need no links.
  Bitmap passed_by;
  OMENDB_TRY(passed_by.CopyFrom(unseen_));
  for (uint32_t node = 0; node < graph_.size(); ++node) {
    if (!linked_.Test(node)) passed_by.Set(node);
  }
  OMENDB_TRY(LinkUnreached(graph_, passed_by, QueryScorer(), builder));
  cleaning_ = Cleaning::kUnlinking;
  clean_next_ = 0;
  return Status::Ok();
}

uint32_t GraphIndex::NextDoomed() {
  for (; clean_next_ < doomed_.size(); ++clean_next_) {
    if (doomed_.Test(clean_next_) && linked_.Test(clean_next_)) return clean_next_++;
  }
  return kNoSlot;
}

void GraphIndex::TakeOut(uint32_t node) {
  linked_.Unset(node);
  dead_.Unset(node);
  unseen_.Unset(node);
  if (graph_.entry() == node) graph_.ClearEntry();
}

Status GraphIndex::CleanNext(HnswScratch& scratch) {
  ++version_;
  if (cleaning_ == Cleaning::kRepairing) return RepairNext(scratch);
  const uint32_t node = NextDoomed();
  if (cleaning_ == Cleaning::kUnlinking) {
    if (node != kNoSlot) {
      graph_.ClearNode(node);
    } else {
      cleaning_ = Cleaning::kTakingOut;
      clean_next_ = 0;
    }
    return Status::Ok();
  }
  if (node != kNoSlot) {
    TakeOut(node);
  } else {
    cleaning_ = Cleaning::kNone;
    doomed_ = Bitmap();
  }
  return Status::Ok();
}

Status GraphIndex::Squeeze(const Bitmap& removed) {
  assert(!cleaning() && !encoding());
  if (graph_.size() == 0) return Status::Ok();
  const uint32_t nodes = graph_.size();
  OMENDB_TRY(graph_.RemoveAndRenumber(removed));
  for (Bitmap* bitmap : {&linked_, &dead_, &unseen_}) bitmap->Squeeze(removed);
  if (codes_) {
    ChunkedRows& rows = codes_->rows;
    uint32_t kept = 0;
    for (uint32_t node = 0; node < std::min(nodes, rows.size()); ++node) {
      if (removed.Test(node)) continue;
      if (kept != node) std::memcpy(rows.row(kept), rows.row(node), rows.stride_bytes());
      ++kept;
    }
    rows.Resize(kept);
    rows.ShrinkToFit();
    kept = 0;
    for (uint32_t node = 0; node < checksums_.size(); ++node) {
      if (!removed.Test(node)) checksums_[kept++] = checksums_[node];
    }
    checksums_.Truncate(kept);
  }
  ++version_;
  for (uint64_t& version : code_versions_) version = version_;
  return Status::Ok();
}

void GraphIndex::Reset() {
  graph_ = HnswGraph(options_.degree, options_.seed);
  codes_.reset();
  next_codes_.reset();
  training_ = TrainingState();
  next_training_ = TrainingState();
  linked_ = Bitmap();
  dead_ = Bitmap();
  unseen_ = Bitmap();
  doomed_ = Bitmap();
  cleaning_ = Cleaning::kNone;
  code_versions_.Release();
  checksums_.Release();
  ++version_;
}

// ---- Loading ------------------------------------------------------------------------------------------

Status GraphIndex::LoadNodes(ByteSpan object, uint32_t nodes, uint32_t row_count, const Origin& origin,
                             Array<uint32_t>* rows) {
  OMENDB_TRY(ReserveFloats());
  Owned<Quantizer> quantizer;
  TrainingState training;
  OMENDB_TRY(
      DecodeNodes(object, options_, nodes, row_count, origin, &training, &quantizer, rows, &checksums_));
  training_ = training;
  if (!quantizer) return Status::Ok();
  OMENDB_ASSIGN(Owned<Codes> codes, MakeCodes(std::move(quantizer)));
  Use(std::move(codes), training);
  return Status::Ok();
}

Status GraphIndex::LoadCodes(const uint8_t* codes, uint32_t count) {
  ChunkedRows& rows = codes_->rows;
  const uint32_t first = rows.size();
  OMENDB_TRY(rows.Reserve(uint64_t{first} + count));
  rows.Resize(first + count);
  for (uint32_t i = 0; i < count; ++i) {
    std::memcpy(rows.row(first + i), codes + size_t{i} * rows.stride_bytes(), rows.stride_bytes());
  }
  return Status::Ok();
}

// Those of a database that was stored before vectors had checksums are made now: all vectors were loaded.
Status GraphIndex::ReserveChecksums() {
  if (!checksums_.empty()) return Status::Ok();
  OMENDB_TRY(checksums_.Resize(graph_.size()));
  for (uint32_t node = 0; node < graph_.size(); ++node) {
    if (linked_.Test(node)) NoteChecksum(node);
  }
  ++version_;
  return Status::Ok();
}

Status GraphIndex::FinishLoad(Bitmap linked, const Origin& origin) {
  const uint32_t nodes = graph_.size();
  assert(linked.size() == nodes);
  if (nodes == 0) return Status::Ok();
  if (graph_.entry() != kNoNode && !linked.Test(graph_.entry())) {
    return origin.Fault(0, "expected an entry point that is a row, found free node ", graph_.entry());
  }
  for (uint32_t node = 0; node < nodes; ++node) {
    for (uint32_t level = 0; level <= graph_.LevelOf(node); ++level) {
      for (uint32_t link : graph_.Links(node, level)) {
        if (linked.Test(link) && linked.Test(node)) continue;
        return origin.Fault(0, "expected links between rows, found one from node ", node, " to ", link);
      }
    }
  }
  OMENDB_TRY(dead_.Resize(nodes));
  OMENDB_TRY(unseen_.Resize(nodes));
  linked_ = std::move(linked);
  if (!codes_) {
    checksums_.Release();
    return Status::Ok();
  }
  OMENDB_TRY(ReserveChecksums());
  OMENDB_TRY(code_versions_.Resize((nodes - 1) / codes_part_nodes_ + 1));
  if (codes_->rows.size() == nodes) return Status::Ok();
  while (codes_->rows.size() < nodes) {
    const uint32_t node = codes_->rows.size();
    OMENDB_TRY(ReserveCode(*codes_, node));
    if (linked_.Test(node)) Encode(*codes_, node);
  }
  // What was not stored is due to be.
  ++version_;
  for (uint64_t& version : code_versions_) version = version_;
  return Status::Ok();
}

}  // namespace omendb
