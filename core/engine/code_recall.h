// CodeRecall: what part of the true neighbors the codes lose, measured on the rows themselves.
//
// Some rows are asked for their nearest among up to kRowsMax others, spread over all: once exactly, once as a
// search does it, by codes with the rerank, but without a graph. The share of the exact kHits that the second
// way misses is the loss that quantization causes, apart from the graph's.
#ifndef OMENDB_ENGINE_CODE_RECALL_H_
#define OMENDB_ENGINE_CODE_RECALL_H_

#include "base/bitmap.h"
#include "base/top_k.h"
#include "engine/row_store.h"
#include "index/scorer.h"

namespace omendb {

class CodeRecall {
 public:
  static constexpr uint32_t kHits = 10;
  static constexpr uint32_t kQueries = 32;
  static constexpr uint32_t kRowsMax = 16384;
  // With fewer in memory, and more elsewhere, it would say little.
  static constexpr uint32_t kRowsMin = 2048;

  // Everything is to be measured anew.
  void Restart() { queries_ = wanted_ = missed_ = 0; }
  [[nodiscard]] bool complete() const { return queries_left() == 0; }
  [[nodiscard]] uint32_t queries_left() const { return kQueries - queries_; }
  // 0..1. REQUIRES: complete().
  [[nodiscard]] float loss() const {
    return wanted_ == 0 ? 0 : static_cast<float>(missed_) / static_cast<float>(wanted_);
  }

  // Asks for one row more, among the rows that are linked, not dead and in memory. `scratch`: as for
  // RowStore::Vector. OUT_OF_MEMORY.
  Status MeasureNext(const RowStore& rows, const Bitmap& linked, const Bitmap& dead, Scorer& exact,
                     Scorer& coded, float* scratch);

 private:
  uint32_t queries_ = 0;
  uint32_t wanted_ = 0;
  uint32_t missed_ = 0;
  Array<uint32_t> sample_;  // of one query
  Array<float> distances_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_CODE_RECALL_H_
