// A graph's links as objects: the graph's own bytes, which are index/hnsw_graph's, cut into parts
// (docs/file-format.md, "Links", "Graph").
#ifndef OMENDB_FORMAT_LINKS_OBJECT_H_
#define OMENDB_FORMAT_LINKS_OBJECT_H_

#include "format/object.h"
#include "index/hnsw_graph.h"
#include "omendb/types.h"

namespace omendb {

// Replaces `out` by the whole object. REQUIRES: a part is not empty.
Status EncodeLinksPart(ByteSpan part, Bytes& out);
// The part. CORRUPTION when it is empty, too.
Result<ByteSpan> DecodeLinksPart(ByteSpan object, const Origin& origin);

// From all parts, one after the other. CORRUPTION, naming `origin` (the first links object), unless they are
// a graph of `nodes` nodes made with `options`; OUT_OF_MEMORY. On failure the graph is empty.
Status DecodeLinks(ByteSpan bytes, const CollectionOptions& options, uint32_t nodes, const Origin& origin,
                   HnswGraph* graph);

}  // namespace omendb

#endif  // OMENDB_FORMAT_LINKS_OBJECT_H_
