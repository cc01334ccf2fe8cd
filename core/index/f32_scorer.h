// F32Scorer: exact ordering distances over rows of floats.
#ifndef OMENDB_INDEX_F32_SCORER_H_
#define OMENDB_INDEX_F32_SCORER_H_

#include "base/array.h"
#include "base/chunked_rows.h"
#include "distance/kernels.h"
#include "index/scorer.h"
#include "omendb/types.h"

namespace omendb {

class F32Scorer final : public Scorer {
 public:
  // `rows`: one row of `dimensions` floats per ordinal; `inverse_norms`: one per row under cosine, else
  // not read. Both outlive the scorer and may grow; a reallocated array is fine, a moved-from one is not.
  F32Scorer(const ChunkedRows& rows, const Array<float>& inverse_norms, Metric metric, uint32_t dimensions);

  // The vector is read where it is until the next Set call.
  void SetVector(const float* vector, float inverse_norm) override;
  void SetRow(uint32_t ordinal) override;
  void Distances(const uint32_t* ordinals, uint32_t count, float* distances) const override;
  [[nodiscard]] bool SameRow(uint32_t a, uint32_t b) const override;
  Status ReserveKept(uint32_t count) override;
  void SetKept(uint32_t slot, uint32_t ordinal) override;
  [[nodiscard]] bool AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const override;

 private:
  [[nodiscard]] const float* Row(uint32_t ordinal) const {
    return reinterpret_cast<const float*>(rows_.row(ordinal));
  }

  const ChunkedRows& rows_;
  const Array<float>& inverse_norms_;
  Metric metric_;
  uint32_t dimensions_;
  float (*kernel_)(const float*, const float*, size_t);
  const float* query_ = nullptr;
  float query_inverse_norm_ = 1;
  Array<uint32_t> kept_;
};

}  // namespace omendb

#endif  // OMENDB_INDEX_F32_SCORER_H_
