// SQ8: one signed byte per dimension, with a center and a step of its own for each dimension.
//
//   code[d] = clamp(round((x[d] - center[d]) / step[d]), -127, 127)      x^ = center + step * code
//
// Distances are asymmetric: the query keeps full precision in the code's own scale. For L2, dot and
// cosine everything that depends on both sides is one integer dot product:
//   |q - x^|^2 = |q - center|^2 + |x^ - center|^2 - 2 * sum (q[d] - center[d]) * step[d] * code[d]
//   q . x^     = q . center + sum q[d] * step[d] * code[d]
// where q[d]*step[d] is rounded to a 16-bit integer with one scale per query, so that its rounding is
// far below the code's. |x^ - center|^2 uses the decoded vector, not the original: the result is then
// exactly the distance to x^, without the cancellation that mixing the two would bring.
// Cosine quantizes the unit vector. L1 uses one step for all dimensions and |code - code|.
//
// Ranges come from quantiles of a sample, widened, and are cut to the observed minimum and maximum, so
// that neither a heavy tail nor one absurd row takes the precision from all others; values outside
// are clamped, and the exact rerank puts right what that costs.
#ifndef OMENDB_QUANTIZE_SCALAR_QUANTIZER_H_
#define OMENDB_QUANTIZE_SCALAR_QUANTIZER_H_

#include <cstdint>

#include "base/array.h"
#include "base/coding.h"
#include "omendb/types.h"

namespace omendb {

class ScalarQuantizer {
 public:
  // A query prepared for Distance. Reserve once per quantizer; then preparing cannot fail.
  struct Query {
    Array<int16_t> weights;  // dimensions entries, padded with zeros to a multiple of 16
    Array<int8_t> codes;     // L1 only, padded likewise
    float offset = 0;        // the part that depends on the query alone
    float scale = 0;         // ordering distance = offset + row term - scale * integer dot
  };

  // Bytes of one encoded row: a float32 row term, then dimensions codes, zero-padded to 16 bytes.
  // The term stands before the codes so that one cache line serves both.
  [[nodiscard]] static size_t RowBytes(uint32_t dimensions);
  static constexpr size_t kCodesOffset = 16;

  // Learns centers and steps from `count` sample rows: rows[i] points to `dimensions` floats,
  // inverse_norms[i] scales it (1 unless cosine). count >= 1. OUT_OF_MEMORY only.
  Status Train(Metric metric, uint32_t dimensions, std::span<const float* const> rows,
               std::span<const float> inverse_norms);
  [[nodiscard]] bool trained() const { return dimensions_ > 0; }

  // Encodes one row into RowBytes(dimensions) bytes at `out`.
  void Encode(const float* vector, float inverse_norm, uint8_t* out) const;

  Status ReserveQuery(Query* query) const;
  // From an outside vector; `inverse_norm` as for rows.
  void PrepareQuery(const float* vector, float inverse_norm, Query* query) const;
  // From an encoded row, as if its decoded vector were the query.
  void PrepareQueryFromRow(const uint8_t* row, Query* query) const;
  // The ordering distance (see distance/metric.h) of the query to an encoded row.
  [[nodiscard]] float Distance(const Query& query, const uint8_t* row) const;

  [[nodiscard]] size_t memory_bytes() const;

  // metric u8, 3 zero bytes, dimensions u32, centers f32[dimensions], steps f32[dimensions].
  Status Serialize(Bytes& out) const;
  // CORRUPTION when truncated, of other dimensions or metric, not finite, or a step is not positive.
  Status Deserialize(Reader& in, Metric metric, uint32_t dimensions);

 private:
  Metric metric_ = Metric::kL2;
  uint32_t dimensions_ = 0;
  Array<float> centers_;
  Array<float> steps_;
};

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_SCALAR_QUANTIZER_H_
