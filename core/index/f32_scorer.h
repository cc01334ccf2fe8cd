// F32Scorer: exact ordering distances, computed on floats. Rows of floats are compared where they lie; those
// of another type are widened on the way, block by block on the stack, or as a whole where a row is compared
// with many.
#ifndef OMENDB_INDEX_F32_SCORER_H_
#define OMENDB_INDEX_F32_SCORER_H_

#include "base/array.h"
#include "base/chunked_rows.h"
#include "distance/kernels.h"
#include "distance/vector_type.h"
#include "index/scorer.h"
#include "omendb/types.h"

namespace omendb {

class F32Scorer final : public Scorer {
 public:
  // `rows`: rows of `dimensions` numbers of `type`; `inverse_norms`: one per row under cosine, else not read;
  // `places`: which row each ordinal is, null when they are the same. All outlive the scorer and may grow; a
  // reallocated array is fine, a moved-from one is not.
  F32Scorer(const ChunkedRows& rows, const Array<float>& inverse_norms, Metric metric, uint32_t dimensions,
            VectorType type = VectorType::kFloat32, const Array<uint32_t>* places = nullptr);

  // Before SetRow. OUT_OF_MEMORY; never for rows of floats. A ReserveKept that makes room ends what SetRow
  // set.
  Status Reserve() { return ReserveWidened(0); }

  // The vector is read where it is until the next Set call.
  void SetVector(const float* vector, float inverse_norm) override;
  void SetRow(uint32_t ordinal) override;
  void Distances(const uint32_t* ordinals, uint32_t count, float* distances) const override;
  [[nodiscard]] bool SameRow(uint32_t a, uint32_t b) const override;
  [[clang::minsize]] Status ReserveKept(uint32_t count) override;
  void SetKept(uint32_t slot, uint32_t ordinal) override;
  [[nodiscard]] bool AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const override;

 private:
  [[nodiscard]] uint32_t Place(uint32_t ordinal) const {
    return places_ == nullptr ? ordinal : places_->data()[ordinal];
  }
  [[nodiscard]] const float* Row(uint32_t ordinal) const {
    return reinterpret_cast<const float*>(rows_.row(Place(ordinal)));
  }
  [[clang::minsize]] Status ReserveWidened(uint32_t kept);
  // The row where it lies, or widened into row `place` of widened_.
  [[nodiscard, gnu::noinline]] const float* FloatsOf(uint32_t ordinal, uint32_t place) const;
  [[nodiscard]] float InverseNorm(uint32_t ordinal) const {
    return metric_ == Metric::kCosine ? inverse_norms_.data()[Place(ordinal)] : 1;
  }
  // What the kernel says of the query and a row that is no floats.
  // Not inlined, so that the loop over rows of floats stays small.
  [[nodiscard, gnu::noinline]] float WidenedSum(const uint8_t* row) const;

  const ChunkedRows& rows_;
  const Array<float>& inverse_norms_;
  const Array<uint32_t>* places_;
  Metric metric_;
  uint32_t dimensions_;
  VectorType type_;
  WidenFunction widen_;  // null: rows are floats
  float (*kernel_)(const float*, const float*, size_t);
  const float* query_ = nullptr;
  float query_inverse_norm_ = 1;
  Array<uint32_t> kept_;
  Array<const float*> kept_floats_;  // the same rows
  // Of rows that are no floats: the query, what is compared to the kept rows, and then those.
  mutable Array<float> widened_;
};

}  // namespace omendb

#endif  // OMENDB_INDEX_F32_SCORER_H_
