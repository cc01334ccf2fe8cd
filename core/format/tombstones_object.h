// The deleted rows of one collection as an object (docs/file-format.md, "Tombstones").
#ifndef OMENDB_FORMAT_TOMBSTONES_OBJECT_H_
#define OMENDB_FORMAT_TOMBSTONES_OBJECT_H_

#include "base/bitmap.h"
#include "format/object.h"

namespace omendb {

// Replaces `out` by the whole object.
Status EncodeTombstones(const Bitmap& tombstones, Bytes& out);
// CORRUPTION unless it covers `rows` rows and `deleted_rows` bits are set. OUT_OF_MEMORY.
Status DecodeTombstones(ByteSpan object, uint32_t rows, uint32_t deleted_rows, const Origin& origin,
                        Bitmap* tombstones);

}  // namespace omendb

#endif  // OMENDB_FORMAT_TOMBSTONES_OBJECT_H_
