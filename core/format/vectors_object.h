// The vectors of consecutive rows as an object (docs/file-format.md, "Vectors"), or where they lie in the
// WAL frame that brought them. Whether numbers are finite is not looked at here: a metric says what it takes.
#ifndef OMENDB_FORMAT_VECTORS_OBJECT_H_
#define OMENDB_FORMAT_VECTORS_OBJECT_H_

#include "format/manifest.h"
#include "format/object.h"

namespace omendb {

// Where the rows of a vectors object start: a multiple of 16, as payloads of frames are.
inline constexpr uint64_t kVectorsOffset = 48;

// Starts an object; the caller appends the rows, VectorBytes(type, dimensions) each, and calls
// FinishObject(ObjectKind::kVectors, out).
Status BeginVectors(uint32_t rows, VectorType type, uint32_t dimensions, Bytes& out);
// The first of reference.rows rows, of any alignment, in a vectors object or a frame, as the reference says.
// CORRUPTION unless the object is whole and has them.
Result<const uint8_t*> DecodeVectors(ByteSpan object, const VectorsReference& reference, VectorType type,
                                     uint32_t dimensions, const Origin& origin);

}  // namespace omendb

#endif  // OMENDB_FORMAT_VECTORS_OBJECT_H_
