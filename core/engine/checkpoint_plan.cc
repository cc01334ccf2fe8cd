#include "engine/checkpoint_plan.h"

#include <algorithm>

namespace omendb {
namespace {

size_t Find(std::span<const uint64_t> keys, uint64_t key) {
  return static_cast<size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
}

Status CopySegment(const SegmentManifest& stored, SegmentManifest* next) {
  next->rows = stored.rows;
  next->dead_rows = stored.dead_rows;
  OMENDB_TRY(next->vectors.Append(stored.vectors.span()));
  OMENDB_TRY(next->ids.Append(stored.ids.span()));
  OMENDB_TRY(next->metadata.Append(stored.metadata.span()));
  return next->tombstones.Append(stored.tombstones.span());
}

// What one collection has stored; empty for a new one.
struct Stored {
  const CollectionManifest* manifest = nullptr;
  const StoredState::Versions* versions = nullptr;

  [[nodiscard]] size_t IndexOf(uint64_t key) const {
    if (versions == nullptr) return Manifest::kNotFound;
    const size_t index = Find(versions->segment_keys.span(), key);
    return index == versions->segment_keys.size() ? Manifest::kNotFound : index;
  }
};

Stored StoredOf(const StoredState& stored, CollectionId id) {
  const size_t index = stored.manifest.IndexOf(id);
  if (index == Manifest::kNotFound) return {};
  return {&stored.manifest.collections[index], &stored.versions[index]};
}

// Rows of which nothing is left cannot be written: segments that are written anew lose them first.
Status DropHoles(SegmentList& segments, const Stored& stored) {
  for (uint32_t i = 0; i < segments.count(); ++i) {
    const Segment& segment = segments.at(i);
    if (segment.holes == 0 || stored.IndexOf(segment.key) != Manifest::kNotFound) continue;
    OMENDB_TRY(segments.Merge(i, 1));
  }
  segments.DropEmpty();
  return Status::Ok();
}

Status Compact(SegmentList& segments) {
  for (;;) {
    Array<SegmentSize> sizes;
    OMENDB_TRY(SegmentSizes(segments, &sizes));
    const MergeChoice choice = ChooseMerge(sizes.span());
    if (choice.count == 0) break;
    OMENDB_TRY(segments.Merge(choice.first, choice.count));
    segments.DropEmpty();
  }
  return Status::Ok();
}

Status PlanSegment(const Collection& collection, const Segment& segment, const SegmentManifest* stored,
                   bool whole, SegmentManifest* next, SegmentPlan* plan) {
  if (stored != nullptr) OMENDB_TRY(CopySegment(*stored, next));
  next->rows = segment.rows();
  if (stored == nullptr) {
    plan->vectors_due = whole || segment.frame.rows == 0;
    if (!plan->vectors_due) OMENDB_TRY(next->vectors.Push(segment.frame));
    plan->blobs_due = true;
    plan->has_metadata = std::any_of(segment.slots.begin(), segment.slots.end(), [&](uint32_t slot) {
      return !collection.rows().metadata(slot).empty();
    });
  }
  // Rows only die, so as many dead ones are the same ones.
  if (segment.dead == next->dead_rows) return Status::Ok();
  next->dead_rows = segment.dead;
  next->tombstones.Clear();
  OMENDB_TRY(plan->tombstones.Resize(segment.rows()));
  for (uint32_t position = 0; position < segment.rows(); ++position) {
    const uint32_t slot = segment.slots[position];
    if (slot == kNoSlot || collection.hidden().Test(slot)) plan->tombstones.Set(position);
  }
  plan->tombstones_due = true;
  return Status::Ok();
}

// Stored rows by slot: rows are numbered through all segments.
Status PlanNodes(const Collection& collection, CollectionPlan* plan) {
  const GraphIndex& index = collection.index();
  OMENDB_TRY(plan->node_rows.Reserve(index.nodes()));
  for (uint32_t node = 0; node < index.nodes(); ++node) plan->node_rows.PushReserved(kNoStoredRow);
  uint32_t row = 0;
  for (uint32_t i = 0; i < collection.segments().count(); ++i) {
    for (uint32_t slot : collection.segments().at(i).slots) {
      if (slot != kNoSlot && index.linked(slot)) plan->node_rows[slot] = row;
      ++row;
    }
  }
  plan->nodes_due = true;
  return Status::Ok();
}

Status PlanGraph(const Stored& stored, CollectionPlan* plan, CollectionManifest* next,
                 StoredState::Versions* versions) {
  const Collection& collection = *plan->collection;
  const GraphIndex& index = collection.index();
  versions->graph = index.version();
  versions->added_nodes = index.added_nodes();
  next->graph_nodes = index.nodes();
  if (index.nodes() == 0) return Status::Ok();
  plan->codes_due = index.codes() != nullptr;
  const bool same_graph = stored.versions != nullptr && stored.versions->graph == index.version();
  bool same_rows = same_graph && stored.versions->segment_keys.size() <= versions->segment_keys.size();
  for (size_t i = 0; same_rows && i < stored.versions->segment_keys.size(); ++i) {
    same_rows = stored.versions->segment_keys[i] == versions->segment_keys[i];
  }
  if (same_rows) {
    OMENDB_TRY(next->nodes.Append(stored.manifest->nodes.span()));
  } else {
    OMENDB_TRY(PlanNodes(collection, plan));
  }
  plan->links_due = !same_graph;
  if (same_graph) {
    OMENDB_TRY(next->links.Append(stored.manifest->links.span()));
    next->link_bytes = stored.manifest->link_bytes;
  }
  return Status::Ok();
}

Status PlanHistory(const Collection& collection, const CommitLog& log, uint64_t sequence,
                   CollectionPlan* plan) {
  const History& history = collection.history();
  const uint64_t oldest = log.oldest_sequence();
  const std::span<const History::Death> after = history.DeathsAfter(oldest);
  bool any = !after.empty();
  for (const History::Birth& birth : history.births()) any = any || birth.sequence > oldest;
  if (!any) return Status::Ok();
  Array<Birth> births;
  Array<uint32_t> row_of_slot;
  OMENDB_TRY(row_of_slot.Resize(collection.rows().slots()));
  uint32_t row = 0;
  size_t next_birth = 0;
  uint64_t born = 0;
  const std::span<const History::Birth> stored_births = history.births();
  for (uint32_t i = 0; i < collection.segments().count(); ++i) {
    const Segment& segment = collection.segments().at(i);
    for (uint32_t position = 0; position < segment.rows(); ++position, ++row) {
      if (segment.slots[position] != kNoSlot) row_of_slot[segment.slots[position]] = row;
      const uint32_t number = segment.NumberAt(position);
      while (next_birth < stored_births.size() && stored_births[next_birth].first_number <= number) {
        const uint64_t at = stored_births[next_birth++].sequence;
        if (at > oldest) born = at;
      }
      if (births.empty() || births.back().sequence != born) OMENDB_TRY(births.Push({born, 0}));
      ++births.back().rows;
    }
  }
  Array<Death> deaths;
  OMENDB_TRY(deaths.Reserve(after.size()));
  for (const History::Death& death : after) {
    if (death.sequence <= sequence) deaths.PushReserved({row_of_slot[death.slot], death.sequence});
  }
  return EncodeHistory(births.span(), deaths.span(), plan->history);
}

Status PlanCollection(Collection& collection, const CommitLog& log, uint64_t sequence,
                      const StoredState& stored_state, bool whole, CheckpointPlan* plan) {
  const Stored stored = whole ? Stored() : StoredOf(stored_state, collection.id());
  CollectionManifest next;
  StoredState::Versions versions;
  CollectionPlan own;
  own.collection = &collection;
  own.whole = whole;
  next.id = collection.id();
  next.options = collection.options();
  next.created = collection.created();
  next.dropped = collection.dropped();
  const std::string_view name = collection.name();
  OMENDB_TRY(next.name.Append(ByteSpan(reinterpret_cast<const uint8_t*>(name.data()), name.size())));
  SegmentList& segments = collection.segments();
  segments.Seal();
  OMENDB_TRY(Compact(segments));
  OMENDB_TRY(DropHoles(segments, stored));
  OMENDB_TRY(next.segments.Reserve(segments.count()));
  OMENDB_TRY(own.segments.Reserve(segments.count()));
  OMENDB_TRY(versions.segment_keys.Reserve(segments.count()));
  for (uint32_t i = 0; i < segments.count(); ++i) {
    const Segment& segment = segments.at(i);
    const size_t at = stored.IndexOf(segment.key);
    SegmentManifest segment_next;
    SegmentPlan segment_plan;
    OMENDB_TRY(PlanSegment(collection, segment,
                           at == Manifest::kNotFound ? nullptr : &stored.manifest->segments[at], whole,
                           &segment_next, &segment_plan));
    next.segments.PushReserved(std::move(segment_next));
    own.segments.PushReserved(std::move(segment_plan));
    versions.segment_keys.PushReserved(segment.key);
  }
  OMENDB_TRY(PlanGraph(stored, &own, &next, &versions));
  OMENDB_TRY(PlanHistory(collection, log, sequence, &own));
  plan->next.manifest.collections.PushReserved(std::move(next));
  plan->next.versions.PushReserved(std::move(versions));
  plan->collections.PushReserved(std::move(own));
  return Status::Ok();
}

}  // namespace

Status SegmentSizes(const SegmentList& segments, Array<SegmentSize>* sizes) {
  OMENDB_TRY(sizes->Reserve(segments.count()));
  for (uint32_t i = 0; i < segments.count(); ++i) {
    const Segment& segment = segments.at(i);
    sizes->PushReserved({segment.bytes, segment.rows(), segment.holes});
  }
  return Status::Ok();
}

Status CheckpointPlan::Make(CollectionSet& collections, const CommitLog& log, uint64_t sequence,
                            const StoredState& stored, bool whole, CheckpointPlan* plan) {
  // Dropped ones that a past state still shows are stored with the rest, all by rising id.
  Array<CollectionId> all;
  OMENDB_TRY(all.Reserve(collections.count() + collections.dropped_count()));
  for (uint32_t i = 0; i < collections.count(); ++i) all.PushReserved(collections.at(i).id());
  for (uint32_t i = 0; i < collections.dropped_count(); ++i) {
    if (collections.dropped_at(i).dropped() > log.oldest_sequence()) {
      all.PushReserved(collections.dropped_at(i).id());
    }
  }
  std::sort(all.begin(), all.end());
  OMENDB_TRY(plan->next.manifest.collections.Reserve(all.size()));
  OMENDB_TRY(plan->next.versions.Reserve(all.size()));
  OMENDB_TRY(plan->collections.Reserve(all.size()));
  plan->next.manifest.sequence = sequence;
  plan->next.manifest.next_collection = collections.next_id();
  OMENDB_TRY(log.CopyTo(&plan->next.manifest));
  for (CollectionId id : all) {
    OMENDB_TRY(PlanCollection(*collections.FindKept(id), log, sequence, stored, whole, plan));
  }
  return Status::Ok();
}

}  // namespace omendb
