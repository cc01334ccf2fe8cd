#include "format/manifest_collection.h"

#include "distance/vector_type.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr size_t kReferenceBytes = ObjectReference::kEncodedBytes;
constexpr size_t kRowsBytes = kReferenceBytes + 4;
constexpr size_t kVectorsBytes = kReferenceBytes + 16;
constexpr size_t kSegmentBytesMin = 24;

template <typename T>
Status PutCount(Bytes& out, const Array<T>& entries) {
  return PutNumber(out, static_cast<uint32_t>(entries.size()));
}

Status PutReferences(Bytes& out, const Array<ObjectReference>& references) {
  for (const ObjectReference& entry : references) OMENDB_TRY(entry.Put(out));
  return Status::Ok();
}

Status PutRows(Bytes& out, const Array<RowsReference>& references) {
  for (const RowsReference& entry : references) {
    OMENDB_TRY(entry.object.Put(out));
    OMENDB_TRY(PutNumber(out, entry.rows));
  }
  return Status::Ok();
}

Status PutSegment(Bytes& out, const SegmentManifest& segment) {
  OMENDB_TRY(PutNumber(out, segment.rows));
  OMENDB_TRY(PutNumber(out, segment.dead_rows));
  OMENDB_TRY(PutCount(out, segment.vectors));
  OMENDB_TRY(PutCount(out, segment.ids));
  OMENDB_TRY(PutCount(out, segment.metadata));
  OMENDB_TRY(PutCount(out, segment.tombstones));
  for (const VectorsReference& entry : segment.vectors) {
    OMENDB_TRY(entry.object.Put(out));
    OMENDB_TRY(PutNumber(out, entry.offset));
    OMENDB_TRY(PutNumber(out, entry.rows));
    OMENDB_TRY(PutNumber<uint32_t>(out, entry.in_frame ? 1 : 0));
  }
  OMENDB_TRY(PutRows(out, segment.ids));
  OMENDB_TRY(PutRows(out, segment.metadata));
  return PutReferences(out, segment.tombstones);
}

Status ReadReferences(Reader& in, uint32_t count, const Origin& origin, Array<ObjectReference>* out) {
  OMENDB_TRY(ReserveEntries(in, count, kReferenceBytes, origin, out));
  for (uint32_t i = 0; i < count; ++i) out->PushReserved(ObjectReference::Read(in));
  return Status::Ok();
}

Status ReadRows(Reader& in, uint32_t count, const Origin& origin, Array<RowsReference>* out) {
  OMENDB_TRY(ReserveEntries(in, count, kRowsBytes, origin, out));
  for (uint32_t i = 0; i < count; ++i) {
    ObjectReference object = ObjectReference::Read(in);
    out->PushReserved({object, in.Number<uint32_t>()});
  }
  return Status::Ok();
}

Status ReadVectors(Reader& in, uint32_t count, size_t row_bytes, const Origin& origin,
                   Array<VectorsReference>* out) {
  OMENDB_TRY(ReserveEntries(in, count, kVectorsBytes, origin, out));
  for (uint32_t i = 0; i < count; ++i) {
    size_t at = in.offset();
    VectorsReference entry;
    entry.object = ObjectReference::Read(in);
    entry.offset = in.Number<uint64_t>();
    entry.rows = in.Number<uint32_t>();
    uint32_t in_frame = in.Number<uint32_t>();
    if (in_frame > 1) {
      return origin.Fault(at + kVectorsBytes - 4, "expected 0 or 1 for a frame, found ", in_frame);
    }
    entry.in_frame = in_frame == 1;
    // Below 2^48: a collection has at most kDimensionsMax dimensions.
    uint64_t bytes = uint64_t{entry.rows} * row_bytes;
    if (entry.offset > entry.object.bytes || bytes > entry.object.bytes - entry.offset) {
      return origin.Fault(at, "expected an object with ", bytes, " bytes of vectors from byte ", entry.offset,
                          ", found one of ", entry.object.bytes, " bytes");
    }
    out->PushReserved(entry);
  }
  return Status::Ok();
}

// Of vectors, ids, metadata or codes: no part is empty, and together they are `rows`.
template <typename Reference>
Status CheckParts(const Array<Reference>& parts, uint32_t rows, const char* what, const Origin& origin,
                  size_t at) {
  uint64_t total = 0;
  for (const Reference& part : parts) {
    if (part.rows == 0) return origin.Fault(at, "expected 1 or more in each part of ", what, ", found 0");
    total += part.rows;
  }
  if (total == rows) return Status::Ok();
  return origin.Fault(at, "expected ", rows, " in the parts of ", what, ", found ", total);
}

Status CheckSegment(const SegmentManifest& segment, const Origin& origin, size_t at) {
  if (segment.rows == 0) return origin.Fault(at, "expected a segment of 1 row or more, found 0");
  if (segment.dead_rows > segment.rows) {
    return origin.Fault(at, "expected at most ", segment.rows, " dead rows, found ", segment.dead_rows);
  }
  OMENDB_TRY(CheckParts(segment.vectors, segment.rows, "vectors", origin, at));
  OMENDB_TRY(CheckParts(segment.ids, segment.rows, "ids", origin, at));
  if (!segment.metadata.empty()) {
    OMENDB_TRY(CheckParts(segment.metadata, segment.rows, "metadata", origin, at));
  }
  if (segment.tombstones.size() != (segment.dead_rows > 0 ? 1U : 0U)) {
    return origin.Fault(at, "expected one tombstones object for dead rows and none without, found ",
                        segment.tombstones.size(), " for ", segment.dead_rows);
  }
  return Status::Ok();
}

Status ReadSegment(Reader& in, size_t row_bytes, const Origin& origin, SegmentManifest* segment) {
  size_t start = in.offset();
  segment->rows = in.Number<uint32_t>();
  segment->dead_rows = in.Number<uint32_t>();
  uint32_t vectors = in.Number<uint32_t>();
  uint32_t ids = in.Number<uint32_t>();
  uint32_t metadata = in.Number<uint32_t>();
  uint32_t tombstones = in.Number<uint32_t>();
  OMENDB_TRY(ReadVectors(in, vectors, row_bytes, origin, &segment->vectors));
  OMENDB_TRY(ReadRows(in, ids, origin, &segment->ids));
  OMENDB_TRY(ReadRows(in, metadata, origin, &segment->metadata));
  OMENDB_TRY(ReadReferences(in, tombstones, origin, &segment->tombstones));
  if (in.failed()) return origin.Fault(start, "expected a whole segment, found the manifest's end");
  return CheckSegment(*segment, origin, start);
}

Status ReadSegments(Reader& in, uint32_t count, const Origin& origin, CollectionManifest* collection) {
  OMENDB_TRY(ReserveEntries(in, count, kSegmentBytesMin, origin, &collection->segments));
  const size_t row_bytes = VectorBytes(collection->options.vector_type, collection->options.dimensions);
  uint64_t rows = 0;
  for (uint32_t i = 0; i < count; ++i) {
    size_t start = in.offset();
    SegmentManifest segment;
    OMENDB_TRY(ReadSegment(in, row_bytes, origin, &segment));
    rows += segment.rows;
    if (rows > kRowsMax) {
      return origin.Fault(start, "expected at most ", kRowsMax, " rows in a collection, found ", rows);
    }
    collection->segments.PushReserved(std::move(segment));
  }
  return Status::Ok();
}

Status CheckGraph(const CollectionManifest& collection, const Origin& origin, size_t at) {
  uint32_t nodes = collection.graph_nodes;
  if (nodes > kRowsMax) {
    return origin.Fault(at, "expected at most ", kRowsMax, " graph nodes, found ", nodes);
  }
  bool has_graph = nodes > 0;
  if (collection.nodes.size() != (has_graph ? 1U : 0U) || has_graph == collection.links.empty()) {
    return origin.Fault(at, "expected one nodes object and links objects for graph nodes and none without, ",
                        "found ", collection.nodes.size(), " and ", collection.links.size(), " for ", nodes);
  }
  // The bytes of the links are asked for at once, so they are held against the objects that bring them.
  uint64_t links_bytes_max = 0;
  for (const ObjectReference& part : collection.links) {
    if (part.bytes <= kObjectHeaderBytes || links_bytes_max + part.bytes < links_bytes_max) {
      return origin.Fault(at, "expected a links object with links, found one of ", part.bytes, " bytes");
    }
    links_bytes_max += part.bytes;
  }
  if (collection.link_bytes > links_bytes_max || has_graph != (collection.link_bytes > 0)) {
    return origin.Fault(at, "expected links in objects of ", links_bytes_max, " bytes for ", nodes,
                        " graph nodes, found ", collection.link_bytes, " bytes");
  }
  if (collection.codes.empty()) return Status::Ok();
  if (collection.options.quantization == Quantization::kNone) {
    return origin.Fault(at, "expected no codes without quantization, found ", collection.codes.size(),
                        " objects");
  }
  return CheckParts(collection.codes, nodes, "codes", origin, at);
}

}  // namespace

Status PutCollection(Bytes& out, const CollectionManifest& collection) {
  OMENDB_TRY(PutNumber(out, collection.id));
  OMENDB_TRY(PutOptions(out, collection.options));
  OMENDB_TRY(PutName(out, collection.name_text()));
  OMENDB_TRY(PutNumber(out, collection.created));
  OMENDB_TRY(PutNumber(out, collection.dropped));
  OMENDB_TRY(PutNumber(out, collection.graph_nodes));
  OMENDB_TRY(PutNumber(out, collection.link_bytes));
  OMENDB_TRY(PutCount(out, collection.segments));
  OMENDB_TRY(PutCount(out, collection.nodes));
  OMENDB_TRY(PutCount(out, collection.links));
  OMENDB_TRY(PutCount(out, collection.codes));
  OMENDB_TRY(PutCount(out, collection.history));
  for (const SegmentManifest& segment : collection.segments) OMENDB_TRY(PutSegment(out, segment));
  OMENDB_TRY(PutReferences(out, collection.nodes));
  OMENDB_TRY(PutReferences(out, collection.links));
  OMENDB_TRY(PutRows(out, collection.codes));
  return PutReferences(out, collection.history);
}

Status ReadCollection(Reader& in, const Origin& origin, CollectionManifest* collection) {
  size_t start = in.offset();
  collection->id = in.Number<uint32_t>();
  OMENDB_TRY(ReadOptions(in, origin, &collection->options));
  std::string_view name;
  OMENDB_TRY(ReadName(in, origin, &name));
  OMENDB_TRY(collection->name.Append(ByteSpan(reinterpret_cast<const uint8_t*>(name.data()), name.size())));
  collection->created = in.Number<uint64_t>();
  collection->dropped = in.Number<uint64_t>();
  collection->graph_nodes = in.Number<uint32_t>();
  collection->link_bytes = in.Number<uint64_t>();
  uint32_t segments = in.Number<uint32_t>();
  uint32_t nodes = in.Number<uint32_t>();
  uint32_t links = in.Number<uint32_t>();
  uint32_t codes = in.Number<uint32_t>();
  uint32_t history = in.Number<uint32_t>();
  OMENDB_TRY(ReadSegments(in, segments, origin, collection));
  OMENDB_TRY(ReadReferences(in, nodes, origin, &collection->nodes));
  OMENDB_TRY(ReadReferences(in, links, origin, &collection->links));
  OMENDB_TRY(ReadRows(in, codes, origin, &collection->codes));
  OMENDB_TRY(ReadReferences(in, history, origin, &collection->history));
  if (in.failed()) return origin.Fault(start, "expected a whole collection, found the manifest's end");
  if (collection->history.size() > 1) {
    return origin.Fault(start, "expected at most one history object, found ", collection->history.size());
  }
  return CheckGraph(*collection, origin, start);
}

}  // namespace omendb
