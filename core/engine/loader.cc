#include "engine/loader.h"

#include <algorithm>

#include "format/blobs_object.h"
#include "format/codes_object.h"
#include "format/links_object.h"
#include "format/tombstones_object.h"
#include "format/vectors_object.h"

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

// ---- Planning -----------------------------------------------------------------------------------------

Status Loader::PlanCollection(const CollectionManifest& entry, uint32_t index, Array<Required>* plan) const {
  const auto add = [&](Part part, const ObjectReference& object, uint32_t segment, uint32_t first_row,
                       uint32_t rows) {
    Required required;
    required.name = object.name();
    required.reference = object;
    required.part = part;
    required.collection = index;
    required.segment = segment;
    required.first_row = first_row;
    required.rows = rows;
    return plan->Push(required);
  };
  for (const ObjectReference& object : entry.nodes) OMENDB_TRY(add(Part::kNodes, object, 0, 0, 0));
  for (const ObjectReference& object : entry.history) OMENDB_TRY(add(Part::kHistory, object, 0, 0, 0));
  uint32_t first = 0;
  for (uint32_t i = 0; i < entry.segments.size(); ++i) {
    const SegmentManifest& segment = entry.segments[i];
    for (const ObjectReference& object : segment.tombstones) {
      OMENDB_TRY(add(Part::kTombstones, object, i, first, segment.rows));
    }
    first += segment.rows;
  }
  first = 0;
  for (uint32_t i = 0; i < entry.segments.size(); ++i) {
    const SegmentManifest& segment = entry.segments[i];
    uint32_t row = first;
    for (const RowsReference& part : segment.ids) {
      OMENDB_TRY(add(Part::kIds, part.object, i, row, part.rows));
      row += part.rows;
    }
    row = first;
    for (const RowsReference& part : segment.metadata) {
      OMENDB_TRY(add(Part::kMetadata, part.object, i, row, part.rows));
      row += part.rows;
    }
    first += segment.rows;
  }
  for (const ObjectReference& object : entry.links) {
    OMENDB_TRY(add(Part::kLinks, object, 0, 0, 0));
    plan->back().last = &object == &entry.links.back();
  }
  for (const RowsReference& part : entry.codes) OMENDB_TRY(add(Part::kCodes, part.object, 0, 0, part.rows));
  return Status::Ok();
}

bool Loader::MayLeaveVectors(uint32_t index) {
  const CollectionManifest& entry = manifest_.collections[index];
  const uint64_t bytes = uint64_t{entry.rows()} * At(index).rows().vector_bytes();
  // Without codes rows could not be found, and codes that are not stored are made from vectors.
  return bytes >= left_bytes_min_ && !entry.codes.empty() && At(index).index().has_checksums();
}

Status Loader::PlanVectorsOf(uint32_t index) {
  OMENDB_TRY(Place(index));
  const CollectionManifest& entry = manifest_.collections[index];
  const Gathered& gathered = gathered_[index];
  const bool may_leave = MayLeaveVectors(index);
  uint32_t row = 0;
  for (uint32_t i = 0; i < entry.segments.size(); ++i) {
    for (const VectorsReference& part : entry.segments[i].vectors) {
      bool leave = may_leave;
      for (uint32_t at = row; leave && at < row + part.rows; ++at) {
        const uint32_t slot = gathered.slots[at];
        // A row without a node waits for its codes.
        leave = slot == kNoSlot || (slot < entry.graph_nodes && gathered.node_rows[slot] != kNoStoredRow);
      }
      if (leave) {
        OMENDB_TRY(left_.Push(part.name()));
      } else {
        Required required;
        required.name = part.name();
        required.reference = part.object;
        required.vectors = part;
        required.part = Part::kVectors;
        required.collection = index;
        required.segment = i;
        required.first_row = row;
        required.rows = part.rows;
        OMENDB_TRY(required_.Push(required));
      }
      row += part.rows;
    }
  }
  return Status::Ok();
}

Status Loader::PlanVectors() {
  vectors_planned_ = true;
  for (uint32_t i = 0; i < manifest_.collections.size(); ++i) {
    OMENDB_TRY(AsStoredFault(PlanVectorsOf(i), Origin::Stored(manifest_name_.text())));
  }
  return Status::Ok();
}

Status Loader::LoadManifest(ByteSpan bytes) {
  Origin origin = Origin::Stored(manifest_name_.text());
  OMENDB_TRY(head_.manifest.Check(bytes, origin));
  OMENDB_ASSIGN(Manifest manifest, Manifest::Decode(bytes, origin));
  Array<Required> required;
  Array<Gathered> gathered;
  Array<Owned<Collection>> owned;
  const uint32_t count = static_cast<uint32_t>(manifest.collections.size());
  OMENDB_TRY(gathered.Resize(count));
  OMENDB_TRY(owned.Reserve(count));
  OMENDB_TRY(collections_.ReserveAdd(count));
  OMENDB_TRY(collections_.ReserveDrop(count));
  for (uint32_t i = 0; i < count; ++i) {
    const CollectionManifest& entry = manifest.collections[i];
    OMENDB_TRY(PlanCollection(entry, i, &required));
    Owned<Collection> collection = Collection::Make(entry.id, entry.name_text(), entry.options);
    if (!collection) return OutOfMemory(sizeof(Collection));
    collection->set_created(entry.created);
    collection->set_dropped(entry.dropped);
    for (const Owned<Collection>& other : owned) {
      if (other->name() == collection->name() && other->dropped() == 0 && entry.dropped == 0) {
        return origin.Fault(kObjectHeaderBytes, "expected every collection's name once, found '",
                            collection->name(), "' twice");
      }
    }
    owned.PushReserved(std::move(collection));
  }
  for (Owned<Collection>& collection : owned) {
    if (collection->dropped() == 0) {
      collections_.Add(std::move(collection));
    } else {
      collections_.AddDropped(std::move(collection));
    }
  }
  collections_.set_next_id(manifest.next_collection);
  manifest_ = std::move(manifest);
  required_ = std::move(required);
  gathered_ = std::move(gathered);
  manifest_loaded_ = true;
  return Status::Ok();
}

// ---- Parts --------------------------------------------------------------------------------------------

Status Loader::LoadTombstones(const Required& required, ByteSpan bytes, const Origin& origin) {
  const CollectionManifest& entry = manifest_.collections[required.collection];
  Bitmap tombstones;
  OMENDB_TRY(DecodeTombstones(bytes, required.rows, entry.segments[required.segment].dead_rows, origin,
                              &tombstones));
  Bitmap& dead = gathered_[required.collection].dead;
  if (dead.size() < required.first_row + required.rows) {
    OMENDB_TRY(dead.Resize(required.first_row + required.rows));
  }
  for (uint32_t row = 0; row < required.rows; ++row) {
    if (tombstones.Test(row)) dead.Set(required.first_row + row);
  }
  return Status::Ok();
}

Status Loader::CheckHistory(uint32_t index) const {
  const Gathered& gathered = gathered_[index];
  for (const Death& death : gathered.deaths) {
    if (death.row < gathered.dead.size() && gathered.dead.Test(death.row)) continue;
    return Origin::Stored(manifest_.collections[index].history[0].name().text())
        .Fault(kObjectHeaderBytes, "expected deaths of dead rows, found one of row ", death.row);
  }
  return Status::Ok();
}

Status Loader::Place(uint32_t index) {
  Gathered& gathered = gathered_[index];
  if (gathered.placed) return Status::Ok();
  Collection& collection = At(index);
  const CollectionManifest& entry = manifest_.collections[index];
  const uint32_t rows = entry.rows();
  OMENDB_TRY(CheckHistory(index));
  if (gathered.dead.size() < rows) OMENDB_TRY(gathered.dead.Resize(rows));
  Bitmap gone;
  OMENDB_TRY(gone.CopyFrom(gathered.dead));
  for (const Death& death : gathered.deaths) gone.Unset(death.row);
  Array<uint32_t> slots;
  OMENDB_TRY(slots.Reserve(rows));
  for (uint32_t row = 0; row < rows; ++row) slots.PushReserved(kNoSlot);
  Bitmap taken;
  OMENDB_TRY(taken.Resize(entry.graph_nodes));
  for (uint32_t node = 0; node < gathered.node_rows.size(); ++node) {
    if (gathered.node_rows[node] == kNoStoredRow) continue;
    slots[gathered.node_rows[node]] = node;
    taken.Set(node);
  }
  uint32_t next = 0;
  uint32_t slot_count = entry.graph_nodes;
  for (uint32_t row = 0; row < rows; ++row) {
    if (slots[row] != kNoSlot || gone.Test(row)) continue;
    while (next < taken.size() && taken.Test(next)) ++next;
    slots[row] = next++;
    slot_count = std::max(slot_count, next);
  }
  SegmentList& segments = collection.segments();
  OMENDB_TRY(collection.OpenSlots(slot_count));
  uint32_t row = 0;
  for (const SegmentManifest& stored : entry.segments) {
    OMENDB_ASSIGN(Segment * segment, segments.Load(stored.rows));
    for (uint32_t position = 0; position < stored.rows; ++position, ++row) {
      collection.LoadRow(*segment, position, slots[row], gathered.dead.Test(row), gone.Test(row));
    }
  }
  OMENDB_TRY(collection.LoadHistory(gathered.births.span(), gathered.deaths.span(), slots.span()));
  gathered.slots = std::move(slots);
  gathered.placed = true;
  return Status::Ok();
}

Status Loader::LoadBlobs(const Required& required, ByteSpan bytes, const Origin& origin) {
  const bool metadata = required.part == Part::kMetadata;
  OMENDB_ASSIGN(BlobList blobs, metadata ? DecodeMetadata(bytes, required.rows, origin)
                                         : DecodeIds(bytes, required.rows, origin));
  RowStore& rows = At(required.collection).loading_rows();
  const Array<uint32_t>& slots = gathered_[required.collection].slots;
  for (uint32_t i = 0; i < required.rows; ++i) {
    const uint32_t slot = slots[required.first_row + i];
    if (slot == kNoSlot) continue;
    OMENDB_TRY(metadata ? rows.LoadMetadata(slot, blobs[i]) : rows.LoadId(slot, blobs[i]));
  }
  return Status::Ok();
}

Status Loader::LoadVectors(const Required& required, ByteSpan bytes, const Origin& origin) {
  const CollectionOptions& options = manifest_.collections[required.collection].options;
  OMENDB_ASSIGN(const uint8_t* vectors,
                DecodeVectors(bytes, required.vectors, options.vector_type, options.dimensions, origin));
  RowStore& rows = At(required.collection).loading_rows();
  const Array<uint32_t>& slots = gathered_[required.collection].slots;
  const size_t stride = rows.vector_bytes();
  OMENDB_TRY(rows.ReserveLoad(required.rows));
  for (uint32_t i = 0; i < required.rows; ++i) {
    const uint32_t slot = slots[required.first_row + i];
    if (slot == kNoSlot) continue;
    Status loaded = rows.LoadVector(slot, vectors + i * stride);
    OMENDB_TRY(AsStoredFault(loaded, origin.At(required.vectors.offset + i * stride)));
  }
  return Status::Ok();
}

Status Loader::LoadLinks(const Required& required, ByteSpan bytes, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan part, DecodeLinksPart(bytes, origin));
  const CollectionManifest& entry = manifest_.collections[required.collection];
  Bytes& links = gathered_[required.collection].links;
  const size_t before = links.size();
  const uint64_t after = uint64_t{before} + part.size();
  if (required.last ? after != entry.link_bytes : after > entry.link_bytes) {
    return origin.Fault(kObjectHeaderBytes, "expected ", entry.link_bytes, " bytes of links, found ", after);
  }
  HnswGraph graph(entry.options.degree, entry.options.seed);
  if (required.last && before == 0) {
    // The usual case of one part needs no copy.
    OMENDB_TRY(DecodeLinks(part, entry.options, entry.graph_nodes, origin, &graph));
  } else {
    // entry.link_bytes is a claim until all parts are there; each part is worth its own bytes.
    OMENDB_TRY(links.Append(part));
    if (!required.last) return Status::Ok();
    Status decoded = DecodeLinks(links.span(), entry.options, entry.graph_nodes,
                                 Origin::Stored(entry.links[0].name().text()), &graph);
    if (!decoded.ok()) {
      links.Truncate(before);
      return decoded;
    }
  }
  links.Release();
  At(required.collection).index().LoadLinks(std::move(graph));
  return Status::Ok();
}

Status Loader::LoadPart(const Required& required, ByteSpan bytes, const Origin& origin) {
  const CollectionManifest& entry = manifest_.collections[required.collection];
  Gathered& gathered = gathered_[required.collection];
  GraphIndex& index = At(required.collection).index();
  switch (required.part) {
    case Part::kNodes:
      return index.LoadNodes(bytes, entry.graph_nodes, entry.rows(), origin, &gathered.node_rows);
    case Part::kHistory:
      return DecodeHistory(bytes, entry.rows(), manifest_.sequence, origin, &gathered.births,
                           &gathered.deaths);
    case Part::kTombstones:
      return LoadTombstones(required, bytes, origin);
    case Part::kIds:
    case Part::kMetadata:
      OMENDB_TRY(Place(required.collection));
      return LoadBlobs(required, bytes, origin);
    case Part::kVectors:
      return LoadVectors(required, bytes, origin);
    case Part::kLinks:
      OMENDB_TRY(Place(required.collection));
      return LoadLinks(required, bytes, origin);
    case Part::kCodes:
      break;
  }
  if (index.codes() == nullptr) {
    return origin.Fault(0, "expected no codes in a collection without quantization");
  }
  OMENDB_ASSIGN(const uint8_t* codes, DecodeCodes(bytes, required.rows, *index.quantizer(), origin));
  return index.LoadCodes(codes, required.rows);
}

Status Loader::Load(uint32_t index, ByteSpan bytes) {
  if (failed_) return Status::Error(Code::kInvalidArgument, "loading has failed: make a new engine");
  if (index >= count()) {
    return Status::Error(Code::kInvalidArgument, "expected an object index below ", count(), ", found ",
                         index);
  }
  const uint32_t next = manifest_loaded_ ? loaded_ + 1 : 0;
  if (index != next) {
    return Status::Error(Code::kInvalidArgument, "expected object ", next, " next, found ", index);
  }
  if (index == 0) {
    Status loaded = LoadManifest(bytes);
    if (loaded.ok() && required_.empty()) loaded = PlanVectors();
    failed_ = !loaded.ok();
    return loaded;
  }
  const Required& required = required_[loaded_];
  const Origin origin = Origin::Stored(required.name.text());
  Status loaded = required.reference.Check(bytes, origin);
  if (loaded.ok()) loaded = AsStoredFault(LoadPart(required, bytes, origin), origin);
  if (loaded.ok() && ++loaded_ == required_.size() && !vectors_planned_) loaded = PlanVectors();
  failed_ = !loaded.ok();
  return loaded;
}

// ---- Finishing ----------------------------------------------------------------------------------------

Status Loader::FinishCollection(uint32_t index) {
  const CollectionManifest& entry = manifest_.collections[index];
  const Origin origin = Origin::Stored(manifest_name_.text());
  OMENDB_TRY(Place(index));
  Collection& collection = At(index);
  if (entry.graph_nodes > 0) {
    if (collection.index().nodes() != entry.graph_nodes) {
      return origin.Fault(0, "expected links of ", entry.graph_nodes, " nodes, found ",
                          collection.index().nodes());
    }
    Bitmap linked;
    OMENDB_TRY(linked.Resize(entry.graph_nodes));
    const Gathered& gathered = gathered_[index];
    for (uint32_t node = 0; node < entry.graph_nodes; ++node) {
      if (gathered.node_rows[node] != kNoStoredRow) linked.Set(node);
    }
    OMENDB_TRY(collection.index().FinishLoad(std::move(linked), origin));
  }
  size_t parts = 0;
  for (const SegmentManifest& segment : entry.segments) parts += segment.vectors.size();
  OMENDB_TRY(collection.PlanStored(parts));
  collection.NoteStored(entry.segments.span());
  return collection.FinishLoad(origin);
}

Status Loader::Finish() {
  if (head_.has_manifest && (!manifest_loaded_ || loaded_ < required_.size())) {
    return Status::Error(Code::kInvalidArgument, "expected all ", count(), " objects to be loaded first");
  }
  if (failed_) return Status::Error(Code::kInvalidArgument, "loading has failed: make a new engine");
  failed_ = true;
  for (uint32_t i = 0; i < manifest_.collections.size(); ++i) {
    OMENDB_TRY(AsStoredFault(FinishCollection(i), Origin::Stored(manifest_name_.text())));
  }
  failed_ = false;
  gathered_.Release();
  required_.Release();
  return Status::Ok();
}

}  // namespace omendb
