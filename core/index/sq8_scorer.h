// Sq8Scorer: approximate ordering distances over rows that a ScalarQuantizer encoded. The query keeps
// 16 bits per dimension, the rows have 8 (quantize/scalar_quantizer.h).
#ifndef OMENDB_INDEX_SQ8_SCORER_H_
#define OMENDB_INDEX_SQ8_SCORER_H_

#include "base/array.h"
#include "base/chunked_rows.h"
#include "distance/kernels.h"
#include "index/scorer.h"
#include "quantize/scalar_quantizer.h"

namespace omendb {

class Sq8Scorer final : public Scorer {
 public:
  // `rows`: quantizer.row_bytes() bytes per ordinal, all encoded by `quantizer`, which is
  // trained. Both outlive the scorer. After training the quantizer anew make a new scorer.
  Sq8Scorer(const ChunkedRows& rows, const ScalarQuantizer& quantizer, Metric metric);

  // Once, before anything else. OUT_OF_MEMORY.
  Status Reserve();

  void SetVector(const float* vector, float inverse_norm) override;
  void SetRow(uint32_t ordinal) override;
  void Distances(const uint32_t* ordinals, uint32_t count, float* distances) const override;
  [[nodiscard]] bool SameRow(uint32_t a, uint32_t b) const override;
  Status ReserveKept(uint32_t count) override;
  void SetKept(uint32_t slot, uint32_t ordinal) override;
  [[nodiscard]] bool AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const override;

 private:
  using Query = ScalarQuantizer::Query;
  [[nodiscard]] float DistanceTo(const Query& query, const uint8_t* row) const;
  void SubtractDots(const uint32_t* ordinals, uint32_t count, float* distances) const;
  [[nodiscard]] const int8_t* Codes(uint32_t ordinal) const {
    return reinterpret_cast<const int8_t*>(rows_.row(ordinal) + ScalarQuantizer::kCodesOffset);
  }

  const ChunkedRows& rows_;
  const ScalarQuantizer& quantizer_;
  bool symmetric_;              // L1 compares codes with codes
  uint32_t padded_dimensions_;  // both sides end in zeros, so that kernels have no tail to do
  Query query_;
  Array<Query> kept_;
};

}  // namespace omendb

#endif  // OMENDB_INDEX_SQ8_SCORER_H_
