// What the quantizers do alike where numbers become codes and distances.
#ifndef OMENDB_QUANTIZE_ROUNDING_H_
#define OMENDB_QUANTIZE_ROUNDING_H_

#include <bit>
#include <cstdint>
#include <limits>

namespace omendb {

// What is said of terms and distances beyond it, so that there is no infinity to subtract from another.
inline constexpr float kFarthest = std::numeric_limits<float>::max();

// The nearest integer, for |value| < 2^22: adding 1.5 * 2^23 leaves it in the low bits. Unlike lrint this
// is two plain operations, which every compiler vectorizes.
inline int32_t RoundToInt(float value) {
  constexpr float kShift = 12582912;
  return std::bit_cast<int32_t>(value + kShift) - std::bit_cast<int32_t>(kShift);
}

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_ROUNDING_H_
