#include "quantize/rotation.h"

#include <bit>
#include <cmath>

#include "base/prng.h"
#include "base/small_code.h"

namespace omendb {
namespace {

// One butterfly of the transform; `half` >= 4, so that it is done in vectors.
inline void Butterflies(float* __restrict low, float* __restrict high, uint32_t half) {
  for (uint32_t i = 0; i < half; ++i) {
    const float sum = low[i] + high[i];
    high[i] = low[i] - high[i];
    low[i] = sum;
  }
}

// The last two stages of four neighbors at once.
inline void TransformFours(float* vector, uint32_t length, float scale) {
  for (uint32_t i = 0; i < length; i += 4) {
    const float a = vector[i] + vector[i + 1];
    const float b = vector[i] - vector[i + 1];
    const float c = vector[i + 2] + vector[i + 3];
    const float d = vector[i + 2] - vector[i + 3];
    vector[i] = (a + c) * scale;
    vector[i + 1] = (b + d) * scale;
    vector[i + 2] = (a - c) * scale;
    vector[i + 3] = (b - d) * scale;
  }
}

// Its own inverse.
void Transform(float* vector, uint32_t length) {
  for (uint32_t half = length / 2; half >= 4; half /= 2) {
    for (uint32_t start = 0; start < length; start += 2 * half) {
      Butterflies(vector + start, vector + start + half, half);
    }
  }
  TransformFours(vector, length, 1 / std::sqrt(static_cast<float>(length)));
}

// Its own inverse: (a, b) -> ((a + b), (a - b)) / sqrt 2.
void MixHalves(float* __restrict vector, uint32_t length) {
  constexpr float kRootOfHalf = 0.70710678F;
  const uint32_t half = length / 2;
  for (uint32_t i = 0; i < half; ++i) {
    const float sum = (vector[i] + vector[half + i]) * kRootOfHalf;
    vector[half + i] = (vector[i] - vector[half + i]) * kRootOfHalf;
    vector[i] = sum;
  }
}

void Multiply(float* __restrict vector, const float* __restrict factors, uint32_t length) {
  for (uint32_t i = 0; i < length; ++i) vector[i] *= factors[i];
}

}  // namespace

OMENDB_SMALL_CODE Status Rotation::Init(uint32_t dimensions, uint64_t seed) {
  const uint32_t padded = Padded(dimensions);
  Array<float> signs;
  OMENDB_TRY(signs.Resize(size_t{kRounds} * padded));
  Prng prng(seed);
  for (size_t i = 0; i < signs.size(); i += 64) {
    uint64_t bits = prng.Next();
    for (size_t bit = 0; bit < 64; ++bit) signs[i + bit] = (bits >> bit & 1) != 0 ? -1.0F : 1.0F;
  }
  padded_ = padded;
  part_ = std::bit_floor(padded);
  signs_ = std::move(signs);
  return Status::Ok();
}

void Rotation::Apply(float* vector) const {
  for (uint32_t round = 0; round < kRounds; ++round) {
    Multiply(vector, Signs(round), padded_);
    Transform(Part(vector, round), part_);
    if (part_ != padded_) MixHalves(vector, padded_);
  }
}

void Rotation::ApplyInverse(float* vector) const {
  for (uint32_t round = kRounds; round-- > 0;) {
    if (part_ != padded_) MixHalves(vector, padded_);
    Transform(Part(vector, round), part_);
    Multiply(vector, Signs(round), padded_);
  }
}

}  // namespace omendb
