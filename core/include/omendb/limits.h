// Every limit of the engine, in one place, with its unit in its name.
// A request beyond a limit is answered with LIMIT_EXCEEDED or INVALID_ARGUMENT, never cut in silence.
#ifndef OMENDB_LIMITS_H_
#define OMENDB_LIMITS_H_

#include <cstdint>

namespace omendb {

inline constexpr uint32_t kDimensionsMax = 16384;
inline constexpr uint32_t kHitsMax = 1'000'000;  // k of one search
inline constexpr uint32_t kEfSearchMax = 1'000'000;
inline constexpr uint32_t kRowsMax = (1U << 31) - 1;      // per collection, deleted ones included
inline constexpr uint32_t kBatchRowsMax = 1U << 20;       // per commit
inline constexpr uint32_t kBatchBytesMax = 256U << 20;    // per commit, encoded
inline constexpr uint32_t kIdBytesMax = 1024;             // UTF-8 bytes of a string id
inline constexpr uint32_t kMetadataBytesMax = 1U << 20;   // UTF-8 bytes of one row's JSON
inline constexpr uint32_t kCollectionNameBytesMax = 255;  // UTF-8 bytes
inline constexpr uint32_t kCollectionsMax = 65'536;
inline constexpr uint32_t kViewsMax = 1024;     // snapshots and transactions open at a time
inline constexpr uint32_t kTokensMax = 1024;    // requests that FindToken remembers
inline constexpr uint32_t kGraphDegreeMin = 4;  // M
inline constexpr uint32_t kGraphDegreeMax = 64;
inline constexpr uint32_t kEfConstructionMin = 8;
inline constexpr uint32_t kEfConstructionMax = 2000;
// Candidates a graph search keeps when the caller does not say (at least 2k then). Where recall@10 is above
// 0.95 with it, and on which data it is not: docs/decisions/0007-default-ef-search.md.
inline constexpr uint32_t kEfSearchDefault = 160;
// Up to this many live rows every row is compared: exact, and measured faster than a graph with the default
// ef (1,100 rows of 12 to 384 dimensions, native: 9-38 us against 26-67).
inline constexpr uint32_t kFlatRowsMax = 1024;
// Euclidean norms outside these make f32 distances overflow or lose all precision.
inline constexpr double kNormMax = 4.6e18;       // about 2^62: (2 * norm)^2 still fits f32
inline constexpr double kCosineNormMin = 1e-15;  // below it a direction is noise in f32

}  // namespace omendb

#endif  // OMENDB_LIMITS_H_
