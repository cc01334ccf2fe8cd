// RaBitQ: 1, 2, 4 or 7 bits per dimension after a random rotation, without training but for a center.
// Gao & Long, "RaBitQ" (SIGMOD 2024, arXiv:2405.12497), and for more than one bit Gao et al.,
// arXiv:2409.09913.
//
//   r = R (x - c), a row's residual, rotated     y = u - (2^b - 1) / 2, its code centered, u in [0, 2^b)
//   factor = |r|^2 / <y, r>                      x~ = factor * y estimates r without bias, because R is
//   random
//
// Distances are asymmetric; s = R (q - c), rounded to 8 bits with one scale per query:
//   |q - x|^2 ~ |q - c|^2 + |r|^2 - 2 * factor * <y, s>
//   q . x     ~ q . c + (x - c) . c + factor * <y, s>
// x~ - r is orthogonal to r, so that the error of the first is 2 <x~ - r, R (q - x)>: it shrinks as rows come
// closer; that of the second is <x~ - r, s>, however far from zero all rows are. Cosine quantizes the unit
// vector and answers half of the squared distance, which is 1 - cos.
//
// Error bound (ErrorBound): the direction of x~ - r is uniform around r, so the error above has deviation
//   2 * |r| * tan(y, r) * |q - x| / sqrt(D - 1)
// and normal tails; three deviations are exceeded about once in 370 rows. The query's rounding adds a
// deviation of factor * |y| * scale / sqrt(12) * 2. L1 has no such estimate, since no rotation keeps it: not
// supported.
//
// Numerical stability: the terms above are rounded to f32, which counts where all rows are far from zero: the
// bound has 2^-22 of their magnitudes for it. Never NaN.
#ifndef OMENDB_QUANTIZE_RABITQ_QUANTIZER_H_
#define OMENDB_QUANTIZE_RABITQ_QUANTIZER_H_

#include <cstdint>

#include "base/array.h"
#include "base/coding.h"
#include "quantize/quantizer.h"
#include "quantize/rotation.h"

namespace omendb {

// Bits of the RaBitQ kinds, 0 for others.
[[nodiscard]] constexpr uint32_t RabitqBits(Quantization kind) {
  switch (kind) {
    case Quantization::kRabitq1:
      return 1;
    case Quantization::kRabitq2:
      return 2;
    case Quantization::kRabitq4:
      return 4;
    case Quantization::kRabitq7:
      return 7;
    default:
      return 0;
  }
}

class RabitqQuantizer final : public Quantizer {
 public:
  // A query prepared for distances. Reserve once per quantizer; then preparing cannot fail.
  struct Query {
    Array<int8_t> codes;       // padded dimensions
    Array<float> rotated;      // room to prepare in
    float offset = 0;          // the part that depends on the query alone
    float term_scale = 0;      // ordering distance = offset + term_scale * row term: |r|^2, or (x - c) . c
    float scale = 0;           //                     - scale * factor * (integer sum - bias)
    float bias = 0;            // the integer sum for y = 0
    float length = 0;          // of what was rounded to codes; of a query from outside
    float rounding_scale = 0;  // what a code of 1 stands for
  };

  // The rotation follows from `seed`. REQUIRES: metric is not L1; bits are 1, 2, 4 or 7.
  RabitqQuantizer(Metric metric, uint32_t dimensions, uint32_t bits, uint64_t seed);

  [[nodiscard]] Quantization kind() const override;
  // |r|^2, the factor and, under dot, (x - c) . c as float32, then the codes of padded_dimensions() as
  // distance/kernels.h packs them. Stored as they are in memory.
  [[nodiscard]] size_t row_bytes() const override;
  [[nodiscard]] size_t room_floats() const override { return padded_dimensions(); }
  [[nodiscard]] size_t memory_bytes() const override;
  [[nodiscard]] uint32_t padded_dimensions() const { return Rotation::Padded(dimensions_); }

  // Learns the center alone.
  Status Train(std::span<const float* const> rows, std::span<const float> inverse_norms) override;
  void Encode(const float* vector, float inverse_norm, float* room, uint8_t* out) const override;
  [[nodiscard]] bool ValidRow(const uint8_t* row) const override;
  // The vector nearest to what the row can have been: `dimensions` floats, under cosine about a unit vector.
  // `room`: room_floats() floats.
  void Decode(const uint8_t* row, float* room, float* vector) const;

  Status ReserveQuery(Query* query) const;
  void PrepareQuery(const float* vector, float inverse_norm, Query* query) const;
  // From an encoded row, as if its decoded vector were the query; all distances are off by the same, so that
  // under L2 and cosine the row itself is at 0.
  void PrepareQueryFromRow(const uint8_t* row, Query* query) const;
  // The ordering distances (distance/metric.h) of the query to `count` <= 4 encoded rows. Never NaN.
  void Distances(const Query& query, const uint8_t* const rows[], uint32_t count, float* distances) const;
  // Three standard deviations of the error of a row's ordering distance from a query from outside. `room`:
  // padded_dimensions() bytes.
  [[nodiscard]] float ErrorBound(const Query& query, const uint8_t* row, float distance, int8_t* room) const;

  Status Serialize(Bytes& out) const override;
  Status Deserialize(Reader& in) override;

 private:
  Status Adopt(uint64_t seed, Array<float> center);
  [[nodiscard]] size_t codes_offset() const { return metric_ == Metric::kDot ? 12 : 8; }
  // Where the term is that counts in a distance.
  [[nodiscard]] size_t term_offset() const { return metric_ == Metric::kDot ? 8 : 0; }
  void SetScales(float rounding_scale, Query* query) const;
  // Rounds query->rotated to codes.
  void RoundQuery(Query* query) const;
  // y of a row, doubled so that it is whole: odd numbers of -127..127. Returns |y|^2.
  float CenteredCodes(const uint8_t* row, int8_t* doubled) const;

  Metric metric_;
  uint32_t dimensions_;
  uint32_t bits_;
  uint64_t seed_;
  Rotation rotation_;
  Array<float> center_;  // padded
  float center_squared_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_RABITQ_QUANTIZER_H_
