// GraphIndex: the HNSW graph of one collection with the codes it is walked on and their training.
//
// It covers rows [0, nodes()). Under SQ8 those rows have codes; a quantizer is trained before the first
// node, and again each time as many rows came as there were at the last training: then all codes
// are made anew beside the old ones, in steps, and put in their place when they are complete.
// Not here: when to do what (background.h), which rows are deleted (the caller's bitmap).
#ifndef OMENDB_ENGINE_GRAPH_INDEX_H_
#define OMENDB_ENGINE_GRAPH_INDEX_H_

#include "engine/row_store.h"
#include "format/graph_object.h"
#include "index/f32_scorer.h"
#include "index/hnsw_build.h"
#include "index/sq8_scorer.h"

namespace omendb {

class GraphIndex {
 public:
  // `rows` outlives the index.
  GraphIndex(const RowStore& rows, const CollectionOptions& options);

  [[nodiscard]] uint32_t nodes() const { return graph_.size(); }
  [[nodiscard]] const HnswGraph& graph() const { return graph_; }
  [[nodiscard]] const ScalarQuantizer* quantizer() const { return codes_ ? &codes_->quantizer : nullptr; }
  [[nodiscard]] TrainingState training() const { return training_; }
  // Rises with every change to what would be stored.
  [[nodiscard]] uint64_t version() const { return version_; }
  [[nodiscard]] size_t code_bytes() const;
  [[nodiscard]] size_t link_bytes() const { return graph_.memory_bytes(); }

  // Up to `ef` nearest live nodes by the distances the graph is walked on, in scratch.results.
  Status Search(const float* query, float inverse_norm, const Bitmap& deleted, uint32_t ef,
                HnswScratch& scratch);

  // ---- Growing; each call is one step, OUT_OF_MEMORY leaves everything searchable ------------------
  void CountNewRows(uint32_t count);
  [[nodiscard]] bool WantsTraining() const;
  // Learns a new quantizer from live rows; its codes are complete at once when there are no nodes yet.
  Status Train(const Bitmap& deleted);
  [[nodiscard]] bool encoding() const { return next_codes_ != nullptr; }
  [[nodiscard]] uint32_t rows_to_encode() const;
  // Encodes up to `count` rows for the new quantizer, which takes over after the last one.
  Status EncodeSome(uint32_t count);
  // REQUIRES: trained (under SQ8), not encoding, a row nodes() is there.
  Status AddNext(const Bitmap& deleted, HnswScratch& scratch);

  // ---- Compaction ------------------------------------------------------------------------------------
  void MoveEntryOff(const Bitmap& doomed);
  Status RepairNode(uint32_t node, const Bitmap& doomed, const Bitmap& deleted, HnswScratch& scratch);
  // Drops doomed nodes with their codes and renumbers. On OUT_OF_MEMORY nothing changed.
  Status Remove(const Bitmap& doomed);
  // Forgets graph, codes and quantizer.
  void Reset();

  // ---- Loading ---------------------------------------------------------------------------------------
  // Takes what EncodeGraph wrote. REQUIRES: empty, and every row is there. On failure it stays empty.
  Status Load(ByteSpan bytes, uint32_t nodes, const Origin& origin);

 private:
  // A quantizer, the rows it encoded and who compares them, replaced as one.
  struct Codes {
    Codes(Metric metric, uint32_t dimensions)
        : rows(ScalarQuantizer::RowBytes(dimensions)),
          query(rows, quantizer, metric, dimensions),
          pair(rows, quantizer, metric, dimensions) {}
    ScalarQuantizer quantizer;
    ChunkedRows rows;
    Sq8Scorer query;
    Sq8Scorer pair;
  };

  [[nodiscard]] Scorer& QueryScorer();
  [[nodiscard]] Scorer& PairScorer();
  [[nodiscard]] bool quantized() const { return options_.quantization == Quantization::kSq8; }
  static Status AppendCode(const RowStore& rows, Codes& codes);
  static void RemoveCodes(ChunkedRows& codes, const Bitmap& doomed);

  const RowStore& rows_;
  CollectionOptions options_;
  HnswGraph graph_;
  F32Scorer f32_query_;
  F32Scorer f32_pair_;
  Owned<Codes> codes_;           // null before training and without quantization
  Owned<Codes> next_codes_;      // being made
  TrainingState training_;       // of codes_
  TrainingState next_training_;  // of next_codes_
  uint64_t version_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_GRAPH_INDEX_H_
