// Manifest: what a checkpoint consists of (docs/file-format.md, "Manifest").
#ifndef OMENDB_FORMAT_MANIFEST_H_
#define OMENDB_FORMAT_MANIFEST_H_

#include "format/collection_options.h"
#include "format/head.h"
#include "omendb/types.h"

namespace omendb {

// One object that holds the next `rows` rows (or nodes).
struct RowsReference {
  ObjectReference object;
  uint32_t rows = 0;
};

// Vectors lie in a vectors object, or still in the WAL frame that brought them: a large upload is written
// once. Either way they are `rows` vectors of the collection's type in one piece.
struct VectorsReference {
  ObjectReference object;
  bool in_frame = false;
  uint64_t offset = 0;  // of the first one in the whole object
  uint32_t rows = 0;

  [[nodiscard]] ObjectName name() const {
    return in_frame ? ObjectName::Frame(object.epoch, object.number) : object.name();
  }
};

// A run of rows in order of insertion, in parts that each can be read, or left, alone.
struct SegmentManifest {
  uint32_t rows = 0;  // dead ones included
  uint32_t dead_rows = 0;
  Array<VectorsReference> vectors;
  Array<RowsReference> ids;
  Array<RowsReference> metadata;      // none when no row has any
  Array<ObjectReference> tombstones;  // none or one
};

struct CollectionManifest {
  uint32_t id = 0;
  CollectionOptions options;
  Bytes name;
  uint64_t created = 0;  // sequence of its creation
  uint64_t dropped = 0;  // sequence at which it was dropped and is kept for the history; 0: it is there
  Array<SegmentManifest> segments;  // rows are numbered through: the first of the first one is row 0
  uint32_t graph_nodes = 0;
  uint64_t link_bytes = 0;         // of all links bodies together
  Array<ObjectReference> nodes;    // none or one: quantizer, and which row each node is
  Array<ObjectReference> links;    // one graph, cut into pieces
  Array<RowsReference> codes;      // by node
  Array<ObjectReference> history;  // none or one

  [[nodiscard]] std::string_view name_text() const {
    return {reinterpret_cast<const char*>(name.data()), name.size()};
  }
  [[nodiscard]] uint32_t rows() const;
};

// A commit that can still be asked for by its time.
struct CommitTime {
  uint64_t sequence = 0;
  uint64_t time_ms = 0;
};

// A write that its client may ask after.
struct TokenResult {
  Token token;
  uint32_t rows = 0;
};

struct Manifest {
  uint64_t sequence = 0;  // of the last frame whose effects are in it
  uint32_t next_collection = 1;
  uint64_t oldest_sequence = 0;           // states from here on can be read
  Array<CommitTime> commits;              // after oldest_sequence and itself, by rising sequence
  Array<TokenResult> tokens;              // oldest first, at most kTokensMax
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
