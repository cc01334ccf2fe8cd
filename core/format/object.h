// Object: the container of everything that is stored. A header, a body, a checksum for every block.
//
// docs/file-format.md, "Object", has every byte. What a body means is told by the other files here.
// A newer format version keeps this header, so that it is told apart from damage.
#ifndef OMENDB_FORMAT_OBJECT_H_
#define OMENDB_FORMAT_OBJECT_H_

#include <cstdint>

#include "base/array.h"
#include "format/origin.h"

namespace omendb {

// Stored: append only.
enum class ObjectKind : uint16_t {
  kHead = 1,
  kManifest = 2,
  kFrame = 3,
  kVectors = 4,
  kIds = 5,
  kMetadata = 6,
  kTombstones = 7,
  kLinks = 8,
  kNodes = 9,
  kCodes = 10,
  kHistory = 11,
};

inline constexpr uint16_t kFormatVersion = 1;
inline constexpr size_t kObjectHeaderBytes = 32;
inline constexpr size_t kObjectBlockBytes = 65536;
// Bodies of rows and graph objects are cut at about this size, so that every store takes them.
inline constexpr size_t kObjectBodyBytesTarget = size_t{4} << 20;

// The size of an object with a body of `body_bytes`.
[[nodiscard]] constexpr uint64_t ObjectBytes(uint64_t body_bytes) {
  return kObjectHeaderBytes + body_bytes + 4 * ((body_bytes + kObjectBlockBytes - 1) / kObjectBlockBytes);
}

// Empties `out` and leaves room for the header; the body is appended by the caller.
Status BeginObject(Bytes& out);
// Appends the block table and fills in the header. On OUT_OF_MEMORY `out` is unchanged.
Status FinishObject(ObjectKind kind, Bytes& out);

// The u32 that stands for the whole content. REQUIRES: a whole object.
[[nodiscard]] uint32_t ObjectChecksum(ByteSpan object);

// The body, after every check there is. CORRUPTION or UNSUPPORTED_VERSION.
Result<ByteSpan> DecodeObject(ByteSpan object, ObjectKind kind, const Origin& origin);

}  // namespace omendb

#endif  // OMENDB_FORMAT_OBJECT_H_
