// The ids, or the metadata, of consecutive rows as an object: one blob list (docs/file-format.md, "Ids",
// "Metadata"). The lists are views of the object's bytes.
#ifndef OMENDB_FORMAT_BLOBS_OBJECT_H_
#define OMENDB_FORMAT_BLOBS_OBJECT_H_

#include "format/blob_list.h"
#include "format/object.h"

namespace omendb {

// Starts an object whose entries have `content_bytes` in all. The caller adds `count` entries, finishes the
// writer, leaves `out` alone meanwhile, and calls FinishObject(kIds or kMetadata, out).
// LIMIT_EXCEEDED when the list does not fit its 32-bit offsets, OUT_OF_MEMORY.
Status BeginBlobs(uint32_t count, uint64_t content_bytes, Bytes& out, BlobListWriter* writer);

// CORRUPTION unless the object has exactly `rows` valid ids.
Result<BlobList> DecodeIds(ByteSpan object, uint32_t rows, const Origin& origin);
// CORRUPTION unless the object has exactly `rows` entries, each UTF-8 of at most kMetadataBytesMax bytes.
Result<BlobList> DecodeMetadata(ByteSpan object, uint32_t rows, const Origin& origin);

}  // namespace omendb

#endif  // OMENDB_FORMAT_BLOBS_OBJECT_H_
