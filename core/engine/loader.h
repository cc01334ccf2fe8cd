// Loader: from a head to collections: which objects are needed, in which order, and taking them in.
// docs/architecture.md, "Recovery", step 2.
//
// Of a collection its nodes come first, because they say in which slots rows lie; then what is dead; then
// ids and metadata; then links and codes; and after all of these of all collections the vectors, because only
// then it is known which of them can stay in storage. Rows that no state shows and that have no node are
// passed by: they take no memory.
#ifndef OMENDB_ENGINE_LOADER_H_
#define OMENDB_ENGINE_LOADER_H_

#include "engine/collection_set.h"
#include "format/manifest.h"

namespace omendb {

class Loader {
 public:
  // `collections` outlives it and is empty.
  explicit Loader(CollectionSet& collections) : collections_(collections) {}

  void Start(const Head& head) {
    head_ = head;
    if (head.has_manifest) manifest_name_ = head.manifest.name();
  }
  // Engine::LeaveVectors.
  void LeaveVectors(uint64_t bytes_min) { left_bytes_min_ = bytes_min; }
  [[nodiscard]] uint32_t left_count() const { return static_cast<uint32_t>(left_.size()); }
  [[nodiscard]] std::string_view left_name(uint32_t index) const {
    return index < left_.size() ? left_[index].text() : std::string_view();
  }
  [[nodiscard]] uint32_t count() const;
  [[nodiscard]] std::string_view name(uint32_t index) const;
  // In order. After a failure nothing more can be loaded.
  Status Load(uint32_t index, ByteSpan bytes);
  // Enters ids; afterwards everything the manifest claims was checked.
  Status Finish();
  // After Finish. Empty when there was no manifest.
  Manifest TakeManifest() { return std::move(manifest_); }

 private:
  enum class Part : uint8_t { kNodes, kTombstones, kHistory, kIds, kMetadata, kVectors, kLinks, kCodes };
  struct Required {
    ObjectName name;
    ObjectReference reference;
    VectorsReference vectors;
    Part part = Part::kNodes;
    uint32_t collection = 0;  // index in the manifest
    uint32_t segment = 0;     // index, for parts of segments
    uint32_t first_row = 0;   // of the collection, for ids, metadata and vectors
    uint32_t rows = 0;
    bool last = false;  // of the links
  };
  // What is gathered for the collection that is being loaded.
  struct Gathered {
    bool placed = false;        // slots are chosen
    Array<uint32_t> node_rows;  // by node
    Array<Birth> births;
    Array<Death> deaths;
    Bitmap dead;            // by row
    Array<uint32_t> slots;  // by row
    Bytes links;
  };

  Status LoadManifest(ByteSpan bytes);
  Status PlanCollection(const CollectionManifest& entry, uint32_t index, Array<Required>* plan) const;
  // When everything else is there: all vectors, but for those that stay where they are.
  Status PlanVectors();
  Status PlanVectorsOf(uint32_t collection);
  [[nodiscard]] bool MayLeaveVectors(uint32_t collection);
  Status LoadPart(const Required& required, ByteSpan bytes, const Origin& origin);
  Status LoadTombstones(const Required& required, ByteSpan bytes, const Origin& origin);
  // Chooses the slot of every row, once all that it depends on is there.
  Status Place(uint32_t collection);
  Status CheckHistory(uint32_t collection) const;
  Status LoadBlobs(const Required& required, ByteSpan bytes, const Origin& origin);
  Status LoadVectors(const Required& required, ByteSpan bytes, const Origin& origin);
  Status LoadLinks(const Required& required, ByteSpan bytes, const Origin& origin);
  Status FinishCollection(uint32_t collection);
  // By index in the manifest.
  [[nodiscard]] Collection& At(uint32_t collection) {
    return *collections_.FindKept(manifest_.collections[collection].id);
  }

  CollectionSet& collections_;
  Head head_;
  ObjectName manifest_name_;
  Manifest manifest_;
  uint64_t left_bytes_min_ = ~uint64_t{0};
  Array<ObjectName> left_;  // vectors that are not loaded
  bool manifest_loaded_ = false;
  bool vectors_planned_ = false;
  Array<Required> required_;
  Array<Gathered> gathered_;  // by collection of the manifest
  uint32_t loaded_ = 0;       // objects, the manifest not counted
  bool failed_ = false;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_LOADER_H_
