#include "distance/metric.h"

#include <algorithm>
#include <cmath>

#include "distance/kernels.h"
#include "distance/vector_type.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// Numbers of a row that are widened at a time; whole bytes of bits.
constexpr uint32_t kWidenedAtOnce = 256;

// In double: f32 squares of valid vectors overflow and underflow. Four sums as in the kernels.
double SumOfSquares(const float* vector, uint32_t dimensions) {
  double sums[4] = {};
  uint32_t d = 0;
  for (; d + 4 <= dimensions; d += 4) {
    for (uint32_t lane = 0; lane < 4; ++lane) {
      double value = vector[d + lane];
      sums[lane] += value * value;
    }
  }
  for (; d < dimensions; ++d) sums[0] += static_cast<double>(vector[d]) * vector[d];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// `first`: the dimension that vector[0] is.
[[clang::minsize]] Status NotFinite(const float* vector, uint32_t dimensions, uint32_t first) {
  uint32_t d = 0;
  while (d + 1 < dimensions && std::isfinite(vector[d])) ++d;
  const char* found = "-infinity";
  if (std::isnan(vector[d])) {
    found = "NaN";
  } else if (vector[d] > 0) {
    found = "infinity";
  }
  return Status::Error(Code::kInvalidVector, "expected finite numbers, found ", found, " at dimension ",
                       first + d);
}

[[clang::minsize]] Status CheckUnusedBits(const uint8_t* row, uint32_t dimensions) {
  if (dimensions % 8 == 0) return Status::Ok();
  const uint32_t unused = static_cast<uint32_t>(row[dimensions / 8]) >> dimensions % 8;
  if (unused == 0) return Status::Ok();
  return Status::Error(Code::kInvalidVector, "expected 0 in the unused bits of the last byte, found ",
                       unused);
}

}  // namespace

Status CheckVector(Metric metric, const float* vector, uint32_t dimensions, float* inverse_norm) {
  return CheckStoredVector(metric, VectorType::kFloat32, reinterpret_cast<const uint8_t*>(vector), dimensions,
                           inverse_norm);
}

Status CheckStoredVector(Metric metric, VectorType type, const uint8_t* row, uint32_t dimensions,
                         float* inverse_norm) {
  if (type == VectorType::kBinary) OMENDB_TRY(CheckUnusedBits(row, dimensions));
  const WidenFunction widen = WidenFunctionOf(type);
  const uint32_t at_once = widen == nullptr ? dimensions : kWidenedAtOnce;
  double sum = 0;
  for (uint32_t first = 0; first < dimensions; first += at_once) {
    float widened[kWidenedAtOnce];
    const float* floats = reinterpret_cast<const float*>(row);
    const uint32_t count = std::min(at_once, dimensions - first);
    if (widen != nullptr) {
      widen(row + VectorBytes(type, first), count, widened);
      floats = widened;
    }
    const double part = SumOfSquares(floats, count);
    // Squares of floats do not overflow a double: the sum for finite numbers is finite, and no other is.
    if (!std::isfinite(part)) return NotFinite(floats, count, first);
    sum += part;
  }
  const double norm = std::sqrt(sum);
  if (norm > kNormMax) {
    return Status::Error(Code::kInvalidVector,
                         "expected a Euclidean norm of at most 4.6e18, found a larger one");
  }
  *inverse_norm = 1;
  if (metric != Metric::kCosine) return Status::Ok();
  if (norm < kCosineNormMin) {
    return Status::Error(Code::kInvalidVector,
                         "expected a Euclidean norm of at least 1e-15 under cosine, found ",
                         norm == 0 ? "0" : "a smaller one");
  }
  *inverse_norm = static_cast<float>(1 / norm);
  return Status::Ok();
}

float OrderingDistance(Metric metric, const float* query, float query_inverse_norm, const float* row,
                       float row_inverse_norm, uint32_t dimensions) {
  const KernelSet& kernels = Kernels();
  switch (metric) {
    case Metric::kL2:
      return kernels.squared_l2_f32(query, row, dimensions);
    case Metric::kCosine:
      return 1 - kernels.dot_f32(query, row, dimensions) * query_inverse_norm * row_inverse_norm;
    case Metric::kDot:
      return 0 - kernels.dot_f32(query, row, dimensions);  // a difference, so that 0 is not -0
    case Metric::kL1:
      break;
  }
  return kernels.l1_f32(query, row, dimensions);
}

float ToPublicDistance(Metric metric, float ordering_distance) {
  switch (metric) {
    case Metric::kL2:
      return std::sqrt(std::max(ordering_distance, 0.0F));
    case Metric::kCosine:
      return std::clamp(ordering_distance, 0.0F, 2.0F);
    case Metric::kDot:
    case Metric::kL1:
      break;
  }
  return ordering_distance;
}

}  // namespace omendb
