#include "quantize/scalar_quantizer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/small_code.h"
#include "distance/kernels.h"
#include "omendb/limits.h"
#include "quantize/reordered_sums.h"
#include "quantize/rounding.h"
#include "quantize/value_ranges.h"

namespace omendb {
namespace {

constexpr float kCodeMax = 127;
constexpr uint32_t kBlockDimensions = 16;
constexpr size_t kCenterTermOffset = 4;
constexpr size_t kUnusedOffset = 8;  // up to kCodesOffset
// Smaller steps have no finite inverse in f32, and squares of such values vanish anyway.
constexpr float kStepMin = 1e-30F;
// Ranges are learned from vectors within kNormMax and widened by less than this factor.
constexpr auto kValueMax = static_cast<float>(4 * kNormMax);
constexpr double kWeightMax = 32767;
constexpr double kWeightScaleMin = 1e-37;  // its inverse is an f32

constexpr uint32_t PaddedDimensions(uint32_t dimensions) {
  return (dimensions + kBlockDimensions - 1) / kBlockDimensions * kBlockDimensions;
}

inline int8_t ToCode(float scaled) {
  float clamped = scaled < -kCodeMax ? -kCodeMax : scaled;
  clamped = clamped > kCodeMax ? kCodeMax : clamped;
  return static_cast<int8_t>(RoundToInt(clamped));
}

float ToFloat(double value) {
  return static_cast<float>(
      std::clamp(value, -static_cast<double>(kFarthest), static_cast<double>(kFarthest)));
}

// The least scale at which weights of this greatest and total magnitude fit 16 bits each and keep the sum
// of their products with codes within 31 bits.
double WeightScale(double greatest, double total, uint32_t dimensions) {
  // Rounding adds at most a half to each.
  double total_max = static_cast<double>((uint32_t{1} << 24) - 1) - PaddedDimensions(dimensions) / 2.0;
  return std::max({greatest / kWeightMax, total / total_max, kWeightScaleMin});
}

// |x^ - center|^2
float SquaredDistanceToCenter(const float* steps, const int8_t* codes, uint32_t padded) {
  OMENDB_REORDER_SUMS
  float sum = 0;
  for (uint32_t d = 0; d < padded; ++d) {
    float moved = steps[d] * static_cast<float>(codes[d]);
    sum += moved * moved;
  }
  return sum;
}

// x^ . center
float DotWithCenter(const float* centers, const float* steps, const int8_t* codes, uint32_t padded) {
  OMENDB_REORDER_SUMS
  float sum = 0;
  for (uint32_t d = 0; d < padded; ++d) {
    sum += (centers[d] + steps[d] * static_cast<float>(codes[d])) * centers[d];
  }
  return sum;
}

struct QuerySums {
  float greatest_weight = 0;
  float total_weight = 0;  // of magnitudes
  float offset = 0;        // dot: q . center, else |q - center|^2
};

template <bool kIsDot>
QuerySums SumQuery(const float* values, float inverse_norm, const float* centers, const float* steps,
                   uint32_t dimensions) {
  OMENDB_REORDER_SUMS
  // Without their sign floats order like their bits, and the greatest of integers is found in vectors.
  uint32_t greatest_bits = 0;
  QuerySums sums;
  for (uint32_t d = 0; d < dimensions; ++d) {
    float moved = values[d] * inverse_norm - (kIsDot ? 0 : centers[d]);
    float weight = std::fabs(moved * steps[d]);
    greatest_bits = std::max(greatest_bits, std::bit_cast<uint32_t>(weight));
    sums.total_weight += weight;
    sums.offset += moved * (kIsDot ? centers[d] : moved);
  }
  sums.greatest_weight = std::bit_cast<float>(greatest_bits);
  return sums;
}

template <bool kIsDot>
void RoundWeights(const float* values, float inverse_norm, const float* centers, const float* steps,
                  float inverse_scale, uint32_t dimensions, int16_t* __restrict weights) {
  for (uint32_t d = 0; d < dimensions; ++d) {
    float moved = values[d] * inverse_norm - (kIsDot ? 0 : centers[d]);
    weights[d] = static_cast<int16_t>(RoundToInt(moved * steps[d] * inverse_scale));
  }
}

const int8_t* CodesOf(const uint8_t* row) {
  return reinterpret_cast<const int8_t*>(row + ScalarQuantizer::kCodesOffset);
}

}  // namespace

size_t ScalarQuantizer::RowBytes(uint32_t dimensions) { return kCodesOffset + PaddedDimensions(dimensions); }

OMENDB_SMALL_CODE Status ScalarQuantizer::Train(std::span<const float* const> rows,
                                                std::span<const float> inverse_norms) {
  assert(!rows.empty() && rows.size() == inverse_norms.size());
  size_t count = std::min<size_t>(rows.size(), kSampleRowsMax);
  Array<const float*> sample;
  Array<float> sample_inverse_norms;
  OMENDB_TRY(sample.Reserve(count));
  OMENDB_TRY(sample_inverse_norms.Reserve(count));
  for (size_t i = 0; i < count; ++i) {
    auto from = static_cast<size_t>(uint64_t{i} * rows.size() / count);
    sample.PushReserved(rows[from]);
    sample_inverse_norms.PushReserved(inverse_norms[from]);
  }
  OMENDB_ASSIGN(ValueRanges ranges,
                LearnValueRanges(dimensions_, sample.span(), sample_inverse_norms.span()));

  float width_max = 0;
  for (uint32_t d = 0; d < dimensions_; ++d) width_max = std::max(width_max, ranges.high[d] - ranges.low[d]);
  Array<float> centers;
  Array<float> steps;
  OMENDB_TRY(centers.Resize(PaddedDimensions(dimensions_)));
  OMENDB_TRY(steps.Resize(PaddedDimensions(dimensions_)));
  for (uint32_t d = 0; d < dimensions_; ++d) {
    // L1 adds up differences of codes, so that all dimensions need one step.
    float width = metric_ == Metric::kL1 ? width_max : ranges.high[d] - ranges.low[d];
    centers[d] = ranges.low[d] / 2 + ranges.high[d] / 2;
    steps[d] = std::max(width / (2 * kCodeMax), kStepMin);
  }
  return Adopt(std::move(centers), std::move(steps));
}

OMENDB_SMALL_CODE Status ScalarQuantizer::Adopt(Array<float> centers, Array<float> steps) {
  uint32_t padded = PaddedDimensions(dimensions_);
  Array<float> inverse_steps;
  Array<float> slopes;
  Array<float> intercepts;
  OMENDB_TRY(inverse_steps.Resize(padded));
  OMENDB_TRY(slopes.Resize(padded));
  if (metric_ == Metric::kDot) OMENDB_TRY(intercepts.Resize(padded));

  double greatest = 0;
  double total = 0;
  for (uint32_t d = 0; d < dimensions_; ++d) {
    double step = steps[d];
    double weight_max = step * step * static_cast<double>(kCodeMax);
    if (metric_ == Metric::kDot) weight_max += std::fabs(static_cast<double>(centers[d])) * step;
    greatest = std::max(greatest, weight_max);
    total += weight_max;
  }
  double scale = WeightScale(greatest, total, dimensions_);
  for (uint32_t d = 0; d < dimensions_; ++d) {
    double step = steps[d];
    inverse_steps[d] = 1 / steps[d];
    slopes[d] = static_cast<float>(step * step / scale);
    if (metric_ == Metric::kDot) intercepts[d] = static_cast<float>(centers[d] * step / scale);
  }
  centers_ = std::move(centers);
  steps_ = std::move(steps);
  inverse_steps_ = std::move(inverse_steps);
  row_weight_slopes_ = std::move(slopes);
  row_weight_intercepts_ = std::move(intercepts);
  row_weight_scale_ = ToFloat(scale);
  return Status::Ok();
}

void ScalarQuantizer::Encode(const float* vector, float inverse_norm, float* /*room*/, uint8_t* out) const {
  auto* __restrict codes = reinterpret_cast<int8_t*>(out + kCodesOffset);
  const float* __restrict values = vector;
  const float* __restrict centers = centers_.data();
  const float* __restrict steps = steps_.data();
  const float* __restrict inverse_steps = inverse_steps_.data();
  const uint32_t dimensions = dimensions_;
  const uint32_t padded = PaddedDimensions(dimensions);
  for (uint32_t d = 0; d < dimensions; ++d) {
    codes[d] = ToCode((values[d] * inverse_norm - centers[d]) * inverse_steps[d]);
  }
  for (uint32_t d = dimensions; d < padded; ++d) codes[d] = 0;

  float row_term = 0;
  float center_term = 0;
  switch (metric_) {
    case Metric::kL2:
      row_term = SquaredDistanceToCenter(steps, codes, padded);
      break;
    case Metric::kCosine:
      row_term = SquaredDistanceToCenter(steps, codes, padded) / 2;
      break;
    case Metric::kDot:
      center_term = DotWithCenter(centers, steps, codes, padded);
      break;
    case Metric::kL1:
      break;
  }
  std::memset(out, 0, kCodesOffset);
  StoreAt<float>(out, ToFloat(row_term));
  StoreAt<float>(out + kCenterTermOffset, ToFloat(center_term));
}

bool ScalarQuantizer::ValidRow(const uint8_t* row) const {
  if (!std::isfinite(LoadAt<float>(row)) || !std::isfinite(LoadAt<float>(row + kCenterTermOffset))) {
    return false;
  }
  if (LoadAt<uint64_t>(row + kUnusedOffset) != 0) return false;
  // Without branches, so that it is done in vectors. -128 is what Encode never writes.
  int8_t least = 0;
  const int8_t* codes = CodesOf(row);
  const uint32_t padded = PaddedDimensions(dimensions_);
  for (uint32_t i = 0; i < padded; ++i) least = std::min(least, codes[i]);
  return least >= -static_cast<int>(kCodeMax);
}

void ScalarQuantizer::Decode(const uint8_t* row, float* vector) const {
  const int8_t* codes = CodesOf(row);
  for (uint32_t d = 0; d < dimensions_; ++d) {
    vector[d] = centers_[d] + steps_[d] * static_cast<float>(codes[d]);
  }
}

Status ScalarQuantizer::ReserveQuery(Query* query) const {
  uint32_t padded = PaddedDimensions(dimensions_);
  return metric_ == Metric::kL1 ? query->codes.Resize(padded) : query->weights.Resize(padded);
}

void ScalarQuantizer::PrepareQuery(const float* vector, float inverse_norm, Query* query) const {
  if (metric_ == Metric::kL1) {
    PrepareCodes(vector, inverse_norm, query);
  } else {
    PrepareWeights(vector, inverse_norm, query);
  }
}

void ScalarQuantizer::PrepareCodes(const float* vector, float inverse_norm, Query* query) const {
  // What lies outside the range adds the same to the distance of every row.
  float reach = steps_[0] * kCodeMax;
  double outside = 0;
  for (uint32_t d = 0; d < dimensions_; ++d) {
    float moved = vector[d] * inverse_norm - centers_[d];
    query->codes[d] = ToCode(moved * inverse_steps_[d]);
    outside += static_cast<double>(std::max(std::fabs(moved) - reach, 0.0F));
  }
  query->offset = ToFloat(outside);
  query->scale = -steps_[0];
}

void ScalarQuantizer::PrepareWeights(const float* vector, float inverse_norm, Query* query) const {
  const bool is_dot = metric_ == Metric::kDot;
  const float* centers = centers_.data();
  const float* steps = steps_.data();
  const QuerySums sums = is_dot ? SumQuery<true>(vector, inverse_norm, centers, steps, dimensions_)
                                : SumQuery<false>(vector, inverse_norm, centers, steps, dimensions_);
  const double scale = WeightScale(static_cast<double>(sums.greatest_weight),
                                   static_cast<double>(sums.total_weight), dimensions_);
  const auto inverse_scale = static_cast<float>(1 / scale);
  int16_t* weights = query->weights.data();
  if (is_dot) {
    RoundWeights<true>(vector, inverse_norm, centers, steps, inverse_scale, dimensions_, weights);
  } else {
    RoundWeights<false>(vector, inverse_norm, centers, steps, inverse_scale, dimensions_, weights);
  }
  switch (metric_) {
    case Metric::kDot:
      query->offset = -ToFloat(sums.offset);
      query->scale = ToFloat(scale);
      break;
    case Metric::kCosine:
      query->offset = ToFloat(sums.offset / 2);
      query->scale = ToFloat(scale);
      break;
    case Metric::kL2:
    case Metric::kL1:
      query->offset = ToFloat(sums.offset);
      query->scale = ToFloat(2 * scale);
      break;
  }
}

void ScalarQuantizer::PrepareQueryFromRow(const uint8_t* row, Query* query) const {
  const int8_t* __restrict codes = CodesOf(row);
  uint32_t padded = PaddedDimensions(dimensions_);
  if (metric_ == Metric::kL1) {
    std::memcpy(query->codes.data(), codes, padded);
    query->offset = 0;
    query->scale = -steps_[0];
    return;
  }
  int16_t* __restrict weights = query->weights.data();
  const float* __restrict slopes = row_weight_slopes_.data();
  if (metric_ == Metric::kDot) {
    const float* __restrict intercepts = row_weight_intercepts_.data();
    for (uint32_t d = 0; d < padded; ++d) {
      weights[d] = static_cast<int16_t>(RoundToInt(static_cast<float>(codes[d]) * slopes[d] + intercepts[d]));
    }
    query->offset = -LoadAt<float>(row + kCenterTermOffset);
    query->scale = row_weight_scale_;
    return;
  }
  for (uint32_t d = 0; d < padded; ++d) {
    weights[d] = static_cast<int16_t>(RoundToInt(static_cast<float>(codes[d]) * slopes[d]));
  }
  query->offset = LoadAt<float>(row);
  query->scale = metric_ == Metric::kL2 ? 2 * row_weight_scale_ : row_weight_scale_;
}

float ScalarQuantizer::Distance(const Query& query, const uint8_t* row) const {
  uint32_t padded = PaddedDimensions(dimensions_);
  int32_t sum = metric_ == Metric::kL1 ? Kernels().l1_i8(query.codes.data(), CodesOf(row), padded)
                                       : Kernels().dot_i16_i8(query.weights.data(), CodesOf(row), padded);
  float distance = query.offset + LoadAt<float>(row) - query.scale * static_cast<float>(sum);
  // Terms of vectors near the greatest norm may overflow and cancel to NaN, which no order can hold.
  return distance < kFarthest ? distance : kFarthest;
}

size_t ScalarQuantizer::memory_bytes() const {
  size_t floats = centers_.capacity() + steps_.capacity() + inverse_steps_.capacity() +
                  row_weight_slopes_.capacity() + row_weight_intercepts_.capacity();
  return floats * sizeof(float);
}

OMENDB_SMALL_CODE Status ScalarQuantizer::Serialize(Bytes& out) const {
  OMENDB_TRY(out.ReserveMore(8 + size_t{dimensions_} * 2 * sizeof(float)));
  OMENDB_TRY(PutNumber<uint32_t>(out, QuantizerTag(kind(), metric_)));
  OMENDB_TRY(PutNumber<uint32_t>(out, dimensions_));
  for (const Array<float>* values : {&centers_, &steps_}) {
    OMENDB_TRY(out.Append({reinterpret_cast<const uint8_t*>(values->data()), dimensions_ * sizeof(float)}));
  }
  return Status::Ok();
}

OMENDB_SMALL_CODE Status ScalarQuantizer::Deserialize(Reader& in) {
  auto stored_dimensions = in.Number<uint32_t>();
  if (in.failed() || stored_dimensions != dimensions_) {
    return Status::Error(Code::kCorruption, "quantizer: expected ", dimensions_, " dimensions, found ",
                         stored_dimensions);
  }
  ByteSpan stored_centers = in.Take(uint64_t{dimensions_} * sizeof(float));
  ByteSpan stored_steps = in.Take(uint64_t{dimensions_} * sizeof(float));
  if (in.failed()) {
    return Status::Error(Code::kCorruption, "quantizer: expected ", uint64_t{dimensions_} * 8, " more bytes");
  }
  Array<float> centers;
  Array<float> steps;
  OMENDB_TRY(centers.Resize(PaddedDimensions(dimensions_)));
  OMENDB_TRY(steps.Resize(PaddedDimensions(dimensions_)));
  std::memcpy(centers.data(), stored_centers.data(), stored_centers.size());
  std::memcpy(steps.data(), stored_steps.data(), stored_steps.size());
  for (uint32_t d = 0; d < dimensions_; ++d) {
    // Written so that NaN fails.
    bool valid = std::fabs(centers[d]) <= kValueMax && steps[d] >= kStepMin && steps[d] <= kValueMax &&
                 (metric_ != Metric::kL1 || steps[d] == steps[0]);
    if (!valid) {
      return Status::Error(Code::kCorruption, "quantizer: center or step of dimension ", d,
                           " is out of range");
    }
  }
  return Adopt(std::move(centers), std::move(steps));
}

}  // namespace omendb
