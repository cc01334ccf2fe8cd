// Collection: one set of rows with its options, deleted rows, ids and graph.
//
// Writing has two halves: staging, which checks and may fail, and committing, which cannot. Between
// them nothing of the staged rows can be seen.
// Not here: frames (frame_builder.h), planning (searcher.h), when work is due (background.h).
// Not thread safe. It never moves in memory.
#ifndef OMENDB_ENGINE_COLLECTION_H_
#define OMENDB_ENGINE_COLLECTION_H_

#include <string_view>

#include "engine/graph_index.h"
#include "engine/id_map.h"
#include "engine/row_store.h"
#include "format/row_batch.h"
#include "omendb/engine.h"

namespace omendb {

class Collection {
 public:
  // Null when memory is refused.
  static Owned<Collection> Make(CollectionId id, std::string_view name, const CollectionOptions& options);
  // For MakeOwned; Make also gives it its name.
  Collection(CollectionId id, const CollectionOptions& options);

  [[nodiscard]] CollectionId id() const { return id_; }
  [[nodiscard]] std::string_view name() const {
    return {reinterpret_cast<const char*>(name_.data()), name_.size()};
  }
  [[nodiscard]] const CollectionOptions& options() const { return options_; }
  [[nodiscard]] const RowStore& rows() const { return rows_; }
  [[nodiscard]] const Bitmap& tombstones() const { return tombstones_; }
  [[nodiscard]] uint32_t live_rows() const { return rows_.size() - tombstones_.set_count(); }
  [[nodiscard]] uint32_t deleted_rows() const { return tombstones_.set_count(); }
  [[nodiscard]] GraphIndex& index() { return index_; }
  [[nodiscard]] const GraphIndex& index() const { return index_; }
  // The live row of an id, or kNoRow.
  [[nodiscard]] uint32_t Find(ByteSpan id) const { return ids_.Find(id, rows_.ids()); }
  [[nodiscard]] CollectionStats Stats() const;

  // ---- Writing ---------------------------------------------------------------------------------------
  // All rows of the batch or none. Messages name the row. DIMENSION_MISMATCH, INVALID_VECTOR,
  // LIMIT_EXCEEDED, OUT_OF_MEMORY.
  Status Stage(const RowBatch& batch);
  [[nodiscard]] uint32_t staged() const { return rows_.staged(); }
  void DropStaged(uint32_t keep) { rows_.DropStaged(keep); }
  // The first `count` staged rows become visible; rows they replace become tombstones.
  void CommitStaged(uint32_t count);
  // Returns how many of the ids had a row.
  uint32_t Delete(const BlobList& ids);

  // ---- Cursors ---------------------------------------------------------------------------------------
  // A cursor says "from this ordinal on". It survives one compaction.
  [[nodiscard]] uint64_t CursorFrom(uint32_t ordinal) const { return uint64_t{generation_} << 32 | ordinal; }
  // The ordinal to go on from; 0 for cursor 0. INVALID_ARGUMENT for one that is too old or was never given.
  Result<uint32_t> OrdinalOf(uint64_t cursor) const;

  // ---- Compaction: marks the deleted rows, repairs the graph around them, takes them out -------------
  [[nodiscard]] bool compacting() const { return compacting_; }
  [[nodiscard]] uint32_t nodes_to_repair() const;
  Status StartCompaction();
  // One node. REQUIRES: nodes_to_repair() > 0.
  Status RepairNext(HnswScratch& scratch);
  // Renumbers. REQUIRES: nodes_to_repair() == 0. On OUT_OF_MEMORY nothing changed.
  Status FinishCompaction();

  // ---- What a checkpoint has to know -----------------------------------------------------------------
  // Rises with every change to the tombstones.
  [[nodiscard]] uint64_t tombstones_version() const { return tombstones_version_; }
  // Rises with every compaction; stored rows of an older generation have other ordinals.
  [[nodiscard]] uint32_t generation() const { return generation_; }

  // ---- Loading ---------------------------------------------------------------------------------------
  // Rows as they are stored: no ids are entered and no tombstones set until FinishLoad.
  Status LoadRows(const RowBatch& batch);
  // Takes the tombstones (a bit per row) and enters the ids of live rows. CORRUPTION when one is there
  // twice. On OUT_OF_MEMORY nothing changed.
  Status FinishLoad(Bitmap& tombstones, const Origin& origin);

 private:
  CollectionId id_;
  CollectionOptions options_;
  Bytes name_;
  RowStore rows_;
  Bitmap tombstones_;  // one bit per row
  IdMap ids_;
  GraphIndex index_;
  uint64_t tombstones_version_ = 0;

  bool compacting_ = false;
  Bitmap doomed_;             // marked by the compaction under way
  uint32_t repair_next_ = 0;  // node
  uint32_t generation_ = 0;
  Bitmap removed_;                  // what the last compaction took out, by the ordinals before it
  Array<uint32_t> removed_before_;  // how many of them lie before each 64
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_COLLECTION_H_
