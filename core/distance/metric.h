// Metrics over vectors: how a stored vector is prepared and how two are compared.
//
// Internally a search orders by an *ordering distance* that is cheap and monotone in the public one
// (squared L2; the rest are the public values); ToPublicDistance turns it into what users see.
#ifndef OMENDB_DISTANCE_METRIC_H_
#define OMENDB_DISTANCE_METRIC_H_

#include <cstdint>

#include "omendb/status.h"
#include "omendb/types.h"

namespace omendb {

// INVALID_VECTOR unless `vector` (dimensions floats) is finite, its Euclidean norm is at most
// kNormMax and, under cosine, at least kCosineNormMin. On success *inverse_norm is 1/norm for cosine
// (computed in double), else 1.
Status CheckVector(Metric metric, const float* vector, uint32_t dimensions, float* inverse_norm);
// The same for a row as it is kept, and INVALID_VECTOR unless the unused bits of a binary one are 0.
// REQUIRES: a row of floats is aligned as floats are.
Status CheckStoredVector(Metric metric, VectorType type, const uint8_t* row, uint32_t dimensions,
                         float* inverse_norm);

// The ordering distance of a query and a row, each `dimensions` floats, with their inverse norms
// from CheckVector (used by cosine only).
[[nodiscard]] float OrderingDistance(Metric metric, const float* query, float query_inverse_norm,
                                     const float* row, float row_inverse_norm, uint32_t dimensions);

// L2: square root; cosine: clamped to [0, 2]; others unchanged.
[[nodiscard]] float ToPublicDistance(Metric metric, float ordering_distance);

}  // namespace omendb

#endif  // OMENDB_DISTANCE_METRIC_H_
