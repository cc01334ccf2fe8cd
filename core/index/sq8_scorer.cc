#include "index/sq8_scorer.h"

#include <algorithm>
#include <cstring>

#include "index/kept_queries.h"
#include "quantize/rounding.h"

namespace omendb {
namespace {

// Terms near the end of f32's range may meet as infinity minus infinity. As a Neighbor a NaN could sort
// before everything; "as far as can be" is what the quantizer says of such rows.
inline float Bounded(float distance) { return distance < kFarthest ? distance : kFarthest; }

}  // namespace

Sq8Scorer::Sq8Scorer(const ChunkedRows& rows, const ScalarQuantizer& quantizer, Metric metric)
    : rows_(rows),
      quantizer_(quantizer),
      symmetric_(metric == Metric::kL1),
      padded_dimensions_(static_cast<uint32_t>(quantizer.row_bytes() - ScalarQuantizer::kCodesOffset)) {}

Status Sq8Scorer::Reserve() { return quantizer_.ReserveQuery(&query_); }

void Sq8Scorer::SetVector(const float* vector, float inverse_norm) {
  quantizer_.PrepareQuery(vector, inverse_norm, &query_);
}

void Sq8Scorer::SetRow(uint32_t ordinal) { quantizer_.PrepareQueryFromRow(rows_.row(ordinal), &query_); }

// The arithmetic of ScalarQuantizer::Distance, so that the batch loop has one call per row, not two.
inline float Sq8Scorer::DistanceTo(const Query& query, const uint8_t* row) const {
  if (symmetric_) return quantizer_.Distance(query, row);
  const int8_t* codes = reinterpret_cast<const int8_t*>(row + ScalarQuantizer::kCodesOffset);
  const int32_t dot = Kernels().dot_i16_i8(query.weights.data(), codes, padded_dimensions_);
  return Bounded(query.offset + LoadAt<float>(row) - query.scale * static_cast<float>(dot));
}

void Sq8Scorer::Distances(const uint32_t* ordinals, uint32_t count, float* distances) const {
  if (symmetric_) {
    for (uint32_t i = 0; i < count; ++i) distances[i] = quantizer_.Distance(query_, rows_.row(ordinals[i]));
    return;
  }
  // Row terms first: it also has the memory fetch the start of every row.
  for (uint32_t i = 0; i < count; ++i) {
    distances[i] = query_.offset + LoadAt<float>(rows_.row(ordinals[i]));
  }
  uint32_t i = 0;
  for (; i + 1 < count; i += 4) SubtractDots(ordinals + i, std::min(count - i, 4U), distances + i);
  if (i < count) {
    const int32_t dot = Kernels().dot_i16_i8(query_.weights.data(), Codes(ordinals[i]), padded_dimensions_);
    distances[i] -= query_.scale * static_cast<float>(dot);
  }
  for (uint32_t each = 0; each < count; ++each) distances[each] = Bounded(distances[each]);
}

// For 2 to 4 rows; a row stands in for those that are not there.
inline void Sq8Scorer::SubtractDots(const uint32_t* ordinals, uint32_t count, float* distances) const {
  const int8_t* rows[4];
  int32_t dots[4];
  for (uint32_t i = 0; i < 4; ++i) rows[i] = Codes(ordinals[std::min(i, count - 1)]);
  Kernels().dot_i16_i8_x4(query_.weights.data(), rows, padded_dimensions_, dots);
  for (uint32_t i = 0; i < count; ++i) distances[i] -= query_.scale * static_cast<float>(dots[i]);
}

bool Sq8Scorer::SameRow(uint32_t a, uint32_t b) const {
  return std::memcmp(rows_.row(a), rows_.row(b), rows_.stride_bytes()) == 0;
}

Status Sq8Scorer::ReserveKept(uint32_t count) { return ReserveKeptQueries(quantizer_, count, kept_); }

void Sq8Scorer::SetKept(uint32_t slot, uint32_t ordinal) {
  quantizer_.PrepareQueryFromRow(rows_.row(ordinal), &kept_[slot]);
}

bool Sq8Scorer::AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const {
  const uint8_t* row = rows_.row(ordinal);
  for (uint32_t slot = 0; slot < count; ++slot) {
    if (DistanceTo(kept_.data()[slot], row) < distance) return true;
  }
  return false;
}

}  // namespace omendb
