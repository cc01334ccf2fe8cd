// CheckpointPlan: what a checkpoint has to write, decided when it begins: of each collection the parts that
// are not stored yet or have changed. Everything that later commits could change is copied here.
#ifndef OMENDB_ENGINE_CHECKPOINT_PLAN_H_
#define OMENDB_ENGINE_CHECKPOINT_PLAN_H_

#include "engine/collection_set.h"
#include "engine/commit_log.h"
#include "engine/compaction_policy.h"
#include "format/manifest.h"

namespace omendb {

// A manifest with what memory knows about it.
struct StoredState {
  // Which state of a collection the objects hold.
  struct Versions {
    uint64_t graph = 0;
    uint64_t added_nodes = 0;
    Array<uint64_t> segment_keys;  // by segment of the manifest
  };
  Manifest manifest;
  Array<Versions> versions;  // by collection of the manifest
};

// Of a segment: what is due. Its parts are written one after the other from these positions on.
struct SegmentPlan {
  bool vectors_due = false;
  bool blobs_due = false;
  bool has_metadata = false;
  bool tombstones_due = false;
  Bitmap tombstones;
  uint32_t next_vector = 0;
  uint32_t next_id = 0;
  uint32_t next_metadata = 0;
};

struct CollectionPlan {
  Collection* collection = nullptr;
  Array<SegmentPlan> segments;
  bool nodes_due = false;
  Array<uint32_t> node_rows;  // which stored row each node is
  bool links_due = false;
  bool codes_due = false;
  bool whole = false;  // no part of the codes is used again
  uint32_t next_codes_part = 0;
  Bytes history;  // a whole object, or empty
};

struct CheckpointPlan {
  StoredState next;
  Array<CollectionPlan> collections;  // by collection of next.manifest

  // Seals memtables, merges what the policy says, and plans. `whole`: nothing that is stored is used.
  // OUT_OF_MEMORY leaves every collection readable and `stored` as it was.
  static Status Make(CollectionSet& collections, const CommitLog& log, uint64_t sequence,
                     const StoredState& stored, bool whole, CheckpointPlan* plan);
};

// Segments as the policy sees them.
Status SegmentSizes(const SegmentList& segments, Array<SegmentSize>* sizes);

}  // namespace omendb

#endif  // OMENDB_ENGINE_CHECKPOINT_PLAN_H_
