// Checkpoint: the state as objects, one after the other; and what the last one stored, so that the next one
// writes only what changed. docs/architecture.md, "Checkpoint".
//
// Rows objects are never rewritten while their rows keep their ordinals, except a small last one, which is
// merged with the rows that follow it. Rows committed after Begin are not part of it; tombstones are copied
// at Begin; the graph does not change while a checkpoint is open, because no background work is done.
#ifndef OMENDB_ENGINE_CHECKPOINT_H_
#define OMENDB_ENGINE_CHECKPOINT_H_

#include "engine/collection_set.h"
#include "format/manifest.h"

namespace omendb {

class Checkpoint {
 public:
  // ---- What is stored --------------------------------------------------------------------------------
  // After loading: `manifest` is what the collections were loaded from.
  Status SetStored(Manifest manifest, const CollectionSet& collections);
  [[nodiscard]] uint64_t stored_sequence() const { return stored_.manifest.sequence; }
  // True for what the stored checkpoint, or the open one so far, consists of; the manifest itself not
  // counted.
  [[nodiscard]] bool Contains(const ObjectName& name) const;
  // Graph nodes that are not stored.
  [[nodiscard]] uint64_t UnstoredNodes(const CollectionSet& collections) const;

  // ---- Making one ------------------------------------------------------------------------------------
  [[nodiscard]] bool open() const { return open_; }
  // A new epoch was taken: numbers start again.
  void StartEpoch(uint32_t epoch);
  Status Begin(CollectionSet& collections, uint64_t sequence);
  // The next object; false when the manifest was the last. OUT_OF_MEMORY: may be called again.
  Result<bool> Next();
  [[nodiscard]] ByteSpan object() const { return object_.span(); }
  [[nodiscard]] const ObjectName& name() const { return name_; }
  // True once the manifest was made.
  [[nodiscard]] bool complete() const { return open_ && complete_; }
  [[nodiscard]] const ObjectReference& manifest() const { return manifest_reference_; }
  // REQUIRES: complete().
  void Finish();
  void Abort();

 private:
  // Which state of a collection the objects hold.
  struct Versions {
    uint32_t generation = 0;
    uint64_t tombstones = 0;
    uint64_t graph = 0;
  };
  struct State {
    Manifest manifest;
    Array<Versions> versions;  // one per collection of the manifest
  };
  struct Plan {
    Collection* collection = nullptr;
    Bitmap tombstones;
    uint32_t next_row = 0;  // rows before it are in objects
    bool tombstones_due = false;
    bool graph_due = false;
  };

  // Where the stored manifest has this collection with the ordinals it has now, or kNotFound.
  [[nodiscard]] size_t StoredIndexOf(const Collection& collection) const;
  Status PlanCollection(Collection& collection, State* state, Plan* plan) const;
  void ReuseRows(const CollectionManifest& stored, CollectionManifest* entry, Plan* plan) const;
  // Finishes object_ and gives it the next name.
  Result<ObjectReference> Name(ObjectKind kind);
  Status MakeRows(Plan& plan, CollectionManifest& entry);
  Status MakeTombstones(Plan& plan, CollectionManifest& entry);
  Status MakeGraphPart(Plan& plan, CollectionManifest& entry);
  Status MakeManifest();

  State stored_;
  State pending_;
  Array<Plan> plans_;
  uint32_t current_ = 0;
  Bytes graph_;  // of the current collection, while its parts go out
  size_t graph_offset_ = 0;
  Bytes object_;
  ObjectName name_;
  ObjectReference manifest_reference_;
  uint32_t epoch_ = 0;
  uint64_t next_number_ = 1;
  bool open_ = false;
  bool complete_ = false;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_CHECKPOINT_H_
