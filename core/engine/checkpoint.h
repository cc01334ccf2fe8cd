// Checkpoint: the state as objects, one after the other; and what the last one stored, so that the next one
// writes only what changed. docs/architecture.md, "Checkpoint".
//
// What is to be written is decided when it begins (checkpoint_plan.h). Commits may follow while it is open:
// rows stay in their slots, because no background work is done meanwhile.
#ifndef OMENDB_ENGINE_CHECKPOINT_H_
#define OMENDB_ENGINE_CHECKPOINT_H_

#include "engine/checkpoint_plan.h"

namespace omendb {

class Checkpoint {
 public:
  // ---- What is stored --------------------------------------------------------------------------------
  // After loading: `manifest` is what the collections were loaded from.
  Status SetStored(Manifest manifest, const CollectionSet& collections);
  // Nothing is: everything is written by the next one.
  void ForgetStored() { stored_ = StoredState(); }
  [[nodiscard]] uint64_t stored_sequence() const { return stored_.manifest.sequence; }
  // True for what the stored checkpoint, or the open one so far, consists of; the manifest itself not
  // counted.
  [[nodiscard]] bool Contains(const ObjectName& name) const;
  // Nodes that were added since.
  [[nodiscard]] uint64_t UnstoredNodes(const CollectionSet& collections) const;
  // Bytes that are stored and that the next checkpoint would free.
  [[nodiscard]] uint64_t ReclaimableBytes(const CollectionSet& collections) const;
  // Names of all objects of the stored manifest, each once. OUT_OF_MEMORY.
  Status ListStored(Array<ObjectName>* names) const;

  // ---- Making one ------------------------------------------------------------------------------------
  [[nodiscard]] bool open() const { return open_; }
  // Bodies of vectors, ids, metadata and links are cut at about this size: they are made in memory.
  void set_body_bytes(size_t bytes) { body_bytes_ = bytes; }
  // A new epoch was taken: numbers start again.
  void StartEpoch(uint32_t epoch);
  // Goes on with the numbers of another one.
  void ContinueNumbers(const Checkpoint& other) {
    epoch_ = other.epoch_;
    next_number_ = other.next_number_;
  }
  Status Begin(CollectionSet& collections, const CommitLog& log, uint64_t sequence, bool whole);
  // The next object; false when the manifest was the last. OUT_OF_MEMORY, kVectorsWanted: may be called
  // again.
  Result<bool> Next();
  [[nodiscard]] ByteSpan object() const { return object_.span(); }
  [[nodiscard]] const ObjectName& name() const { return name_; }
  // True once the manifest was made.
  [[nodiscard]] bool complete() const { return open_ && complete_; }
  [[nodiscard]] const ObjectReference& manifest() const { return manifest_reference_; }
  // REQUIRES: complete(). From now on collections know their vectors to be stored there.
  void Finish();
  void Abort();

 private:
  // Gives the finished object_ the next name.
  ObjectReference Name();
  Result<bool> MakePart(CollectionPlan& plan, CollectionManifest& entry);
  Result<bool> MakeSegmentPart(const CollectionPlan& plan, const Segment& segment, SegmentPlan& own,
                               SegmentManifest& entry);
  // Vectors may be wanted (vector_store.h); then it is called again.
  Status MakeVectors(Collection& collection, const Segment& segment, SegmentPlan& own,
                     SegmentManifest& entry);
  Status MakeBlobs(const RowStore& rows, const Segment& segment, bool metadata, uint32_t* next,
                   Array<RowsReference>& references);
  Result<bool> MakeGraphPart(CollectionPlan& plan, CollectionManifest& entry);
  Status MakeLinks(CollectionPlan& plan, CollectionManifest& entry);
  Result<bool> MakeCodes(CollectionPlan& plan, CollectionManifest& entry);
  Status ReserveParts();
  Status MakeManifest();

  StoredState stored_;
  CheckpointPlan plan_;
  uint32_t current_ = 0;           // collection
  uint32_t current_segment_ = 0;   // of it
  Bytes links_;                    // of the current collection, serialized and not in a part yet
  uint32_t next_linked_node_ = 0;  // the first that is not in links_ or in a part
  size_t body_bytes_ = kObjectBodyBytesTarget;
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
