#include "index/f32_scorer.h"

#include <algorithm>
#include <cstring>

namespace omendb {
namespace {

// Numbers of a row that are widened at a time: whole bytes of bits, and little enough to stay in the nearest
// cache with the query.
constexpr uint32_t kWidenedAtOnce = 1024;

using Kernel = float (*)(const float*, const float*, size_t);

Kernel KernelOf(Metric metric) {
  const KernelSet& kernels = Kernels();
  switch (metric) {
    case Metric::kL2:
      return kernels.squared_l2_f32;
    case Metric::kL1:
      return kernels.l1_f32;
    case Metric::kCosine:
    case Metric::kDot:
      break;
  }
  return kernels.dot_f32;
}

}  // namespace

F32Scorer::F32Scorer(const ChunkedRows& rows, const Array<float>& inverse_norms, Metric metric,
                     uint32_t dimensions, VectorType type, const Array<uint32_t>* places)
    : rows_(rows),
      inverse_norms_(inverse_norms),
      places_(places),
      metric_(metric),
      dimensions_(dimensions),
      type_(type),
      widen_(WidenFunctionOf(type)),
      kernel_(KernelOf(metric)) {}

void F32Scorer::SetVector(const float* vector, float inverse_norm) {
  query_ = vector;
  query_inverse_norm_ = inverse_norm;
}

void F32Scorer::SetRow(uint32_t ordinal) {
  query_ = FloatsOf(ordinal, 0);
  query_inverse_norm_ = InverseNorm(ordinal);
}

float F32Scorer::WidenedSum(const uint8_t* row) const {
  float sum = 0;
  for (uint32_t first = 0; first < dimensions_; first += kWidenedAtOnce) {
    float floats[kWidenedAtOnce];
    const uint32_t count = std::min(kWidenedAtOnce, dimensions_ - first);
    widen_(row + VectorBytes(type_, first), count, floats);
    sum += kernel_(query_ + first, floats, count);
  }
  return sum;
}

void F32Scorer::Distances(const uint32_t* ordinals, uint32_t count, float* distances) const {
  if (widen_ == nullptr) {
    for (uint32_t i = 0; i < count; ++i) distances[i] = kernel_(query_, Row(ordinals[i]), dimensions_);
  } else {
    for (uint32_t i = 0; i < count; ++i) distances[i] = WidenedSum(rows_.row(Place(ordinals[i])));
  }
  if (metric_ == Metric::kDot) {
    for (uint32_t i = 0; i < count; ++i) distances[i] = -distances[i];
  } else if (metric_ == Metric::kCosine) {
    const float* inverse_norms = inverse_norms_.data();
    for (uint32_t i = 0; i < count; ++i) {
      distances[i] = 1 - distances[i] * query_inverse_norm_ * inverse_norms[Place(ordinals[i])];
    }
  }
}

bool F32Scorer::SameRow(uint32_t a, uint32_t b) const {
  return std::memcmp(rows_.row(Place(a)), rows_.row(Place(b)), rows_.stride_bytes()) == 0;
}

Status F32Scorer::ReserveWidened(uint32_t kept) {
  const size_t floats = (size_t{2} + kept) * dimensions_;
  return widen_ == nullptr || floats <= widened_.size() ? Status::Ok() : widened_.Resize(floats);
}

Status F32Scorer::ReserveKept(uint32_t count) {
  if (count <= kept_.size()) return Status::Ok();
  OMENDB_TRY(ReserveWidened(count));
  OMENDB_TRY(kept_floats_.Resize(count));
  return kept_.Resize(count);
}

const float* F32Scorer::FloatsOf(uint32_t ordinal, uint32_t place) const {
  if (widen_ == nullptr) return Row(ordinal);
  float* floats = widened_.data() + size_t{place} * dimensions_;
  widen_(rows_.row(Place(ordinal)), dimensions_, floats);
  return floats;
}

void F32Scorer::SetKept(uint32_t slot, uint32_t ordinal) {
  kept_[slot] = ordinal;
  kept_floats_[slot] = FloatsOf(ordinal, 2 + slot);
}

bool F32Scorer::AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const {
  const float* row = FloatsOf(ordinal, 1);
  const float row_inverse_norm = InverseNorm(ordinal);
  for (uint32_t slot = 0; slot < count; ++slot) {
    float between = kernel_(kept_floats_.data()[slot], row, dimensions_);
    if (metric_ == Metric::kDot) {
      between = -between;
    } else if (metric_ == Metric::kCosine) {
      between = 1 - between * inverse_norms_.data()[Place(kept_.data()[slot])] * row_inverse_norm;
    }
    if (between < distance) return true;
  }
  return false;
}

}  // namespace omendb
