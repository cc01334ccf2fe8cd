#include "quantize/rabitq_quantizer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/small_code.h"
#include "distance/kernels.h"
#include "omendb/limits.h"
#include "quantize/reordered_sums.h"
#include "quantize/rounding.h"

namespace omendb {
namespace {

constexpr float kQueryCodeMax = 127;
constexpr size_t kFactorOffset = 4;
constexpr size_t kCenterTermOffset = 8;  // under dot
constexpr float kErrorDeviations = 3;
// Of the terms of a distance, in f32: they are rounded, and so are their sums.
constexpr float kRoundingError = 0x1p-22F;
// Means of vectors within kNormMax.
constexpr auto kValueMax = static_cast<float>(4 * kNormMax);

// The step between levels, in deviations, that loses least of a normal variable (Max 1960, table II): rotated
// coordinates are about normal.
float StepOf(uint32_t bits) {
  switch (bits) {
    case 2:
      return 0.9957F;
    case 4:
      return 0.3352F;
    case 7:
      return 0.0569F;
    default:
      return 1.596F;
  }
}

float SquaredLength(const float* values, uint32_t count) {
  OMENDB_REORDER_SUMS
  float sum = 0;
  for (uint32_t i = 0; i < count; ++i) sum += values[i] * values[i];
  return sum;
}

// In double: far from zero what tells rows apart is a small part of it.
float DotProduct(const float* a, const float* b, uint32_t count) {
  OMENDB_REORDER_SUMS
  double sum = 0;
  for (uint32_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(std::clamp(sum, -static_cast<double>(kFarthest), static_cast<double>(kFarthest)));
}

float GreatestMagnitude(const float* values, uint32_t count) {
  uint32_t greatest_bits = 0;
  for (uint32_t i = 0; i < count; ++i) {
    greatest_bits = std::max(greatest_bits, std::bit_cast<uint32_t>(values[i]) & 0x7fffffffU);
  }
  return std::bit_cast<float>(greatest_bits);
}

// Where codes lie (distance/kernels.h, "Packed codes"): visit(first dimension, first byte, lanes, shift) for
// every plane of every block. Bits are no template argument: the loops inside are vectors all the same, and
// the module is smaller.
template <typename Visit>
inline void ForEachPlane(uint32_t bits, uint32_t dimensions, Visit visit) {
  const uint32_t planes = 8 / bits;
  for (uint32_t first = 0; first < dimensions; first += 16 * planes) {
    const uint32_t lanes = dimensions - first < 16 * planes ? 8 : 16;
    for (uint32_t plane = 0; plane < planes; ++plane) {
      visit(first + plane * lanes, first / planes, lanes, plane * bits);
    }
  }
}

struct Encoding {
  float inverse_step;
  float half_range;
  float level_max;
};

// Makes a rotated residual the levels of its coordinates, as floats; returns <y, r>.
float ToLevels(float* __restrict residual, uint32_t dimensions, const Encoding& encoding) {
  OMENDB_REORDER_SUMS
  float dot = 0;
  for (uint32_t d = 0; d < dimensions; ++d) {
    float scaled = residual[d] * encoding.inverse_step + encoding.half_range;
    scaled = scaled < 0 ? 0 : scaled;
    scaled = scaled > encoding.level_max ? encoding.level_max : scaled;
    // Truncated, because a level stands in the middle of its cell.
    const auto level = static_cast<float>(static_cast<int32_t>(scaled));
    dot += residual[d] * (level - encoding.level_max / 2);
    residual[d] = level;
  }
  return dot;
}

void PackLevels(const float* __restrict levels, uint32_t bits, uint32_t dimensions, uint8_t* __restrict out) {
  ForEachPlane(bits, dimensions, [&](uint32_t first, uint32_t byte, uint32_t lanes, uint32_t shift) {
    for (uint32_t lane = 0; lane < lanes; ++lane) {
      const auto bits_above = shift == 0 ? 0U : uint32_t{out[byte + lane]};
      const uint32_t level = static_cast<uint32_t>(static_cast<int32_t>(levels[first + lane]));
      out[byte + lane] = static_cast<uint8_t>(bits_above | level << shift);
    }
  });
}

void UnpackCentered(const uint8_t* __restrict codes, uint32_t bits, uint32_t dimensions,
                    int8_t* __restrict doubled) {
  const auto level_max = static_cast<uint8_t>((1U << bits) - 1);
  ForEachPlane(bits, dimensions, [&](uint32_t first, uint32_t byte, uint32_t lanes, uint32_t shift) {
    for (uint32_t lane = 0; lane < lanes; ++lane) {
      const auto level = static_cast<uint8_t>(codes[byte + lane] >> shift & level_max);
      doubled[first + lane] = static_cast<int8_t>(2 * level - level_max);
    }
  });
}

float SumOfSquares(const int8_t* values, uint32_t count) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) sum += values[i] * values[i];
  return static_cast<float>(sum);
}

float SquaredResidual(const uint8_t* row) { return LoadAt<float>(row); }
float Factor(const uint8_t* row) { return LoadAt<float>(row + kFactorOffset); }

// What y is multiplied with to decode: |r| cos(y, r) / |y|, the factor that errs least; RaBitQ's own, which
// is greater by 1 / cos^2, errs more but has no bias.
float DecodeFactor(const uint8_t* row, float squared_length) {
  const float factor = Factor(row);
  if (!(factor > 0)) return 0;
  return SquaredResidual(row) / factor / squared_length;
}

}  // namespace

RabitqQuantizer::RabitqQuantizer(Metric metric, uint32_t dimensions, uint32_t bits, uint64_t seed)
    : metric_(metric), dimensions_(dimensions), bits_(bits), seed_(seed) {
  assert(metric != Metric::kL1 && (bits == 1 || bits == 2 || bits == 4 || bits == 7));
}

Quantization RabitqQuantizer::kind() const {
  auto kind = Quantization::kRabitq1;
  while (RabitqBits(kind) != bits_) kind = static_cast<Quantization>(static_cast<uint8_t>(kind) + 1);
  return kind;
}

size_t RabitqQuantizer::row_bytes() const {
  const size_t stored_bits = bits_ == 7 ? 8 : bits_;
  return codes_offset() + size_t{padded_dimensions()} * stored_bits / 8;
}

OMENDB_SMALL_CODE Status RabitqQuantizer::Train(std::span<const float* const> rows,
                                                std::span<const float> inverse_norms) {
  assert(!rows.empty() && rows.size() == inverse_norms.size());
  Array<double> sums;
  Array<float> center;
  OMENDB_TRY(sums.Resize(dimensions_));
  OMENDB_TRY(center.Resize(padded_dimensions()));
  for (size_t i = 0; i < rows.size(); ++i) {
    const float* values = rows[i];
    const double inverse_norm = inverse_norms[i];
    for (uint32_t d = 0; d < dimensions_; ++d) sums[d] += static_cast<double>(values[d]) * inverse_norm;
  }
  for (uint32_t d = 0; d < dimensions_; ++d) {
    center[d] = static_cast<float>(sums[d] / static_cast<double>(rows.size()));
  }
  return Adopt(seed_, std::move(center));
}

OMENDB_SMALL_CODE Status RabitqQuantizer::Adopt(uint64_t seed, Array<float> center) {
  Rotation rotation;
  OMENDB_TRY(rotation.Init(dimensions_, seed));
  seed_ = seed;
  rotation_ = std::move(rotation);
  center_squared_ = SquaredLength(center.data(), dimensions_);
  center_ = std::move(center);
  return Status::Ok();
}

void RabitqQuantizer::Encode(const float* vector, float inverse_norm, float* room, uint8_t* out) const {
  const uint32_t padded = rotation_.padded();
  const float* __restrict center = center_.data();
  float* __restrict residual = room;
  for (uint32_t d = 0; d < dimensions_; ++d) residual[d] = vector[d] * inverse_norm - center[d];
  for (uint32_t d = dimensions_; d < padded; ++d) residual[d] = 0;
  if (metric_ == Metric::kDot) {
    StoreAt<float>(out + kCenterTermOffset, DotProduct(residual, center, dimensions_));
  }
  rotation_.Apply(residual);

  const float squared = std::min(SquaredLength(residual, padded), kFarthest);
  const float deviation = std::sqrt(squared / static_cast<float>(padded));
  // A row at the center: every code is as good, and the factor 0 makes them count for nothing.
  const float inverse_step = deviation > 0 ? 1 / (deviation * StepOf(bits_)) : 0;
  const Encoding encoding = {inverse_step, static_cast<float>(1U << bits_) / 2,
                             static_cast<float>((1U << bits_) - 1)};
  const float dot = ToLevels(residual, padded, encoding);
  PackLevels(residual, bits_, padded, out + codes_offset());
  StoreAt<float>(out, squared);
  StoreAt<float>(out + kFactorOffset, dot > 0 ? std::min(squared / dot, kFarthest) : 0);
}

bool RabitqQuantizer::ValidRow(const uint8_t* row) const {
  // Written so that NaN fails.
  const bool terms_valid = SquaredResidual(row) >= 0 && SquaredResidual(row) <= kFarthest &&
                           Factor(row) >= 0 && Factor(row) <= kFarthest &&
                           std::fabs(LoadAt<float>(row + term_offset())) <= kFarthest;
  if (!terms_valid || bits_ != 7) return terms_valid;
  uint8_t all = 0;
  for (size_t i = codes_offset(); i < row_bytes(); ++i) all |= row[i];
  return all < 0x80;
}

float RabitqQuantizer::CenteredCodes(const uint8_t* row, int8_t* doubled) const {
  const uint32_t padded = rotation_.padded();
  UnpackCentered(row + codes_offset(), bits_, padded, doubled);
  return SumOfSquares(doubled, padded) / 4;
}

void RabitqQuantizer::Decode(const uint8_t* row, float* room, float* vector) const {
  const uint32_t padded = rotation_.padded();
  // The codes in the last quarter of the room, which the floats reach last.
  auto* doubled = reinterpret_cast<int8_t*>(room) + size_t{3} * padded;
  const float factor = DecodeFactor(row, CenteredCodes(row, doubled)) / 2;
  for (uint32_t d = 0; d < padded; ++d) {
    const float value = factor * static_cast<float>(doubled[d]);
    room[d] = value;
  }
  rotation_.ApplyInverse(room);
  for (uint32_t d = 0; d < dimensions_; ++d) vector[d] = room[d] + center_[d];
}

// ---- Queries ------------------------------------------------------------------------------------------

Status RabitqQuantizer::ReserveQuery(Query* query) const {
  OMENDB_TRY(query->codes.Resize(rotation_.padded()));
  return query->rotated.Resize(rotation_.padded());
}

void RabitqQuantizer::SetScales(float rounding_scale, Query* query) const {
  query->term_scale = metric_ == Metric::kL2 ? 1.0F : 0.5F;
  if (metric_ == Metric::kDot) query->term_scale = -1;
  query->scale = metric_ == Metric::kL2 ? 2 * rounding_scale : rounding_scale;
  query->rounding_scale = rounding_scale;
  int32_t sum = 0;
  for (int8_t code : query->codes) sum += code;
  query->bias = static_cast<float>(sum) * static_cast<float>((1U << bits_) - 1) / 2;
}

void RabitqQuantizer::RoundQuery(Query* query) const {
  const uint32_t padded = rotation_.padded();
  const float* __restrict rotated = query->rotated.data();
  int8_t* __restrict codes = query->codes.data();
  const float greatest = GreatestMagnitude(rotated, padded);
  const float scale = std::max(greatest / kQueryCodeMax, 1e-37F);
  const float inverse_scale = 1 / scale;
  for (uint32_t d = 0; d < padded; ++d)
    codes[d] = static_cast<int8_t>(RoundToInt(rotated[d] * inverse_scale));
  SetScales(scale, query);
}

void RabitqQuantizer::PrepareQuery(const float* vector, float inverse_norm, Query* query) const {
  const uint32_t padded = rotation_.padded();
  const float* __restrict center = center_.data();
  float* __restrict rotated = query->rotated.data();
  for (uint32_t d = 0; d < dimensions_; ++d) rotated[d] = vector[d] * inverse_norm - center[d];
  for (uint32_t d = dimensions_; d < padded; ++d) rotated[d] = 0;
  const float squared = std::min(SquaredLength(rotated, dimensions_), kFarthest);
  query->length = std::sqrt(squared);
  query->offset = metric_ == Metric::kCosine ? squared / 2 : squared;
  if (metric_ == Metric::kDot) query->offset = -DotProduct(vector, center, dimensions_);
  rotation_.Apply(rotated);
  RoundQuery(query);
}

void RabitqQuantizer::PrepareQueryFromRow(const uint8_t* row, Query* query) const {
  int8_t* doubled = query->codes.data();
  const float factor = DecodeFactor(row, CenteredCodes(row, doubled)) / 2;
  query->offset = metric_ == Metric::kCosine ? SquaredResidual(row) / 2 : SquaredResidual(row);
  if (metric_ == Metric::kDot) query->offset = -(center_squared_ + LoadAt<float>(row + kCenterTermOffset));
  SetScales(factor, query);
}

void RabitqQuantizer::Distances(const Query& query, const uint8_t* const rows[], uint32_t count,
                                float* distances) const {
  const uint8_t* codes[4];
  int32_t dots[4];
  // A row stands in for those that are not there.
  for (uint32_t i = 0; i < 4; ++i) codes[i] = rows[std::min(i, count - 1)] + codes_offset();
  const uint32_t padded = rotation_.padded();
  switch (bits_) {
    case 1:
      Kernels().dot_i8_u1_x4(query.codes.data(), codes, padded, dots);
      break;
    case 2:
      Kernels().dot_i8_u2_x4(query.codes.data(), codes, padded, dots);
      break;
    case 4:
      Kernels().dot_i8_u4_x4(query.codes.data(), codes, padded, dots);
      break;
    default:
      Kernels().dot_i8_u7_x4(query.codes.data(), codes, padded, dots);
      break;
  }
  for (uint32_t i = 0; i < count; ++i) {
    const float dot = (static_cast<float>(dots[i]) - query.bias) * Factor(rows[i]);
    const float distance =
        query.offset + query.term_scale * LoadAt<float>(rows[i] + term_offset()) - query.scale * dot;
    // Terms near the end of f32's range may meet as infinity minus infinity.
    distances[i] = distance < kFarthest ? distance : kFarthest;
  }
}

float RabitqQuantizer::ErrorBound(const Query& query, const uint8_t* row, float distance,
                                  int8_t* room) const {
  const float factor = Factor(row);
  if (!(factor > 0)) return 0;
  const float squared_length = CenteredCodes(row, room);
  const float decoded_squared = factor * factor * squared_length;
  // |r|^2 tan^2 of the angle between y and r, over the coordinates it is spread on.
  const float spread =
      std::max(decoded_squared - SquaredResidual(row), 0.0F) / static_cast<float>(rotation_.padded() - 1);
  // What the error is projected on: s under dot, else R (q - x).
  float projected_squared = query.length * query.length;
  if (metric_ == Metric::kL2) projected_squared = std::max(distance, 0.0F);
  if (metric_ == Metric::kCosine) projected_squared = std::max(2 * distance, 0.0F);
  // Rounding to whole codes has a variance of 1/12.
  const float rounding = decoded_squared * query.rounding_scale * query.rounding_scale / 12;
  const float deviation = std::sqrt(spread * projected_squared + rounding);
  const float terms = std::fabs(query.offset) + std::fabs(LoadAt<float>(row + term_offset()));
  const float bound =
      kErrorDeviations * (metric_ == Metric::kL2 ? 2 * deviation : deviation) + kRoundingError * terms;
  return bound < kFarthest ? bound : kFarthest;
}

size_t RabitqQuantizer::memory_bytes() const {
  return rotation_.memory_bytes() + center_.capacity() * sizeof(float);
}

// ---- Storage ------------------------------------------------------------------------------------------

OMENDB_SMALL_CODE Status RabitqQuantizer::Serialize(Bytes& out) const {
  OMENDB_TRY(PutNumber<uint32_t>(out, QuantizerTag(kind(), metric_)));
  OMENDB_TRY(PutNumber<uint32_t>(out, dimensions_));
  OMENDB_TRY(PutNumber<uint64_t>(out, seed_));
  return out.Append({reinterpret_cast<const uint8_t*>(center_.data()), dimensions_ * sizeof(float)});
}

OMENDB_SMALL_CODE Status RabitqQuantizer::Deserialize(Reader& in) {
  const auto stored_dimensions = in.Number<uint32_t>();
  const auto seed = in.Number<uint64_t>();
  if (in.failed() || stored_dimensions != dimensions_) {
    return Status::Error(Code::kCorruption, "quantizer: expected ", dimensions_, " dimensions, found ",
                         stored_dimensions);
  }
  ByteSpan stored = in.Take(uint64_t{dimensions_} * sizeof(float));
  if (in.failed()) {
    return Status::Error(Code::kCorruption, "quantizer: expected ", uint64_t{dimensions_} * 4, " more bytes");
  }
  Array<float> center;
  OMENDB_TRY(center.Resize(padded_dimensions()));
  std::memcpy(center.data(), stored.data(), stored.size());
  for (uint32_t d = 0; d < dimensions_; ++d) {
    if (!(std::fabs(center[d]) <= kValueMax)) {  // so that NaN fails
      return Status::Error(Code::kCorruption, "quantizer: center of dimension ", d, " is out of range");
    }
  }
  return Adopt(seed, std::move(center));
}

}  // namespace omendb
