#include "engine/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "format/blobs_object.h"
#include "format/codes_object.h"
#include "format/links_object.h"
#include "format/nodes_object.h"
#include "format/tombstones_object.h"
#include "format/vectors_object.h"

namespace omendb {
namespace {

// Links are sorted one list at a time: a part of this size is some milliseconds' work, where others are
// copied.
constexpr size_t kLinksPartsPerBody = 4;

// Calls visit(name, bytes) for every object that a collection consists of, vectors last: whoever loads them
// in this order has what they depend on.
template <typename Visit>
void ForEachObject(const CollectionManifest& collection, const Visit& visit) {
  for (const ObjectReference& entry : collection.nodes) visit(entry.name(), entry.bytes);
  for (const ObjectReference& entry : collection.history) visit(entry.name(), entry.bytes);
  for (const SegmentManifest& segment : collection.segments) {
    for (const ObjectReference& entry : segment.tombstones) visit(entry.name(), entry.bytes);
    for (const RowsReference& entry : segment.ids) visit(entry.object.name(), entry.object.bytes);
    for (const RowsReference& entry : segment.metadata) visit(entry.object.name(), entry.object.bytes);
  }
  for (const ObjectReference& entry : collection.links) visit(entry.name(), entry.bytes);
  for (const RowsReference& entry : collection.codes) visit(entry.object.name(), entry.object.bytes);
  for (const SegmentManifest& segment : collection.segments) {
    for (const VectorsReference& entry : segment.vectors) visit(entry.name(), entry.object.bytes);
  }
}

bool Holds(const Manifest& manifest, const ObjectName& name) {
  bool found = false;
  for (const CollectionManifest& collection : manifest.collections) {
    ForEachObject(collection, [&](const ObjectName& other, uint64_t) {
      found = found || (other.number() == name.number() && other.epoch() == name.epoch() &&
                        other.is_frame() == name.is_frame());
    });
  }
  return found;
}

}  // namespace

// ---- What is stored -----------------------------------------------------------------------------------

Status Checkpoint::SetStored(Manifest manifest, const CollectionSet& collections) {
  Array<StoredState::Versions> versions;
  OMENDB_TRY(versions.Resize(manifest.collections.size()));
  for (size_t i = 0; i < manifest.collections.size(); ++i) {
    const CollectionManifest& entry = manifest.collections[i];
    const Collection* collection = collections.FindKept(entry.id);
    versions[i].graph = collection->index().version();
    versions[i].added_nodes = collection->index().added_nodes();
    for (uint32_t segment = 0; segment < collection->segments().count(); ++segment) {
      OMENDB_TRY(versions[i].segment_keys.Push(collection->segments().at(segment).key));
    }
  }
  stored_ = {std::move(manifest), std::move(versions)};
  return Status::Ok();
}

bool Checkpoint::Contains(const ObjectName& name) const {
  return Holds(stored_.manifest, name) || (open_ && Holds(plan_.next.manifest, name));
}

uint64_t Checkpoint::UnstoredNodes(const CollectionSet& collections) const {
  uint64_t nodes = 0;
  for (uint32_t i = 0; i < collections.count(); ++i) {
    const Collection& collection = collections.at(i);
    const size_t stored = stored_.manifest.IndexOf(collection.id());
    const uint64_t before = stored == Manifest::kNotFound ? 0 : stored_.versions[stored].added_nodes;
    nodes += collection.index().added_nodes() - before;
  }
  return nodes;
}

uint64_t Checkpoint::ReclaimableBytes(const CollectionSet& collections) const {
  uint64_t bytes = 0;
  for (const CollectionManifest& entry : stored_.manifest.collections) {
    const Collection* collection = collections.FindKept(entry.id);
    if (collection == nullptr) {
      ForEachObject(entry, [&](const ObjectName&, uint64_t object_bytes) { bytes += object_bytes; });
      continue;
    }
    for (uint32_t i = 0; i < collection->segments().count(); ++i) {
      const Segment& segment = collection->segments().at(i);
      if (!MostlyHoles({segment.bytes, segment.rows(), segment.holes})) continue;
      bytes += segment.bytes / segment.rows() * segment.holes;
    }
  }
  return bytes;
}

Status Checkpoint::ListStored(Array<ObjectName>* names) const {
  Status status;
  for (const CollectionManifest& collection : stored_.manifest.collections) {
    ForEachObject(collection, [&](const ObjectName& name, uint64_t) {
      // Only a frame can be named more than once: one upload may be several operations.
      const bool known = name.is_frame() && std::any_of(names->begin(), names->end(), [&](const auto& other) {
                           return other.text() == name.text();
                         });
      if (status.ok() && !known) status = names->Push(name);
    });
  }
  return status;
}

// ---- Making one ---------------------------------------------------------------------------------------

void Checkpoint::StartEpoch(uint32_t epoch) {
  epoch_ = epoch;
  next_number_ = 1;
}

Status Checkpoint::Begin(CollectionSet& collections, const CommitLog& log, uint64_t sequence, bool whole) {
  CheckpointPlan plan;
  OMENDB_TRY(CheckpointPlan::Make(collections, log, sequence, stored_, whole, &plan));
  plan_ = std::move(plan);
  current_ = 0;
  current_segment_ = 0;
  open_ = true;
  complete_ = false;
  return Status::Ok();
}

ObjectReference Checkpoint::Name() {
  name_ = ObjectName::Data(epoch_, next_number_++);
  return ObjectReference::To(name_, object_.span());
}

Status Checkpoint::MakeVectors(Collection& collection, const Segment& segment, SegmentPlan& own,
                               SegmentManifest& entry) {
  OMENDB_TRY(entry.vectors.ReserveMore(1));
  const RowStore& rows = collection.rows();
  const size_t row_bytes = rows.vector_bytes();
  const size_t part = std::max<size_t>(1, body_bytes_ / row_bytes);
  const uint32_t count = static_cast<uint32_t>(std::min<size_t>(part, segment.rows() - own.next_vector));
  OMENDB_TRY(collection.vectors().Require(segment.slots.span().subspan(own.next_vector, count),
                                          VectorStore::Stay::kBrief));
  OMENDB_TRY(BeginVectors(count, collection.options().vector_type, collection.options().dimensions, object_));
  OMENDB_TRY(object_.ReserveMore(count * row_bytes));
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t* vector = rows.stored_vector(segment.slots[own.next_vector + i]);
    OMENDB_TRY(object_.Append(ByteSpan(vector, row_bytes)));
  }
  OMENDB_TRY(FinishObject(ObjectKind::kVectors, object_));
  entry.vectors.PushReserved({Name(), false, kVectorsOffset, count});
  own.next_vector += count;
  return Status::Ok();
}

Status Checkpoint::MakeBlobs(const RowStore& rows, const Segment& segment, bool metadata, uint32_t* next,
                             Array<RowsReference>& references) {
  OMENDB_TRY(references.ReserveMore(1));
  const BlobStore& blobs = metadata ? rows.all_metadata() : rows.ids();
  uint64_t content_bytes = 0;
  uint32_t count = 0;
  for (uint32_t position = *next; position < segment.rows(); ++position, ++count) {
    const uint64_t bytes = blobs[segment.slots[position]].size();
    if (count > 0 && content_bytes + bytes + uint64_t{4} * count > body_bytes_) break;
    content_bytes += bytes;
  }
  BlobListWriter writer;
  OMENDB_TRY(BeginBlobs(count, content_bytes, object_, &writer));
  for (uint32_t i = 0; i < count; ++i) writer.Add(blobs[segment.slots[*next + i]]);
  writer.Finish();
  OMENDB_TRY(FinishObject(metadata ? ObjectKind::kMetadata : ObjectKind::kIds, object_));
  references.PushReserved({Name(), count});
  *next += count;
  return Status::Ok();
}

Result<bool> Checkpoint::MakeSegmentPart(const CollectionPlan& plan, const Segment& segment, SegmentPlan& own,
                                         SegmentManifest& entry) {
  const RowStore& rows = plan.collection->rows();
  if (own.vectors_due && own.next_vector < entry.rows) {
    OMENDB_TRY(MakeVectors(*plan.collection, segment, own, entry));
    return true;
  }
  if (own.blobs_due && own.next_id < entry.rows) {
    OMENDB_TRY(MakeBlobs(rows, segment, false, &own.next_id, entry.ids));
    return true;
  }
  if (own.blobs_due && own.has_metadata && own.next_metadata < entry.rows) {
    OMENDB_TRY(MakeBlobs(rows, segment, true, &own.next_metadata, entry.metadata));
    return true;
  }
  if (!own.tombstones_due) return false;
  OMENDB_TRY(entry.tombstones.ReserveMore(1));
  OMENDB_TRY(EncodeTombstones(own.tombstones, object_));
  entry.tombstones.PushReserved(Name());
  own.tombstones_due = false;
  return true;
}

Status Checkpoint::MakeLinks(CollectionPlan& plan, CollectionManifest& entry) {
  OMENDB_TRY(entry.links.ReserveMore(1));
  const HnswGraph& graph = plan.collection->index().graph();
  OMENDB_TRY(graph.SerializeSome(&next_linked_node_, body_bytes_ / kLinksPartsPerBody, links_));
  const size_t bytes = std::min(body_bytes_ / kLinksPartsPerBody, links_.size());
  OMENDB_TRY(EncodeLinksPart(ByteSpan(links_.span()).first(bytes), object_));
  entry.links.PushReserved(Name());
  entry.link_bytes += bytes;
  // What is left over belongs to the next part.
  std::memmove(links_.data(), links_.data() + bytes, links_.size() - bytes);
  links_.Truncate(links_.size() - bytes);
  if (next_linked_node_ == graph.size() && links_.empty()) {
    links_.Release();
    next_linked_node_ = 0;
    plan.links_due = false;
  }
  return Status::Ok();
}

// False when all parts are there. A part that is stored as it is now is used again.
Result<bool> Checkpoint::MakeCodes(CollectionPlan& plan, CollectionManifest& entry) {
  const GraphIndex& index = plan.collection->index();
  const uint32_t part_nodes = index.codes_part_nodes();
  const size_t stored_at = stored_.manifest.IndexOf(entry.id);
  for (; uint64_t{plan.next_codes_part} * part_nodes < entry.graph_nodes; ++plan.next_codes_part) {
    OMENDB_TRY(entry.codes.ReserveMore(1));
    const uint32_t part = plan.next_codes_part;
    const uint32_t first = part * part_nodes;
    const uint32_t count = std::min(part_nodes, entry.graph_nodes - first);
    if (!plan.whole && stored_at != Manifest::kNotFound) {
      const Array<RowsReference>& stored = stored_.manifest.collections[stored_at].codes;
      if (part < stored.size() && stored[part].rows == count &&
          index.CodesVersion(part) <= stored_.versions[stored_at].graph) {
        entry.codes.PushReserved(stored[part]);
        continue;
      }
    }
    const ChunkedRows& codes = *index.codes();
    OMENDB_TRY(BeginCodes(count, codes.stride_bytes(), object_));
    OMENDB_TRY(object_.ReserveMore(count * codes.stride_bytes()));
    for (uint32_t node = first; node < first + count; ++node) {
      OMENDB_TRY(object_.Append(ByteSpan(codes.row(node), codes.stride_bytes())));
    }
    OMENDB_TRY(FinishObject(ObjectKind::kCodes, object_));
    entry.codes.PushReserved({Name(), count});
    ++plan.next_codes_part;
    return true;
  }
  plan.codes_due = false;
  return false;
}

Result<bool> Checkpoint::MakeGraphPart(CollectionPlan& plan, CollectionManifest& entry) {
  const GraphIndex& index = plan.collection->index();
  if (plan.nodes_due) {
    OMENDB_TRY(entry.nodes.ReserveMore(1));
    const std::span<const uint32_t> rows = plan.node_rows.span();
    const std::span<const uint32_t> checksums = index.checksums().span();
    OMENDB_TRY(EncodeNodes(index.training(), index.quantizer(), rows,
                           checksums.first(checksums.size() < rows.size() ? 0 : rows.size()), object_));
    entry.nodes.PushReserved(Name());
    plan.nodes_due = false;
    plan.node_rows.Release();
    return true;
  }
  if (plan.links_due) {
    OMENDB_TRY(MakeLinks(plan, entry));
    return true;
  }
  if (plan.codes_due) return MakeCodes(plan, entry);
  return false;
}

Result<bool> Checkpoint::MakePart(CollectionPlan& plan, CollectionManifest& entry) {
  const SegmentList& segments = plan.collection->segments();
  for (; current_segment_ < plan.segments.size(); ++current_segment_) {
    OMENDB_ASSIGN(bool made,
                  MakeSegmentPart(plan, segments.at(current_segment_), plan.segments[current_segment_],
                                  entry.segments[current_segment_]));
    if (made) return true;
  }
  OMENDB_ASSIGN(bool made, MakeGraphPart(plan, entry));
  if (made) return true;
  if (plan.history.empty()) return false;
  OMENDB_TRY(entry.history.ReserveMore(1));
  object_ = std::move(plan.history);
  entry.history.PushReserved(Name());
  return true;
}

// So that Finish cannot fail.
Status Checkpoint::ReserveParts() {
  for (size_t i = 0; i < plan_.collections.size(); ++i) {
    size_t parts = 0;
    for (const SegmentManifest& segment : plan_.next.manifest.collections[i].segments) {
      parts += segment.vectors.size();
    }
    OMENDB_TRY(plan_.collections[i].collection->PlanStored(parts));
  }
  return Status::Ok();
}

Status Checkpoint::MakeManifest() {
  OMENDB_TRY(ReserveParts());
  OMENDB_TRY(plan_.next.manifest.Encode(object_));
  manifest_reference_ = Name();
  complete_ = true;
  return Status::Ok();
}

Result<bool> Checkpoint::Next() {
  if (complete_) return false;
  for (; current_ < plan_.collections.size(); ++current_, current_segment_ = 0) {
    OMENDB_ASSIGN(bool made,
                  MakePart(plan_.collections[current_], plan_.next.manifest.collections[current_]));
    if (made) return true;
  }
  OMENDB_TRY(MakeManifest());
  return true;
}

void Checkpoint::Finish() {
  assert(complete());
  for (size_t i = 0; i < plan_.collections.size(); ++i) {
    plan_.collections[i].collection->NoteStored(plan_.next.manifest.collections[i].segments.span());
  }
  stored_ = std::move(plan_.next);
  Abort();
}

void Checkpoint::Abort() {
  plan_ = CheckpointPlan();
  links_.Release();
  next_linked_node_ = 0;
  object_.Release();
  open_ = false;
  complete_ = false;
}

}  // namespace omendb
