// FrameBuilder: the one open WAL frame, what its operations mean, and applying them.
//
// Everything an operation needs is staged or reserved when it is added, so that Apply cannot fail and
// Discard leaves no trace. A frame read from storage goes the same way, so that recovery is what
// writing was.
// Not here: durability, sequences beyond this frame. Not thread safe.
#ifndef OMENDB_ENGINE_FRAME_BUILDER_H_
#define OMENDB_ENGINE_FRAME_BUILDER_H_

#include <string_view>

#include "engine/collection_set.h"
#include "engine/duplicate_finder.h"
#include "format/collection_options.h"
#include "format/frame.h"
#include "format/object_name.h"

namespace omendb {

class FrameBuilder {
 public:
  // `collections` outlives it.
  explicit FrameBuilder(CollectionSet& collections) : collections_(collections) {}

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool sealed() const { return sealed_; }
  [[nodiscard]] const ObjectName& name() const { return name_; }
  [[nodiscard]] size_t bytes() const { return writer_.bytes().size(); }

  // The calls of engine.h.
  Status Begin();
  Result<uint8_t*> Payload(uint32_t size);
  Status Upsert(CollectionId collection);
  Status Delete(CollectionId collection);
  Status Create(std::string_view name, const CollectionOptions& options);
  Status Drop(CollectionId collection);
  Result<ByteSpan> Seal(uint64_t sequence, uint32_t epoch);
  void Apply();
  void Discard();
  [[nodiscard]] uint32_t AppliedCount(uint32_t index) const;

  // A stored frame, ready to Apply; on failure nothing is open. CORRUPTION, UNSUPPORTED_VERSION,
  // OUT_OF_MEMORY.
  Status Read(ByteSpan object, const ObjectName& name);

  // As Upsert would, without a frame.
  Status Check(const Collection& collection, ByteSpan batch);

 private:
  struct Operation {
    FrameOperation stored;
    uint32_t rows = 0;   // staged by an upsert
    uint32_t count = 0;  // rows changed, once applied
    Owned<Collection> created;
  };

  Status RequireOpen() const;
  Status RequirePayload() const;
  // The collection, unless this frame drops it. NOT_FOUND.
  Result<Collection*> Target(CollectionId id) const;
  [[nodiscard]] bool Drops(CollectionId id) const;
  [[nodiscard]] uint32_t CountOf(OperationKind kind) const;
  [[nodiscard]] ByteSpan PayloadOf(const FrameOperation& operation) const {
    return writer_.bytes().subspan(operation.payload_offset, operation.payload_bytes);
  }

  // Checks and stages one operation; `origin` says whether its payload came from a caller or from storage.
  Status StageUpsert(CollectionId id, ByteSpan payload, const Origin& origin, uint32_t* rows);
  Status StageDelete(CollectionId id, ByteSpan payload, const Origin& origin);
  Status StageCreate(std::string_view name, const CollectionOptions& options, Owned<Collection>* created);
  Status StageDrop(CollectionId id);
  Status StageStored(const FrameOperation& stored, const Origin& origin);
  Status StageStoredCreate(const FrameOperation& stored, const Origin& origin, Operation* operation);
  Status ReadOperations(const ObjectName& name);
  void UnstageAll();

  CollectionSet& collections_;
  FrameWriter writer_;
  DuplicateFinder duplicates_;
  Array<Operation> operations_;
  ObjectName name_;
  uint32_t frame_rows_ = 0;
  bool open_ = false;
  bool sealed_ = false;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_FRAME_BUILDER_H_
