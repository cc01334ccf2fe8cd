// Manifest: what a checkpoint consists of (docs/file-format.md, "Manifest").
#ifndef OMENDB_FORMAT_MANIFEST_H_
#define OMENDB_FORMAT_MANIFEST_H_

#include "format/collection_options.h"
#include "format/head.h"

namespace omendb {

// A rows object holds consecutive rows; those of one collection follow each other by ordinal.
struct RowsReference {
  ObjectReference object;
  uint32_t rows = 0;
};

struct CollectionManifest {
  uint32_t id = 0;
  CollectionOptions options;
  Bytes name;
  uint32_t rows = 0;  // deleted ones included
  uint32_t deleted_rows = 0;
  uint32_t graph_nodes = 0;
  uint64_t graph_bytes = 0;  // of all graph bodies together
  Array<RowsReference> row_objects;
  Array<ObjectReference> tombstones;   // none or one
  Array<ObjectReference> graph_parts;  // one graph, cut into pieces

  [[nodiscard]] std::string_view name_text() const {
    return {reinterpret_cast<const char*>(name.data()), name.size()};
  }
};

struct Manifest {
  uint64_t sequence = 0;  // of the last frame whose effects are in it
  uint32_t next_collection = 1;
  Array<CollectionManifest> collections;  // by rising id

  // Replaces `out` by the whole object.
  Status Encode(Bytes& out) const;
  static Result<Manifest> Decode(ByteSpan object, const Origin& origin);
  static constexpr size_t kNotFound = ~size_t{0};
  // The index in `collections`, or kNotFound.
  [[nodiscard]] size_t IndexOf(uint32_t id) const;
};

}  // namespace omendb

#endif  // OMENDB_FORMAT_MANIFEST_H_
