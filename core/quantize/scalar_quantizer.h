// SQ8: one signed byte per dimension, with a center and a step of its own for each dimension.
//
//   code[d] = clamp(round((x[d] - center[d]) / step[d]), -127, 127)      x^ = center + step * code
//
// Distances are asymmetric: the query keeps 16 bits in the code's own scale. For L2, dot and cosine
// everything that depends on both sides is one integer dot product:
//   |q - x^|^2 = |q - center|^2 + |x^ - center|^2 - 2 * sum (q[d] - center[d]) * step[d] * code[d]
//   q . x^     = q . center + sum q[d] * step[d] * code[d]
// where the factor of code[d], the *weight*, is rounded to 16 bits with one scale per query, small enough
// that 128 * sum|weight| < 2^31: the sum is exact. |x^ - center|^2 uses the decoded vector, not the
// original: the result is then exactly the distance to x^, without the cancellation that mixing the two
// would bring.
// Cosine quantizes the unit vector and answers |q - x^|^2 / 2, which is 1 - cos for unit vectors. With
// e = x^ - x its error is (x - q) . e + |e|^2 / 2, which shrinks as rows come closer; 1 - q . x^ would keep
// the whole of q . e.
// L1 uses one step for all dimensions and |code - code|.
//
// Numerical stability. The answer differs from the distance between the query and x^ by at most
// scale * 127 * dimensions / 2 (weights rounded; L1: step * dimensions / 2, plus nothing where the query is
// outside the range) and by f32 rounding of the terms above: dimensions * 2^-23 of the sum of their
// magnitudes. It is never NaN.
//
// Ranges come from quantiles of a sample, widened, and are cut to what was observed, so that neither a
// heavy tail nor a few absurd rows take the precision from all others; values outside are clamped, and the
// exact rerank puts right what that costs. A dimension that is narrower than most takes its whole observed
// range as far as a typical width: what is rare there (a pixel that is nearly always black) then counts,
// and its noise stays below that of the other dimensions.
#ifndef OMENDB_QUANTIZE_SCALAR_QUANTIZER_H_
#define OMENDB_QUANTIZE_SCALAR_QUANTIZER_H_

#include <cstdint>

#include "base/array.h"
#include "quantize/quantizer.h"

namespace omendb {

class ScalarQuantizer final : public Quantizer {
 public:
  // A query prepared for Distance. Reserve once per quantizer; then preparing cannot fail.
  struct Query {
    Array<int16_t> weights;  // dimensions entries, padded with zeros to a multiple of 16; not for L1
    Array<int8_t> codes;     // L1 only, padded likewise
    float offset = 0;        // the part that depends on the query alone
    float scale = 0;         // ordering distance = offset + row term - scale * integer sum
  };

  // Train looks at no more rows than this, spread evenly over those given.
  static constexpr uint32_t kSampleRowsMax = 1024;

  static constexpr size_t kCodesOffset = 16;

  ScalarQuantizer(Metric metric, uint32_t dimensions) : metric_(metric), dimensions_(dimensions) {}

  [[nodiscard]] Quantization kind() const override { return Quantization::kSq8; }
  // A float32 row term, a float32 center term, 8 unused bytes, then dimensions codes, zero-padded to 16
  // bytes. The terms stand before the codes so that one cache line serves both. Stored as they are in memory.
  [[nodiscard]] size_t row_bytes() const override { return RowBytes(dimensions_); }
  [[nodiscard]] static size_t RowBytes(uint32_t dimensions);
  [[nodiscard]] size_t room_floats() const override { return 0; }
  [[nodiscard]] size_t memory_bytes() const override;

  // Learns centers and steps.
  Status Train(std::span<const float* const> rows, std::span<const float> inverse_norms) override;
  void Encode(const float* vector, float inverse_norm, float* room, uint8_t* out) const override;
  // What passes has finite terms, and codes that keep the sums within their 31 bits. That the terms are those
  // of the codes is not checked, nor that the padding is zero.
  [[nodiscard]] bool ValidRow(const uint8_t* row) const override;
  // x^, `dimensions` floats; under cosine about a unit vector.
  void Decode(const uint8_t* row, float* vector) const;

  Status ReserveQuery(Query* query) const;
  // From an outside vector; `inverse_norm` as for rows.
  void PrepareQuery(const float* vector, float inverse_norm, Query* query) const;
  // From an encoded row, as if its decoded vector were the query.
  void PrepareQueryFromRow(const uint8_t* row, Query* query) const;
  // The ordering distance (see distance/metric.h) of the query to an encoded row. Never NaN.
  [[nodiscard]] float Distance(const Query& query, const uint8_t* row) const;

  Status Serialize(Bytes& out) const override;
  Status Deserialize(Reader& in) override;

 private:
  // Everything that follows from centers and steps. Replaces the state only when it succeeds.
  Status Adopt(Array<float> centers, Array<float> steps);
  void PrepareWeights(const float* vector, float inverse_norm, Query* query) const;
  void PrepareCodes(const float* vector, float inverse_norm, Query* query) const;

  Metric metric_;
  uint32_t dimensions_;
  // Padded with zeros to a multiple of 16, so that loops over codes have no tail.
  Array<float> centers_;
  Array<float> steps_;
  Array<float> inverse_steps_;
  // A row as query: weight[d] = code[d] * slope[d] + intercept[d], at a scale that fits every row.
  Array<float> row_weight_slopes_;
  Array<float> row_weight_intercepts_;  // dot only
  float row_weight_scale_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_SCALAR_QUANTIZER_H_
