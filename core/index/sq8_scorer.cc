#include "index/sq8_scorer.h"

namespace omendb {

Sq8Scorer::Sq8Scorer(const ChunkedRows& rows, const ScalarQuantizer& quantizer, Metric metric,
                     uint32_t dimensions)
    : rows_(rows),
      quantizer_(quantizer),
      symmetric_(metric == Metric::kL1),
      dimensions_(dimensions),
      dot_(Kernels().dot_i16_i8) {}

Status Sq8Scorer::Reserve() { return quantizer_.ReserveQuery(&query_); }

void Sq8Scorer::SetVector(const float* vector, float inverse_norm) {
  quantizer_.PrepareQuery(vector, inverse_norm, &query_);
}

void Sq8Scorer::SetRow(uint32_t ordinal) { quantizer_.PrepareQueryFromRow(rows_.row(ordinal), &query_); }

// The arithmetic of ScalarQuantizer::Distance, so that the batch loop has one call per row, not two.
inline float Sq8Scorer::DistanceTo(const Query& query, const uint8_t* row) const {
  if (symmetric_) return quantizer_.Distance(query, row);
  const int8_t* codes = reinterpret_cast<const int8_t*>(row + ScalarQuantizer::kCodesOffset);
  const int32_t dot = dot_(query.weights.data(), codes, dimensions_);
  return query.offset + LoadAt<float>(row) - query.scale * static_cast<float>(dot);
}

void Sq8Scorer::Distances(const uint32_t* ordinals, uint32_t count, float* distances) const {
  for (uint32_t i = 0; i < count; ++i) distances[i] = DistanceTo(query_, rows_.row(ordinals[i]));
}

Status Sq8Scorer::ReserveKept(uint32_t count) {
  if (count <= kept_.size()) return Status::Ok();
  OMENDB_TRY(kept_.Reserve(count));
  while (kept_.size() < count) {
    Query query;
    OMENDB_TRY(quantizer_.ReserveQuery(&query));
    kept_.PushReserved(std::move(query));
  }
  return Status::Ok();
}

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
