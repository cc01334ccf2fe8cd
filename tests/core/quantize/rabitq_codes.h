// Rows encoded by a RaBitQ quantizer, and a query against them, for its tests.
#ifndef OMENDB_TESTS_CORE_QUANTIZE_RABITQ_CODES_H_
#define OMENDB_TESTS_CORE_QUANTIZE_RABITQ_CODES_H_

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "quantize/quantizer_rows.h"
#include "quantize/rabitq_quantizer.h"

namespace omendb {

inline constexpr uint32_t kBitCounts[] = {1, 2, 4, 7};
inline constexpr Metric kRotatedMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot};

// The ordering distance without rounding.
inline double ExactDistance(Metric metric, const std::vector<double>& a, const std::vector<double>& b) {
  double squared = 0;
  double dot = 0;
  for (size_t d = 0; d < a.size(); ++d) {
    squared += (a[d] - b[d]) * (a[d] - b[d]);
    dot += a[d] * b[d];
  }
  if (metric == Metric::kDot) return -dot;
  return metric == Metric::kCosine ? squared / 2 : squared;
}

class RabitqCodes {
 public:
  // Trained on the rows, which are all encoded.
  RabitqCodes(Metric metric, uint32_t dimensions, uint32_t bits, uint64_t seed, const Rows& rows)
      : dimensions_(dimensions), quantizer_(metric, dimensions, bits, seed) {
    EXPECT_TRUE(rows.Train(quantizer_).ok());
    EXPECT_TRUE(quantizer_.ReserveQuery(&query_).ok());
    room_.resize(quantizer_.room_floats());
    bound_room_.resize(quantizer_.padded_dimensions());
    bytes_.resize(quantizer_.row_bytes() * rows.count(), 0xee);
    for (uint32_t i = 0; i < rows.count(); ++i) {
      quantizer_.Encode(rows.row(i), rows.inverse_norm(i), room_.data(), row(i));
    }
  }
  [[nodiscard]] RabitqQuantizer& quantizer() { return quantizer_; }
  [[nodiscard]] uint8_t* row(uint32_t i) { return bytes_.data() + i * quantizer_.row_bytes(); }
  // |r|^2 and the factor.
  [[nodiscard]] float squared_residual(uint32_t i) { return LoadAt<float>(row(i)); }
  [[nodiscard]] float factor(uint32_t i) { return LoadAt<float>(row(i) + 4); }
  [[nodiscard]] std::vector<float> Decoded(uint32_t i) {
    std::vector<float> decoded(dimensions_);
    quantizer_.Decode(row(i), room_.data(), decoded.data());
    return decoded;
  }

  void SetVector(const float* vector, float inverse_norm) {
    quantizer_.PrepareQuery(vector, inverse_norm, &query_);
  }
  void SetRow(uint32_t i) { quantizer_.PrepareQueryFromRow(row(i), &query_); }
  [[nodiscard]] float Distance(uint32_t i) {
    const uint8_t* asked = row(i);
    float distance = 0;
    quantizer_.Distances(query_, &asked, 1, &distance);
    return distance;
  }
  [[nodiscard]] float Bound(uint32_t i, float distance) {
    return quantizer_.ErrorBound(query_, row(i), distance, bound_room_.data());
  }

 private:
  uint32_t dimensions_;
  RabitqQuantizer quantizer_;
  RabitqQuantizer::Query query_;
  std::vector<float> room_;
  std::vector<int8_t> bound_room_;
  std::vector<uint8_t> bytes_;
};

// Gaussian rows around centers, with what makes quantizers err.
struct RowsShape {
  std::string name = {};
  uint32_t dimensions = 128;
  uint32_t clusters = 1;
  double spread = 1;      // of a cluster, against 1 between centers
  double decay = 1;       // of the scale from one dimension to the next
  double log_length = 0;  // deviation of the logarithm of a row's length
  double offset = 0;      // added to every number
  double density = 1;     // part of the numbers that are not 0
};

inline Rows MakeRows(const RowsShape& shape, Metric metric, uint32_t count, uint64_t centers_seed,
                     uint64_t seed) {
  Prng of_centers(centers_seed);
  std::vector<double> centers(size_t{shape.clusters} * shape.dimensions);
  for (double& value : centers) value = shape.clusters == 1 ? 0 : Normal(of_centers);
  Prng prng(seed);
  uint32_t cluster = 0;
  double length = 1;
  double scale = 1;
  return {metric, shape.dimensions, count, [&](uint32_t, uint32_t d) {
            if (d == 0) {
              cluster = prng.Below(shape.clusters);
              length = std::exp(shape.log_length * Normal(prng));
              scale = length;
            }
            const double center = centers[size_t{cluster} * shape.dimensions + d];
            const double value = scale * (center + shape.spread * Normal(prng)) + shape.offset;
            scale *= shape.decay;
            // The first is always there, so that cosine has a direction.
            return d == 0 || prng.Uniform() < shape.density ? value : 0.0;
          }};
}

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_QUANTIZE_RABITQ_CODES_H_
