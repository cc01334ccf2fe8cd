// FrameBuilder: one WAL frame, what its operations mean, and applying them.
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
#include "format/manifest.h"
#include "format/object_name.h"

namespace omendb {

class FrameBuilder {
 public:
  // `collections` outlives it.
  explicit FrameBuilder(CollectionSet& collections) : collections_(collections) {}

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool sealed() const { return sealed_; }
  // Of the payload that is not an operation yet.
  [[nodiscard]] size_t prepared_bytes() const { return writer_.prepared() ? writer_.payload().size() : 0; }
  [[nodiscard]] const ObjectName& name() const { return name_; }
  [[nodiscard]] size_t bytes() const { return writer_.bytes().size(); }
  [[nodiscard]] uint64_t time_ms() const { return time_ms_; }
  [[nodiscard]] bool empty() const { return operations_.empty(); }
  // It creates or drops collections: what comes after it depends on it.
  [[nodiscard]] bool changes_collections() const {
    return CountOf(OperationKind::kCreate) + CountOf(OperationKind::kDrop) > 0;
  }

  // The calls of engine.h.
  Status Begin(uint64_t time_ms);
  Result<uint8_t*> Payload(uint32_t size);
  Status Upsert(CollectionId collection);
  Status Delete(CollectionId collection);
  Status Create(std::string_view name, const CollectionOptions& options);
  Status Drop(CollectionId collection);
  Status Token(const omendb::Token& token);
  // The id a collection gets that is created next in this frame.
  [[nodiscard]] CollectionId NextCreated() const {
    return collections_.next_id() + CountOf(OperationKind::kCreate);
  }
  Result<ByteSpan> Seal(uint64_t sequence, uint32_t epoch);
  void Apply();
  // Tokens of the frame; after Apply with the rows that their operations changed.
  [[nodiscard]] uint32_t token_count() const;
  template <typename Take>
  void ForEachToken(const Take& take) const {
    for (const Operation& operation : operations_) {
      if (operation.has_token) take(TokenResult{operation.token, operation.count});
    }
  }
  // REQUIRES: no frame that was begun later is open.
  void Discard();
  // Gives its memory back. REQUIRES: not open.
  void Release() { writer_.Release(); }
  // As if nothing had been added since Begin. REQUIRES: open and not sealed.
  void Rewind();
  [[nodiscard]] uint32_t AppliedCount(uint32_t index) const;

  // A stored frame, ready to Apply; on failure nothing is open. CORRUPTION, UNSUPPORTED_VERSION,
  // OUT_OF_MEMORY.
  Status Read(ByteSpan object, const ObjectName& name);

  // As Upsert would, without a frame.
  Status Check(const Collection& collection, ByteSpan batch);

 private:
  struct Operation {
    FrameOperation stored;
    uint32_t rows = 0;          // staged by an upsert
    uint32_t deaths = 0;        // at most, as reserved
    uint32_t count = 0;         // rows changed, once applied
    bool is_upload = false;     // its rows become a segment of their own
    size_t vectors_offset = 0;  // of an upload, in its payload
    bool has_token = false;
    omendb::Token token;
    Owned<Collection> created;
  };

  Status RequireOpen() const;
  Status RequirePayload() const;
  // The collection, one that this frame creates too, unless it drops it. NOT_FOUND.
  Result<Collection*> Target(CollectionId id) const;
  // Where the vectors of an upsert lie in the sealed frame.
  [[nodiscard]] VectorsReference VectorsOf(const Operation& operation) const;
  // Frees what its operations planned for in their collections; of one collection, if `only` is not 0.
  void EndOperations(CollectionId only);
  [[nodiscard]] bool Drops(CollectionId id) const;
  [[nodiscard]] uint32_t CountOf(OperationKind kind) const;
  [[nodiscard]] ByteSpan PayloadOf(const FrameOperation& operation) const {
    return writer_.bytes().subspan(operation.payload_offset, operation.payload_bytes);
  }

  // Checks and stages one operation; `origin` says whether its payload came from a caller or from storage.
  Status StageUpsert(CollectionId id, ByteSpan payload, const Origin& origin, Operation* operation);
  Status StageDelete(CollectionId id, ByteSpan payload, const Origin& origin, Operation* operation);
  Status StageCreate(std::string_view name, const CollectionOptions& options, Owned<Collection>* created);
  Status StageDrop(CollectionId id);
  Status StageStored(const FrameOperation& stored, const Origin& origin);
  Status TakeStoredToken(const FrameOperation& stored, const Origin& origin);
  Status StageStoredCreate(const FrameOperation& stored, const Origin& origin, Operation* operation);
  Status ReadOperations(const ObjectName& name);
  void UnstageAll();

  CollectionSet& collections_;
  FrameWriter writer_;
  DuplicateFinder duplicates_;
  Array<Operation> operations_;
  ObjectName name_;
  uint32_t frame_rows_ = 0;
  uint64_t time_ms_ = 0;
  bool open_ = false;
  bool sealed_ = false;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_FRAME_BUILDER_H_
