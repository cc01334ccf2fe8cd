// GraphIndex: the HNSW graph of one collection with the codes it is walked on and their training.
//
// Node i is the row in slot i. A slot has a node once the row was added (*linked*); nodes of rows that the
// newest state does not show are *dead*, and *unseen* when no state shows them. Searches walk through dead
// nodes; building passes by unseen ones only, so that a snapshot's rows stay as easy to find as they were.
// Unseen nodes are taken out by cleaning, in steps, and their slots may then be used again.
// Unless quantization is off, linked nodes have codes; a quantizer is trained before the first node, and
// again each time as many rows came as there were at the last training: then all codes are made anew beside
// the old ones, in steps, and put in their place when they are complete. Not here: when to do what
// (background.h), which rows there are (collection.h).
#ifndef OMENDB_ENGINE_GRAPH_INDEX_H_
#define OMENDB_ENGINE_GRAPH_INDEX_H_

#include <algorithm>

#include "engine/code_recall.h"
#include "engine/row_store.h"
#include "format/nodes_object.h"
#include "index/f32_scorer.h"
#include "index/hnsw_build.h"
#include "index/scorer.h"
#include "quantize/quantizer.h"

namespace omendb {

class GraphIndex {
 public:
  // `rows` outlives the index.
  GraphIndex(RowStore& rows, const CollectionOptions& options);

  [[nodiscard]] uint32_t nodes() const { return graph_.size(); }
  [[nodiscard]] uint32_t linked_nodes() const { return linked_.set_count(); }
  [[nodiscard]] uint32_t unseen_nodes() const { return unseen_.set_count(); }
  [[nodiscard]] bool linked(uint32_t slot) const { return slot < linked_.size() && linked_.Test(slot); }
  [[nodiscard]] const HnswGraph& graph() const { return graph_; }
  [[nodiscard]] const Quantizer* quantizer() const { return codes_ ? codes_->quantizer.get() : nullptr; }
  // CRC-32C of the node's vector as it is stored. REQUIRES: linked, and there are codes.
  [[nodiscard]] uint32_t checksum(uint32_t slot) const { return checksums_[slot]; }
  // By node; none without quantization.
  [[nodiscard]] const Array<uint32_t>& checksums() const { return checksums_; }
  // Slots whose vectors may leave memory: they have codes to be found by, and a checksum to come back by.
  [[nodiscard]] const Bitmap& evictable() const { return checksums_.empty() ? no_slots_ : linked_; }
  // By node; null without quantization.
  [[nodiscard]] const ChunkedRows* codes() const { return codes_ ? &codes_->rows : nullptr; }
  [[nodiscard]] TrainingState training() const { return training_; }
  // Rises with every change to what would be stored.
  [[nodiscard]] uint64_t version() const { return version_; }
  // Nodes added since it was made or loaded.
  [[nodiscard]] uint64_t added_nodes() const { return added_nodes_; }
  // Codes are stored in parts of this many nodes; each part has the version of its last change.
  [[nodiscard]] uint32_t codes_part_nodes() const { return codes_part_nodes_; }
  [[nodiscard]] uint64_t CodesVersion(uint32_t part) const { return code_versions_[part]; }
  [[nodiscard]] size_t code_bytes() const;
  [[nodiscard]] size_t link_bytes() const;

  // Up to `ef` nearest nodes by the distances the graph is walked on, in scratch.results. `hidden`: rows, by
  // slot, that must not be found, at least those without a node not counted; null: the dead ones.
  Status Search(const float* query, float inverse_norm, const Bitmap* hidden, uint32_t ef,
                HnswScratch& scratch);

  // What Search compared with; it still has the query.
  [[nodiscard]] Scorer& QueryScorer();

  // ---- What the codes cost (code_recall.h) ---------------------------------------------------------------
  [[nodiscard]] bool WantsMeasuring() const {
    return codes_ && !encoding() && !code_recall_.complete() &&
           rows_.vectors().placed() >= std::min(linked_.set_count(), CodeRecall::kRowsMin);
  }
  // One step, among the rows in memory. OUT_OF_MEMORY.
  Status MeasureNext() {
    return code_recall_.MeasureNext(rows_, linked_, dead_, f32_query_, *codes_->query, floats_.data());
  }
  [[nodiscard]] const CodeRecall& code_recall() const { return code_recall_; }

  // ---- Rows that go ------------------------------------------------------------------------------------
  // The newest state does not show the row any more; nothing happens when it has no node.
  void Kill(uint32_t slot) {
    if (linked(slot)) dead_.Set(slot);
  }
  // No state shows it.
  void Forget(uint32_t slot) {
    if (linked(slot)) unseen_.Set(slot);
  }

  // ---- Growing; each call is one step, OUT_OF_MEMORY leaves everything searchable ------------------
  void CountNewRows(uint32_t count);
  [[nodiscard]] bool WantsTraining() const;
  // Learns a new quantizer from rows that are not hidden; its codes are complete at once when there are no
  // nodes yet. Vectors may be wanted, as in EncodeSome (vector_store.h); both are then called again.
  // `keep_kind`: of the kind in use, which may have fewer bits than the one that would be chosen.
  Status Train(const Bitmap& hidden, bool keep_kind);
  // Codes of the next kind below the one in use, where the engine chose it. REQUIRES: there is one.
  [[nodiscard]] bool CanTakeFewerBits() const;
  Status TakeFewerBits(const Bitmap& hidden);
  // Memory that a node takes, about.
  [[nodiscard]] size_t bytes_per_node() const;
  [[nodiscard]] bool encoding() const { return next_codes_ != nullptr; }
  [[nodiscard]] uint32_t rows_to_encode() const;
  // Encodes up to `count` rows for the new quantizer, which takes over after the last one.
  Status EncodeSome(uint32_t count);
  // REQUIRES: trained (unless quantization is off), not encoding, the slot has a row, in memory, and no node.
  Status Add(uint32_t slot, bool is_dead, HnswScratch& scratch);

  // ---- Cleaning: takes the nodes out that are unseen when it starts ---------------------------------------
  [[nodiscard]] bool cleaning() const { return cleaning_ != Cleaning::kNone; }
  // Steps that remain, about.
  [[nodiscard]] uint32_t cleaning_steps() const;
  Status StartCleaning();
  // One node is repaired; or, when all are repaired, one doomed node loses its links; or, when all have lost
  // them, one is taken out: at no time does a node link to one that is out. The last step ends cleaning.
  // OUT_OF_MEMORY: call again.
  Status CleanNext(HnswScratch& scratch);

  // Nodes in `removed` slots, none of them linked, go, and the rest are numbered anew in order.
  // REQUIRES: neither cleaning nor encoding. OUT_OF_MEMORY: nothing changed.
  Status Squeeze(const Bitmap& removed);
  // Forgets graph, codes and quantizer.
  void Reset();

  // ---- Loading; REQUIRES: empty. After a failure the index must not be used ---------------------------
  // `rows`: which stored row each node is.
  Status LoadNodes(ByteSpan object, uint32_t nodes, uint32_t row_count, const Origin& origin,
                   Array<uint32_t>* rows);
  // The nodes object has checksums of all nodes' vectors.
  [[nodiscard]] bool has_checksums() const { return !checksums_.empty(); }
  void LoadLinks(HnswGraph graph) { graph_ = std::move(graph); }
  // The codes of the next nodes.
  Status LoadCodes(const uint8_t* codes, uint32_t count);
  // `linked`: by node. CORRUPTION when the graph leads to others. Codes that were not stored are made.
  Status FinishLoad(Bitmap linked, const Origin& origin);

 private:
  // A quantizer, the rows it encoded and who compares them, replaced as one.
  struct Codes {
    explicit Codes(Owned<Quantizer> given) : quantizer(std::move(given)), rows(quantizer->row_bytes()) {}
    Owned<Quantizer> quantizer;
    ChunkedRows rows;
    Owned<Scorer> query;
    Owned<Scorer> pair;
    Array<float> room;  // for encoding
  };

  [[nodiscard]] Scorer& PairScorer();
  // The row as floats, until the next call. REQUIRES: ReserveFloats.
  [[nodiscard]] const float* FloatsOf(uint32_t slot) { return rows_.Vector(slot, floats_.data()); }
  Status ReserveFloats();
  [[nodiscard]] bool quantized() const { return options_.quantization != Quantization::kNone; }
  // Codes without rows, ready to encode. REQUIRES: the quantizer is trained. OUT_OF_MEMORY.
  Result<Owned<Codes>> MakeCodes(Owned<Quantizer> quantizer) const;
  Status TrainKind(Quantization kind, const Bitmap& hidden);
  // Takes codes in use.
  void Use(Owned<Codes> codes, const TrainingState& training);
  void NoteChecksum(uint32_t slot);
  Status ReserveChecksums();
  // Room for the code of `slot`; those between the last one and it are zero.
  static Status ReserveCode(Codes& codes, uint32_t slot);
  void Encode(Codes& codes, uint32_t slot);
  // Nodes up to `slot` that nothing leads to.
  Status AddHoles(uint32_t slot);
  Status ReserveNode(uint32_t slot);
  void NoteCode(uint32_t slot) {
    if (codes_) code_versions_[slot / codes_part_nodes_] = version_;
  }
  Status RepairNext(HnswScratch& scratch);
  void TakeOut(uint32_t node);
  // The next doomed node that is linked, from clean_next_ on; kNoSlot when there is none.
  [[nodiscard]] uint32_t NextDoomed();

  RowStore& rows_;
  CollectionOptions options_;
  HnswGraph graph_;
  F32Scorer f32_query_;
  F32Scorer f32_pair_;
  Array<float> floats_;          // a row that is none, widened
  Owned<Codes> codes_;           // null before training and without quantization
  Owned<Codes> next_codes_;      // being made
  TrainingState training_;       // of codes_
  TrainingState next_training_;  // of next_codes_
  Bitmap linked_;                // all three by node
  Bitmap dead_;                  // part of linked_
  Bitmap unseen_;                // part of dead_
  enum class Cleaning : uint8_t { kNone, kRepairing, kUnlinking, kTakingOut };
  Cleaning cleaning_ = Cleaning::kNone;
  Bitmap doomed_;            // nodes that cleaning takes out, and those not linked when it began
  uint32_t clean_next_ = 0;  // node
  uint64_t version_ = 0;
  uint64_t added_nodes_ = 0;
  CodeRecall code_recall_;         // of codes_
  uint32_t codes_part_nodes_ = 1;  // follows from codes_
  Array<uint64_t> code_versions_;  // by part
  Array<uint32_t> checksums_;      // by node
  Bitmap no_slots_;                // empty
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_GRAPH_INDEX_H_
