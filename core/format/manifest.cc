#include "format/manifest.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {
namespace {

Status PutCollection(Bytes& out, const CollectionManifest& collection) {
  OMENDB_TRY(PutNumber(out, collection.id));
  OMENDB_TRY(PutOptions(out, collection.options));
  OMENDB_TRY(PutName(out, collection.name_text()));
  OMENDB_TRY(PutNumber(out, collection.rows));
  OMENDB_TRY(PutNumber(out, collection.deleted_rows));
  OMENDB_TRY(PutNumber(out, collection.graph_nodes));
  OMENDB_TRY(PutNumber(out, collection.graph_bytes));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(collection.row_objects.size())));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(collection.tombstones.size())));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(collection.graph_parts.size())));
  for (const RowsReference& entry : collection.row_objects) {
    OMENDB_TRY(entry.object.Put(out));
    OMENDB_TRY(PutNumber(out, entry.rows));
  }
  for (const ObjectReference& entry : collection.tombstones) OMENDB_TRY(entry.Put(out));
  for (const ObjectReference& entry : collection.graph_parts) OMENDB_TRY(entry.Put(out));
  return Status::Ok();
}

Status CheckCollection(const CollectionManifest& collection, const Origin& origin, uint64_t at) {
  uint64_t rows = 0;
  for (const RowsReference& entry : collection.row_objects) {
    if (entry.rows == 0) return origin.Fault(at, "expected a rows object of 1 row or more, found 0");
    rows += entry.rows;
  }
  if (rows != collection.rows || rows > kRowsMax) {
    return origin.Fault(at, "expected objects for ", collection.rows, " rows, found ", rows);
  }
  if (collection.deleted_rows > collection.rows || collection.graph_nodes > collection.rows) {
    return origin.Fault(at, "expected at most ", collection.rows, " deleted rows and graph nodes, found ",
                        collection.deleted_rows, " and ", collection.graph_nodes);
  }
  if (collection.tombstones.size() != (collection.deleted_rows > 0 ? 1U : 0U)) {
    return origin.Fault(at, "expected a tombstones object only for deleted rows, found ",
                        collection.tombstones.size(), " for ", collection.deleted_rows);
  }
  bool has_graph = collection.graph_nodes > 0;
  if (has_graph != !collection.graph_parts.empty() || has_graph != (collection.graph_bytes > 0)) {
    return origin.Fault(at, "expected graph objects only for graph nodes, found ",
                        collection.graph_parts.size(), " for ", collection.graph_nodes);
  }
  return Status::Ok();
}

// Makes room for a count that was read, after checking that as many entries can follow.
template <typename T>
Status ReserveEntries(const Reader& in, uint32_t count, size_t entry_bytes, const Origin& origin,
                      Array<T>* out) {
  if (uint64_t{count} * entry_bytes > in.remaining()) {
    return origin.Fault(in.offset(), "expected ", count, " entries, found room for ",
                        in.remaining() / entry_bytes);
  }
  return out->Reserve(count);
}

Status ReadCollection(Reader& in, const Origin& origin, CollectionManifest* collection) {
  size_t start = in.offset();
  collection->id = in.Number<uint32_t>();
  OMENDB_TRY(ReadOptions(in, origin, &collection->options));
  std::string_view name;
  OMENDB_TRY(ReadName(in, origin, &name));
  OMENDB_TRY(collection->name.Append(ByteSpan(reinterpret_cast<const uint8_t*>(name.data()), name.size())));
  collection->rows = in.Number<uint32_t>();
  collection->deleted_rows = in.Number<uint32_t>();
  collection->graph_nodes = in.Number<uint32_t>();
  collection->graph_bytes = in.Number<uint64_t>();
  uint32_t row_objects = in.Number<uint32_t>();
  uint32_t tombstones = in.Number<uint32_t>();
  uint32_t graph_parts = in.Number<uint32_t>();
  constexpr size_t kRowsBytes = ObjectReference::kEncodedBytes + 4;
  OMENDB_TRY(ReserveEntries(in, row_objects, kRowsBytes, origin, &collection->row_objects));
  for (uint32_t i = 0; i < row_objects; ++i) {
    ObjectReference object = ObjectReference::Read(in);
    collection->row_objects.PushReserved({object, in.Number<uint32_t>()});
  }
  constexpr size_t kEntryBytes = ObjectReference::kEncodedBytes;
  OMENDB_TRY(ReserveEntries(in, tombstones, kEntryBytes, origin, &collection->tombstones));
  for (uint32_t i = 0; i < tombstones; ++i) collection->tombstones.PushReserved(ObjectReference::Read(in));
  OMENDB_TRY(ReserveEntries(in, graph_parts, kEntryBytes, origin, &collection->graph_parts));
  for (uint32_t i = 0; i < graph_parts; ++i) collection->graph_parts.PushReserved(ObjectReference::Read(in));
  if (in.failed()) return origin.Fault(start, "expected a whole collection, found the manifest's end");
  return CheckCollection(*collection, origin, start);
}

}  // namespace

Status Manifest::Encode(Bytes& out) const {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, sequence));
  OMENDB_TRY(PutNumber(out, next_collection));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(collections.size())));
  for (const CollectionManifest& collection : collections) OMENDB_TRY(PutCollection(out, collection));
  return FinishObject(ObjectKind::kManifest, out);
}

Result<Manifest> Manifest::Decode(ByteSpan object, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kManifest, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  Reader in(body);
  Manifest manifest;
  manifest.sequence = in.Number<uint64_t>();
  manifest.next_collection = in.Number<uint32_t>();
  uint32_t count = in.Number<uint32_t>();
  if (in.failed()) return in_body.Fault(0, "expected a manifest of 16 bytes or more, found ", body.size());
  if (count > kCollectionsMax) {
    return in_body.Fault(12, "expected at most ", kCollectionsMax, " collections, found ", count);
  }
  for (uint32_t i = 0; i < count; ++i) {
    size_t start = in.offset();
    CollectionManifest collection;
    OMENDB_TRY(ReadCollection(in, in_body, &collection));
    uint32_t least = i == 0 ? 1 : manifest.collections.back().id + 1;
    if (collection.id < least || collection.id >= manifest.next_collection) {
      return in_body.Fault(start, "expected a collection id of ", least, " to ", manifest.next_collection - 1,
                           ", found ", collection.id);
    }
    OMENDB_TRY(manifest.collections.Push(std::move(collection)));
  }
  if (!in.done()) {
    return in_body.Fault(in.offset(), "expected the manifest's end, found ", in.remaining(), " more bytes");
  }
  return manifest;
}

size_t Manifest::IndexOf(uint32_t id) const {
  const CollectionManifest* found =
      std::lower_bound(collections.begin(), collections.end(), id,
                       [](const CollectionManifest& entry, uint32_t wanted) { return entry.id < wanted; });
  if (found == collections.end() || found->id != id) return kNotFound;
  return static_cast<size_t>(found - collections.begin());
}

}  // namespace omendb
