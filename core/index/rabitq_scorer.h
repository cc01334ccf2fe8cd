// RabitqScorer: approximate ordering distances over rows that a RabitqQuantizer encoded
// (quantize/rabitq_quantizer.h).
#ifndef OMENDB_INDEX_RABITQ_SCORER_H_
#define OMENDB_INDEX_RABITQ_SCORER_H_

#include "base/array.h"
#include "base/chunked_rows.h"
#include "index/scorer.h"
#include "quantize/rabitq_quantizer.h"

namespace omendb {

class RabitqScorer final : public Scorer {
 public:
  // `rows`: quantizer.row_bytes() bytes per ordinal, all encoded by `quantizer`, which is trained. Both
  // outlive the scorer. After training the quantizer anew make a new scorer.
  RabitqScorer(const ChunkedRows& rows, const RabitqQuantizer& quantizer)
      : rows_(rows), quantizer_(quantizer) {}

  // Once, before anything else. OUT_OF_MEMORY.
  Status Reserve() {
    OMENDB_TRY(room_.Resize(quantizer_.padded_dimensions()));
    return quantizer_.ReserveQuery(&query_);
  }

  void SetVector(const float* vector, float inverse_norm) override {
    quantizer_.PrepareQuery(vector, inverse_norm, &query_);
  }
  void SetRow(uint32_t ordinal) override { quantizer_.PrepareQueryFromRow(rows_.row(ordinal), &query_); }
  void Distances(const uint32_t* ordinals, uint32_t count, float* distances) const override;
  [[nodiscard]] float ErrorBound(uint32_t ordinal, float distance) override {
    return quantizer_.ErrorBound(query_, rows_.row(ordinal), distance, room_.data());
  }
  [[nodiscard]] bool SameRow(uint32_t a, uint32_t b) const override;
  Status ReserveKept(uint32_t count) override;
  void SetKept(uint32_t slot, uint32_t ordinal) override {
    quantizer_.PrepareQueryFromRow(rows_.row(ordinal), &kept_[slot]);
  }
  [[nodiscard]] bool AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const override;

 private:
  const ChunkedRows& rows_;
  const RabitqQuantizer& quantizer_;
  RabitqQuantizer::Query query_;
  Array<int8_t> room_;
  Array<RabitqQuantizer::Query> kept_;
};

}  // namespace omendb

#endif  // OMENDB_INDEX_RABITQ_SCORER_H_
