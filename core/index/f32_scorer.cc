#include "index/f32_scorer.h"

#include <cstring>

namespace omendb {
namespace {

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
                     uint32_t dimensions)
    : rows_(rows),
      inverse_norms_(inverse_norms),
      metric_(metric),
      dimensions_(dimensions),
      kernel_(KernelOf(metric)) {}

void F32Scorer::SetVector(const float* vector, float inverse_norm) {
  query_ = vector;
  query_inverse_norm_ = inverse_norm;
}

void F32Scorer::SetRow(uint32_t ordinal) {
  query_ = Row(ordinal);
  query_inverse_norm_ = metric_ == Metric::kCosine ? inverse_norms_[ordinal] : 1;
}

void F32Scorer::Distances(const uint32_t* ordinals, uint32_t count, float* distances) const {
  for (uint32_t i = 0; i < count; ++i) distances[i] = kernel_(query_, Row(ordinals[i]), dimensions_);
  if (metric_ == Metric::kDot) {
    for (uint32_t i = 0; i < count; ++i) distances[i] = -distances[i];
  } else if (metric_ == Metric::kCosine) {
    const float* inverse_norms = inverse_norms_.data();
    for (uint32_t i = 0; i < count; ++i) {
      distances[i] = 1 - distances[i] * query_inverse_norm_ * inverse_norms[ordinals[i]];
    }
  }
}

bool F32Scorer::SameRow(uint32_t a, uint32_t b) const {
  return std::memcmp(rows_.row(a), rows_.row(b), rows_.stride_bytes()) == 0;
}

Status F32Scorer::ReserveKept(uint32_t count) {
  if (count <= kept_.size()) return Status::Ok();
  return kept_.Resize(count);
}

void F32Scorer::SetKept(uint32_t slot, uint32_t ordinal) { kept_[slot] = ordinal; }

bool F32Scorer::AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const {
  const float* row = Row(ordinal);
  const float row_inverse_norm = metric_ == Metric::kCosine ? inverse_norms_[ordinal] : 1;
  for (uint32_t slot = 0; slot < count; ++slot) {
    const uint32_t kept = kept_.data()[slot];
    float between = kernel_(Row(kept), row, dimensions_);
    if (metric_ == Metric::kDot) {
      between = -between;
    } else if (metric_ == Metric::kCosine) {
      between = 1 - between * inverse_norms_.data()[kept] * row_inverse_norm;
    }
    if (between < distance) return true;
  }
  return false;
}

}  // namespace omendb
