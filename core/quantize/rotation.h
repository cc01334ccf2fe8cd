// Rotation: a seeded random rotation in O(D log D), for quantizers that need every coordinate to weigh alike.
//
// kRounds times: signs are flipped at random, then a fast Walsh-Hadamard transform is applied to the first or
// the last power of two of the coordinates in turn, and, when D is no power of two, both halves are mixed.
// Each step is orthogonal, so lengths and inner products stay (up to f32 rounding: about
// kRounds * log2(D) * 2^-24 of the length). That such rounds spread any input as a dense random rotation
// does: Ailon & Chazelle, "The Fast Johnson-Lindenstrauss Transform" (2009). Nothing but the seed and D need
// be stored.
// Four rounds: with three, a coordinate that had all of a length keeps up to 0.42 of it (kurtosis of what
// becomes of it 11.2 at 1,536 dimensions, where 3 is normal; 5.1 with four rounds, 3.5 with five).
#ifndef OMENDB_QUANTIZE_ROTATION_H_
#define OMENDB_QUANTIZE_ROTATION_H_

#include <cstdint>

#include "base/array.h"

namespace omendb {

class Rotation {
 public:
  static constexpr uint32_t kRounds = 4;
  static constexpr uint32_t kBlock = 64;

  // Vectors are rotated with zeros after their end, up to this length: a multiple of kBlock.
  [[nodiscard]] static constexpr uint32_t Padded(uint32_t dimensions) {
    return (dimensions + kBlock - 1) / kBlock * kBlock;
  }

  // OUT_OF_MEMORY leaves it as it was.
  Status Init(uint32_t dimensions, uint64_t seed);
  [[nodiscard]] uint32_t padded() const { return padded_; }
  [[nodiscard]] size_t memory_bytes() const { return signs_.capacity() * sizeof(float); }

  // In place; padded() floats.
  void Apply(float* vector) const;
  // The other way round.
  void ApplyInverse(float* vector) const;

 private:
  [[nodiscard]] const float* Signs(uint32_t round) const { return signs_.data() + size_t{round} * padded_; }
  // The part of the vector that this round transforms.
  [[nodiscard]] float* Part(float* vector, uint32_t round) const {
    return round % 2 == 0 ? vector : vector + (padded_ - part_);
  }

  uint32_t padded_ = 0;
  uint32_t part_ = 0;   // the greatest power of two that fits
  Array<float> signs_;  // kRounds * padded_, each 1 or -1
};

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_ROTATION_H_
