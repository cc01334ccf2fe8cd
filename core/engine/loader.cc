#include "engine/loader.h"

namespace omendb {
namespace {

// What a caller may do wrong, a stored object cannot: it was checked before it was written.
Status AsStoredFault(Status status, const Origin& origin) {
  bool known = status.ok() || status.code() == Code::kCorruption || status.code() == Code::kOutOfMemory ||
               status.code() == Code::kUnsupportedVersion;
  return known ? status : origin.Fault(0, status.message());
}

}  // namespace

uint32_t Loader::count() const {
  return (head_.has_manifest ? 1U : 0U) + static_cast<uint32_t>(required_.size());
}

std::string_view Loader::name(uint32_t index) const {
  if (index >= count()) return {};
  return index == 0 ? manifest_name_.text() : required_[index - 1].name.text();
}

Status Loader::PlanCollection(const CollectionManifest& collection, uint32_t index, Array<Required>* plan) {
  for (const RowsReference& entry : collection.row_objects) {
    OMENDB_TRY(plan->Push({entry.object.name(), entry.object, Part::kRows, index, entry.rows, false}));
  }
  for (const ObjectReference& entry : collection.tombstones) {
    OMENDB_TRY(plan->Push({entry.name(), entry, Part::kTombstones, index, 0, false}));
  }
  for (const ObjectReference& entry : collection.graph_parts) {
    bool last = &entry == &collection.graph_parts.back();
    OMENDB_TRY(plan->Push({entry.name(), entry, Part::kGraph, index, 0, last}));
  }
  return Status::Ok();
}

Status Loader::LoadManifest(ByteSpan bytes) {
  Origin origin = Origin::Stored(manifest_name_.text());
  OMENDB_TRY(head_.manifest.Check(bytes, origin));
  OMENDB_ASSIGN(Manifest manifest, Manifest::Decode(bytes, origin));
  Array<Required> required;
  Array<Gathered> gathered;
  Array<Owned<Collection>> made;
  uint32_t count = static_cast<uint32_t>(manifest.collections.size());
  OMENDB_TRY(gathered.Resize(count));
  OMENDB_TRY(made.Reserve(count));
  OMENDB_TRY(collections_.ReserveAdd(count));
  for (uint32_t i = 0; i < count; ++i) {
    const CollectionManifest& entry = manifest.collections[i];
    OMENDB_TRY(PlanCollection(entry, i, &required));
    Owned<Collection> collection = Collection::Make(entry.id, entry.name_text(), entry.options);
    if (!collection) return OutOfMemory(sizeof(Collection));
    for (const Owned<Collection>& other : made) {
      if (other->name() == collection->name()) {
        return origin.Fault(kObjectHeaderBytes, "expected every collection's name once, found '",
                            collection->name(), "' twice");
      }
    }
    made.PushReserved(std::move(collection));
  }
  for (Owned<Collection>& collection : made) collections_.Add(std::move(collection));
  collections_.set_next_id(manifest.next_collection);
  manifest_ = std::move(manifest);
  required_ = std::move(required);
  gathered_ = std::move(gathered);
  manifest_loaded_ = true;
  return Status::Ok();
}

Status Loader::LoadRows(const Required& required, ByteSpan bytes, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(bytes, ObjectKind::kRows, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  OMENDB_ASSIGN(RowBatch batch, RowBatch::Decode(body, in_body));
  if (batch.count() != required.rows) {
    return in_body.Fault(0, "expected ", required.rows, " rows, found ", batch.count());
  }
  return AsStoredFault(collections_.at(required.collection).LoadRows(batch), in_body);
}

Status Loader::LoadGraph(const Required& required, ByteSpan bytes, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(bytes, ObjectKind::kGraph, origin));
  const CollectionManifest& entry = manifest_.collections[required.collection];
  Bytes& graph = gathered_[required.collection].graph;
  size_t before = graph.size();
  uint64_t after = uint64_t{before} + body.size();
  if (required.last_of_graph ? after != entry.graph_bytes : after > entry.graph_bytes) {
    return origin.Fault(kObjectHeaderBytes, "expected ", entry.graph_bytes, " bytes of graph, found ", after);
  }
  if (required.last_of_graph && before == 0) {
    // The usual case of one part needs no copy.
    return collections_.at(required.collection)
        .index()
        .Load(body, entry.graph_nodes, origin.At(kObjectHeaderBytes));
  }
  // entry.graph_bytes is a claim until all parts are there; each part is worth its own bytes.
  OMENDB_TRY(graph.Append(body));
  if (!required.last_of_graph) return Status::Ok();
  Status loaded = collections_.at(required.collection)
                      .index()
                      .Load(graph.span(), entry.graph_nodes, Origin::Stored("graph"));
  if (loaded.ok()) {
    graph.Release();
  } else {
    graph.Truncate(before);
  }
  return loaded;
}

Status Loader::Load(uint32_t index, ByteSpan bytes) {
  if (index >= count()) {
    return Status::Error(Code::kInvalidArgument, "expected an object index below ", count(), ", found ",
                         index);
  }
  uint32_t next = manifest_loaded_ ? loaded_ + 1 : 0;
  if (index != next) {
    return Status::Error(Code::kInvalidArgument, "expected object ", next, " next, found ", index);
  }
  if (index == 0) return LoadManifest(bytes);
  const Required& required = required_[loaded_];
  Origin origin = Origin::Stored(required.name.text());
  OMENDB_TRY(required.reference.Check(bytes, origin));
  const CollectionManifest& entry = manifest_.collections[required.collection];
  switch (required.part) {
    case Part::kRows:
      OMENDB_TRY(LoadRows(required, bytes, origin));
      break;
    case Part::kTombstones:
      OMENDB_TRY(DecodeTombstones(bytes, entry.rows, entry.deleted_rows, origin,
                                  &gathered_[required.collection].tombstones));
      break;
    case Part::kGraph:
      OMENDB_TRY(LoadGraph(required, bytes, origin));
      break;
  }
  ++loaded_;
  return Status::Ok();
}

Status Loader::Finish() {
  if (head_.has_manifest && (!manifest_loaded_ || loaded_ < required_.size())) {
    return Status::Error(Code::kInvalidArgument, "expected all ", count(), " objects to be loaded first");
  }
  for (; finished_ < manifest_.collections.size(); ++finished_) {
    // No tombstones were stored; only now, when the rows are there, is their number more than a claim.
    Bitmap& tombstones = gathered_[finished_].tombstones;
    if (tombstones.size() == 0) OMENDB_TRY(tombstones.Resize(manifest_.collections[finished_].rows));
    OMENDB_TRY(collections_.at(finished_).FinishLoad(tombstones, Origin::Stored(manifest_name_.text())));
  }
  gathered_.Release();
  required_.Release();
  return Status::Ok();
}

}  // namespace omendb
