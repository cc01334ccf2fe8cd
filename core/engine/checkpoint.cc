#include "engine/checkpoint.h"

#include <algorithm>

#include "engine/answers.h"
#include "format/graph_object.h"
#include "format/tombstones_object.h"

namespace omendb {
namespace {

// A last rows object smaller than this is merged with the rows that follow: otherwise many checkpoints of
// few rows would leave as many objects.
constexpr uint64_t kSmallObjectBytes = uint64_t{1} << 20;
constexpr uint32_t kIncludeAll = kIncludeMetadata | kIncludeVectors;

bool HoldsObject(const Manifest& manifest, const ObjectName& name) {
  auto is_it = [&](const ObjectReference& reference) {
    return reference.number == name.number() && reference.epoch == name.epoch();
  };
  for (const CollectionManifest& collection : manifest.collections) {
    for (const RowsReference& entry : collection.row_objects) {
      if (is_it(entry.object)) return true;
    }
    if (std::any_of(collection.tombstones.begin(), collection.tombstones.end(), is_it)) return true;
    if (std::any_of(collection.graph_parts.begin(), collection.graph_parts.end(), is_it)) return true;
  }
  return false;
}

}  // namespace

Status Checkpoint::SetStored(Manifest manifest, const CollectionSet& collections) {
  Array<Versions> versions;
  OMENDB_TRY(versions.Reserve(manifest.collections.size()));
  for (const CollectionManifest& entry : manifest.collections) {
    const Collection* collection = collections.Find(entry.id);
    versions.PushReserved(
        {collection->generation(), collection->tombstones_version(), collection->index().version()});
  }
  stored_ = {std::move(manifest), std::move(versions)};
  return Status::Ok();
}

bool Checkpoint::Contains(const ObjectName& name) const {
  return HoldsObject(stored_.manifest, name) || (open_ && HoldsObject(pending_.manifest, name));
}

size_t Checkpoint::StoredIndexOf(const Collection& collection) const {
  size_t index = stored_.manifest.IndexOf(collection.id());
  if (index == Manifest::kNotFound || stored_.versions[index].generation != collection.generation()) {
    return Manifest::kNotFound;
  }
  return index;
}

uint64_t Checkpoint::UnstoredNodes(const CollectionSet& collections) const {
  uint64_t nodes = 0;
  for (uint32_t i = 0; i < collections.count(); ++i) {
    size_t stored = StoredIndexOf(collections.at(i));
    uint32_t stored_nodes =
        stored == Manifest::kNotFound ? 0 : stored_.manifest.collections[stored].graph_nodes;
    uint32_t now = collections.at(i).index().nodes();
    nodes += now > stored_nodes ? now - stored_nodes : 0;
  }
  return nodes;
}

void Checkpoint::StartEpoch(uint32_t epoch) {
  epoch_ = epoch;
  next_number_ = 1;
}

void Checkpoint::ReuseRows(const CollectionManifest& stored, CollectionManifest* entry, Plan* plan) const {
  size_t count = stored.row_objects.size();
  bool grew = entry->rows > stored.rows;
  if (grew && count > 0 && stored.row_objects.back().object.bytes < kSmallObjectBytes) --count;
  for (size_t i = 0; i < count; ++i) {
    entry->row_objects.PushReserved(stored.row_objects[i]);
    plan->next_row += stored.row_objects[i].rows;
  }
}

Status Checkpoint::PlanCollection(Collection& collection, State* state, Plan* plan) const {
  CollectionManifest entry;
  entry.id = collection.id();
  entry.options = collection.options();
  std::string_view name = collection.name();
  OMENDB_TRY(entry.name.Append(ByteSpan(reinterpret_cast<const uint8_t*>(name.data()), name.size())));
  entry.rows = collection.rows().size();
  entry.deleted_rows = collection.deleted_rows();
  entry.graph_nodes = collection.index().nodes();
  Versions versions{collection.generation(), collection.tombstones_version(), collection.index().version()};
  plan->collection = &collection;
  plan->tombstones_due = entry.deleted_rows > 0;
  plan->graph_due = entry.graph_nodes > 0;
  OMENDB_TRY(plan->tombstones.CopyFrom(collection.tombstones()));
  size_t index = StoredIndexOf(collection);
  if (index != Manifest::kNotFound) {
    const CollectionManifest& stored = stored_.manifest.collections[index];
    const Versions& stored_versions = stored_.versions[index];
    OMENDB_TRY(entry.row_objects.Reserve(stored.row_objects.size()));
    ReuseRows(stored, &entry, plan);
    // A tombstones object covers exactly the rows there are.
    if (plan->tombstones_due && stored_versions.tombstones == versions.tombstones &&
        stored.rows == entry.rows) {
      OMENDB_TRY(entry.tombstones.Append(stored.tombstones.span()));
      plan->tombstones_due = false;
    }
    if (plan->graph_due && stored_versions.graph == versions.graph) {
      OMENDB_TRY(entry.graph_parts.Append(stored.graph_parts.span()));
      entry.graph_bytes = stored.graph_bytes;
      plan->graph_due = false;
    }
  }
  state->manifest.collections.PushReserved(std::move(entry));
  state->versions.PushReserved(versions);
  return Status::Ok();
}

Status Checkpoint::Begin(CollectionSet& collections, uint64_t sequence) {
  State pending;
  Array<Plan> plans;
  OMENDB_TRY(pending.manifest.collections.Reserve(collections.count()));
  OMENDB_TRY(pending.versions.Reserve(collections.count()));
  OMENDB_TRY(plans.Reserve(collections.count()));
  pending.manifest.sequence = sequence;
  pending.manifest.next_collection = collections.next_id();
  for (uint32_t i = 0; i < collections.count(); ++i) {
    Plan plan;
    OMENDB_TRY(PlanCollection(collections.at(i), &pending, &plan));
    plans.PushReserved(std::move(plan));
  }
  pending_ = std::move(pending);
  plans_ = std::move(plans);
  current_ = 0;
  open_ = true;
  complete_ = false;
  return Status::Ok();
}

Result<ObjectReference> Checkpoint::Name(ObjectKind kind) {
  OMENDB_TRY(FinishObject(kind, object_));
  name_ = ObjectName::Data(epoch_, next_number_++);
  return ObjectReference::To(name_, object_.span());
}

Status Checkpoint::MakeRows(Plan& plan, CollectionManifest& entry) {
  OMENDB_TRY(entry.row_objects.ReserveMore(1));
  Array<uint32_t> ordinals;
  uint64_t bytes = 0;
  for (uint32_t ordinal = plan.next_row; ordinal < entry.rows; ++ordinal) {
    bytes += RowBytes(*plan.collection, ordinal, kIncludeAll);
    if (bytes > kObjectBodyBytesTarget && !ordinals.empty()) break;
    OMENDB_TRY(ordinals.Push(ordinal));
  }
  OMENDB_TRY(BeginObject(object_));
  OMENDB_TRY(AppendRows(*plan.collection, ordinals.span(), kIncludeAll, object_));
  OMENDB_ASSIGN(ObjectReference reference, Name(ObjectKind::kRows));
  uint32_t rows = static_cast<uint32_t>(ordinals.size());
  entry.row_objects.PushReserved({reference, rows});
  plan.next_row += rows;
  return Status::Ok();
}

Status Checkpoint::MakeTombstones(Plan& plan, CollectionManifest& entry) {
  OMENDB_TRY(entry.tombstones.ReserveMore(1));
  OMENDB_TRY(EncodeTombstones(plan.tombstones, object_));
  name_ = ObjectName::Data(epoch_, next_number_++);
  entry.tombstones.PushReserved(ObjectReference::To(name_, object_.span()));
  plan.tombstones_due = false;
  return Status::Ok();
}

Status Checkpoint::MakeGraphPart(Plan& plan, CollectionManifest& entry) {
  OMENDB_TRY(entry.graph_parts.ReserveMore(1));
  if (graph_.empty()) {
    const GraphIndex& index = plan.collection->index();
    Status encoded = EncodeGraph(index.graph(), index.quantizer(), index.training(), graph_);
    if (!encoded.ok()) {
      graph_.Release();
      return encoded;
    }
    entry.graph_bytes = graph_.size();
    graph_offset_ = 0;
  }
  size_t bytes = std::min(kObjectBodyBytesTarget, graph_.size() - graph_offset_);
  OMENDB_TRY(BeginObject(object_));
  OMENDB_TRY(object_.Append(ByteSpan(graph_.span()).subspan(graph_offset_, bytes)));
  OMENDB_ASSIGN(ObjectReference reference, Name(ObjectKind::kGraph));
  entry.graph_parts.PushReserved(reference);
  graph_offset_ += bytes;
  if (graph_offset_ == graph_.size()) {
    graph_.Release();
    plan.graph_due = false;
  }
  return Status::Ok();
}

Status Checkpoint::MakeManifest() {
  OMENDB_TRY(pending_.manifest.Encode(object_));
  name_ = ObjectName::Data(epoch_, next_number_++);
  manifest_reference_ = ObjectReference::To(name_, object_.span());
  complete_ = true;
  return Status::Ok();
}

Result<bool> Checkpoint::Next() {
  if (complete_) return false;
  for (; current_ < plans_.size(); ++current_) {
    Plan& plan = plans_[current_];
    CollectionManifest& entry = pending_.manifest.collections[current_];
    Status made;
    if (plan.next_row < entry.rows) {
      made = MakeRows(plan, entry);
    } else if (plan.tombstones_due) {
      made = MakeTombstones(plan, entry);
    } else if (plan.graph_due) {
      made = MakeGraphPart(plan, entry);
    } else {
      continue;
    }
    OMENDB_TRY(std::move(made));
    return true;
  }
  OMENDB_TRY(MakeManifest());
  return true;
}

void Checkpoint::Finish() {
  assert(complete());
  stored_ = std::move(pending_);
  Abort();
}

void Checkpoint::Abort() {
  pending_ = State();
  plans_.Release();
  graph_.Release();
  object_.Release();
  open_ = false;
  complete_ = false;
}

}  // namespace omendb
