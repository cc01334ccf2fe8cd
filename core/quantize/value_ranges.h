// Which range of values each dimension's codes should cover, from sample rows. See scalar_quantizer.h for
// why. Not here: steps, codes.
#ifndef OMENDB_QUANTIZE_VALUE_RANGES_H_
#define OMENDB_QUANTIZE_VALUE_RANGES_H_

#include <cstdint>
#include <span>

#include "base/array.h"

namespace omendb {

struct ValueRanges {
  Array<float> low;   // per dimension
  Array<float> high;  // per dimension, > low
};

// rows[i] points to `dimensions` finite floats that inverse_norms[i] scales; at least one row. Every row is
// read. OUT_OF_MEMORY only.
Result<ValueRanges> LearnValueRanges(uint32_t dimensions, std::span<const float* const> rows,
                                     std::span<const float> inverse_norms);

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_VALUE_RANGES_H_
