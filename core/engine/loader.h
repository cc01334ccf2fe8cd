// Loader: from a head to collections: which objects are needed, in which order, and taking them in.
// docs/architecture.md, "Recovery", step 3.
#ifndef OMENDB_ENGINE_LOADER_H_
#define OMENDB_ENGINE_LOADER_H_

#include "engine/collection_set.h"
#include "format/manifest.h"
#include "format/tombstones_object.h"

namespace omendb {

class Loader {
 public:
  // `collections` outlives it and is empty.
  explicit Loader(CollectionSet& collections) : collections_(collections) {}

  void Start(const Head& head) {
    head_ = head;
    if (head.has_manifest) manifest_name_ = head.manifest.name();
  }
  [[nodiscard]] uint32_t count() const;
  [[nodiscard]] std::string_view name(uint32_t index) const;
  // In order. A failed call may be made again.
  Status Load(uint32_t index, ByteSpan bytes);
  // Enters ids; afterwards everything the manifest claims was checked.
  Status Finish();
  // After Finish. Empty when there was no manifest.
  Manifest TakeManifest() { return std::move(manifest_); }

 private:
  enum class Part : uint8_t { kRows, kTombstones, kGraph };
  struct Required {
    ObjectName name;
    ObjectReference reference;
    Part part = Part::kRows;
    uint32_t collection = 0;  // index
    uint32_t rows = 0;
    bool last_of_graph = false;
  };
  // What is gathered for a collection until it is complete.
  struct Gathered {
    Bitmap tombstones;
    Bytes graph;
  };

  Status LoadManifest(ByteSpan bytes);
  Status LoadRows(const Required& required, ByteSpan bytes, const Origin& origin);
  Status LoadGraph(const Required& required, ByteSpan bytes, const Origin& origin);
  static Status PlanCollection(const CollectionManifest& collection, uint32_t index, Array<Required>* plan);

  CollectionSet& collections_;
  Head head_;
  ObjectName manifest_name_;
  Manifest manifest_;
  bool manifest_loaded_ = false;
  Array<Required> required_;
  Array<Gathered> gathered_;  // per collection
  uint32_t loaded_ = 0;       // objects, the manifest not counted
  uint32_t finished_ = 0;     // collections
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_LOADER_H_
