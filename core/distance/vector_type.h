// Vectors as they are kept: the bytes of a row of each type, and how it becomes floats.
//
// Every distance is computed on floats, which hold all numbers of every type exactly; a row of another type
// is widened first (kernels.h). Rows of floats are used where they lie. Not here: what callers give and get
// (js/wasm/vector-types.ts).
#ifndef OMENDB_DISTANCE_VECTOR_TYPE_H_
#define OMENDB_DISTANCE_VECTOR_TYPE_H_

#include <cstddef>
#include <cstdint>

#include "omendb/types.h"

namespace omendb {

// The option's value in the API.
[[nodiscard]] constexpr const char* NameOf(VectorType type) {
  constexpr const char* kNames[] = {"float32", "float16", "int8", "binary"};
  return kNames[static_cast<size_t>(type)];
}

// Bytes of the first `dimensions` numbers of a row; of all of them: of the row.
[[nodiscard]] constexpr size_t VectorBytes(VectorType type, uint32_t dimensions) {
  switch (type) {
    case VectorType::kFloat32:
      return size_t{dimensions} * 4;
    case VectorType::kFloat16:
      return size_t{dimensions} * 2;
    case VectorType::kInt8:
      return dimensions;
    case VectorType::kBinary:
      break;
  }
  return (size_t{dimensions} + 7) / 8;
}

// `count` numbers at `row`, of any alignment, as floats. Exact.
using WidenFunction = void (*)(const uint8_t* row, size_t count, float* floats);
// Null for floats: there is nothing to widen.
[[nodiscard]] WidenFunction WidenFunctionOf(VectorType type);

}  // namespace omendb

#endif  // OMENDB_DISTANCE_VECTOR_TYPE_H_
