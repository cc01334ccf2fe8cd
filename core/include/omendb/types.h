// The words the engine is configured and asked with. Plain values; docs/architecture.md explains them.
#ifndef OMENDB_TYPES_H_
#define OMENDB_TYPES_H_

#include <cstdint>

namespace omendb {

// Smaller is closer for every metric; values are pgvector's. Numbers are stored: append only.
enum class Metric : uint8_t {
  kL2 = 0,      // Euclidean distance (not squared)
  kCosine = 1,  // 1 - cos(a, b)
  kDot = 2,     // negative inner product
  kL1 = 3,      // sum of absolute differences
};

// How the numbers of a vector are kept, in memory and stored. Distances are of the numbers: a bit is 0 or 1.
// Numbers are stored: append only.
enum class VectorType : uint8_t {
  kFloat32 = 0,  // 4 bytes each
  kFloat16 = 1,  // 2 bytes each: IEEE 754 binary16, little-endian
  kInt8 = 2,     // 1 byte each: -128..127
  kBinary = 3,   // 1 bit each, lowest bit first; a row is padded with zeros to whole bytes
};

// What graph traversal compares. The vectors themselves always decide the final order. Numbers are stored:
// append only.
enum class Quantization : uint8_t {
  kNone = 0,     // traverse on the vectors themselves
  kSq8 = 1,      // 8 bits for each dimension
  kAuto = 2,     // one of the others, chosen by dimensions and metric
  kRabitq1 = 3,  // 1 bit for each dimension after a random rotation; not for L1, as the next three
  kRabitq2 = 4,
  kRabitq4 = 5,
  kRabitq7 = 6,  // stored in 8
};
inline constexpr Quantization kQuantizationLast = Quantization::kRabitq7;

struct CollectionOptions {
  uint32_t dimensions = 0;  // 1..kDimensionsMax
  Metric metric = Metric::kCosine;
  Quantization quantization = Quantization::kSq8;
  uint16_t degree = 16;                // HNSW's M: kGraphDegreeMin..kGraphDegreeMax; level 0 has 2M
  uint16_t ef_construction = 200;      // kEfConstructionMin..kEfConstructionMax
  uint64_t seed = 0x6f6d656e64623031;  // node levels derive from it: same inserts, same graph
  VectorType vector_type = VectorType::kFloat32;

  friend bool operator==(const CollectionOptions&, const CollectionOptions&) = default;
};

// How a user's id was given, so that it comes back the same. 1, 1n and "1" are three ids.
enum class IdKind : uint8_t {
  kNumber = 0,  // a JavaScript safe integer, stored as int64
  kBigint = 1,  // an int64 given as bigint
  kString = 2,  // 1..kIdBytesMax bytes of UTF-8
};

// Names one write of one client, so that a client whose answer was lost can ask whether it was committed.
struct Token {
  uint64_t client = 0;
  uint64_t request = 0;
  friend bool operator==(const Token&, const Token&) = default;
};

}  // namespace omendb

#endif  // OMENDB_TYPES_H_
