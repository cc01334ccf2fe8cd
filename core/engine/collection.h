// Collection: one set of rows with its options, their states in time, ids and graph.
//
// Writing has two halves: staging, which checks and may fail, and committing, which cannot. Between
// them nothing of the staged rows can be seen.
// A row lives in a slot (row_store.h) and has a number (segment.h). The newest state shows every slot
// that is not hidden; older states are made from it by the history.
// Not here: frames (frame_builder.h), views (collection_view.h), planning (searcher.h), when work is due
// (background.h). Not thread safe. It never moves in memory.
#ifndef OMENDB_ENGINE_COLLECTION_H_
#define OMENDB_ENGINE_COLLECTION_H_

#include <string_view>

#include "engine/graph_index.h"
#include "engine/history.h"
#include "engine/id_map.h"
#include "engine/row_store.h"
#include "engine/segment.h"
#include "format/history_object.h"
#include "format/row_batch.h"
#include "omendb/engine.h"

namespace omendb {

class Collection {
 public:
  // Null when memory is refused. `created`: the sequence of its creation.
  static Owned<Collection> Make(CollectionId id, std::string_view name, const CollectionOptions& options);
  // For MakeOwned; Make also gives it its name.
  Collection(CollectionId id, const CollectionOptions& options);

  [[nodiscard]] CollectionId id() const { return id_; }
  [[nodiscard]] std::string_view name() const {
    return {reinterpret_cast<const char*>(name_.data()), name_.size()};
  }
  [[nodiscard]] const CollectionOptions& options() const { return options_; }
  [[nodiscard]] const RowStore& rows() const { return rows_; }
  [[nodiscard]] const VectorStore& vectors() const { return rows_.vectors(); }
  [[nodiscard]] VectorStore& vectors() { return rows_.vectors(); }
  [[nodiscard]] const SegmentList& segments() const { return segments_; }
  [[nodiscard]] SegmentList& segments() { return segments_; }
  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] const GraphIndex& index() const { return index_; }
  [[nodiscard]] GraphIndex& index() { return index_; }
  // A bit per slot: what the newest state does not show.
  [[nodiscard]] const Bitmap& hidden() const { return hidden_; }
  // By slot.
  [[nodiscard]] const uint32_t* numbers() const { return numbers_.data(); }
  [[nodiscard]] uint32_t live_rows() const { return hidden_.size() - hidden_.set_count(); }
  // The live row of an id, or kNoSlot.
  [[nodiscard]] uint32_t Find(ByteSpan id) const { return ids_.Find(id, rows_.ids()); }
  [[nodiscard]] CollectionStats Stats() const;

  // Sequences of its creation, and of its end (0: it has none).
  [[nodiscard]] uint64_t created() const { return created_; }
  void set_created(uint64_t sequence) { created_ = sequence; }
  [[nodiscard]] uint64_t dropped() const { return dropped_; }
  void set_dropped(uint64_t sequence) { dropped_ = sequence; }
  [[nodiscard]] bool ExistsAt(uint64_t sequence) const {
    return created_ <= sequence && (dropped_ == 0 || dropped_ > sequence);
  }

  // ---- Writing ---------------------------------------------------------------------------------------
  // Whether the batch's vectors are as the options say: DIMENSION_MISMATCH, INVALID_ARGUMENT. Values are not
  // looked at.
  [[nodiscard]] Status CheckVectors(const RowBatch& batch) const;
  // All rows of the batch or none. `is_upload`: they become a segment of their own when committed. Messages
  // name the row. As CheckVectors; INVALID_VECTOR, LIMIT_EXCEEDED, OUT_OF_MEMORY.
  Status Stage(const RowBatch& batch, bool is_upload);
  // Room to remember that `count` more rows die in the frame that is being built.
  Status ReserveDeaths(uint64_t count);
  [[nodiscard]] uint32_t staged() const { return static_cast<uint32_t>(staged_.size() - committed_); }
  // Forgets staged rows until `keep` are left, and gives memory back.
  void DropStaged(uint32_t keep);
  // The next `count` staged rows become visible and those they replace die. `frame`: where their vectors lie;
  // null unless they were staged as an upload.
  void CommitStaged(uint32_t count, uint64_t sequence, const VectorsReference* frame);
  // Returns how many of the ids had a row. REQUIRES: ReserveDeaths.
  uint32_t Delete(const BlobList& ids, uint64_t sequence);
  // What was planned for one operation is done, or will not be: `deaths` as reserved.
  // REQUIRES: its rows were committed or dropped.
  void EndOperation(uint64_t deaths, bool is_upload);

  // ---- Vectors in storage (vector_store.h) -------------------------------------------------------------
  // Room for what NoteStored will note: so many parts. OUT_OF_MEMORY.
  Status PlanStored(size_t parts) { return vectors().PlanParts(parts, planned_uploads_); }
  // Vectors of the segments, which are the collection's first ones, are stored as the manifest says.
  // REQUIRES: planned.
  void NoteStored(std::span<const SegmentManifest> segments);
  // A wanted vector as it was read. CORRUPTION when it is not what was stored, OUT_OF_MEMORY.
  Status Bring(uint32_t slot, const uint8_t* vector);
  // The next vectors that are away are asked for: kVectorsWanted until they are there. OUT_OF_MEMORY.
  Status BringNext();
  [[nodiscard]] uint32_t brought_at_once() const {
    return static_cast<uint32_t>(kBroughtBytes / rows_.vector_bytes()) + 1;
  }
  // What came for one call only leaves again.
  void EndBrief() { vectors().EndBrief(index_.evictable()); }
  // Up to `count` vectors leave memory. Returns how many did.
  uint32_t Evict(uint32_t count) { return vectors().Evict(count, index_.evictable()); }

  // ---- States in time --------------------------------------------------------------------------------
  // Rows from this number on are younger than `sequence`.
  [[nodiscard]] uint32_t NumbersEnd(uint64_t sequence) const {
    return history_.NumbersEnd(sequence, segments_.next_number());
  }
  // No state before `oldest` is read any more.
  void ForgetBefore(uint64_t oldest);

  // ---- Background work -------------------------------------------------------------------------------
  // Rows that have no node yet, oldest first; some may be hidden.
  [[nodiscard]] std::span<const uint32_t> pending() const { return pending_.span().subspan(pending_done_); }
  // The first of them gets its node, or is passed by because no state shows it. REQUIRES: pending() is not
  // empty.
  Status IndexNext(HnswScratch& scratch);
  // Rows that no state shows and that have no node.
  [[nodiscard]] uint32_t sweepable_rows() const { return gone_.set_count() - index_.unseen_nodes(); }
  // Rows that some state shows.
  [[nodiscard]] uint32_t seen_rows() const { return rows_.used() - staged() - gone_.set_count(); }
  // Frees up to `count` of those.
  void Sweep(uint32_t count);
  // Takes the graph away; all rows wait for a node again, with their vectors in memory. OUT_OF_MEMORY,
  // kVectorsWanted.
  Status ResetIndex();
  // Much of the memory for rows is free.
  [[nodiscard]] bool wants_squeeze() const;
  // Moves all rows together and gives the rest of the memory back: one long step. REQUIRES: no view is
  // open, nothing is staged. OUT_OF_MEMORY: nothing changed.
  Status Squeeze();
  [[nodiscard]] bool wants_cleaning() const { return rows_.wants_cleaning(); }
  // One chunk of ids or metadata moves together with others.
  Status CleanBlobs() { return rows_.Clean(); }

  // ---- Loading: parts come in the order of loader.h ------------------------------------------------------
  RowStore& loading_rows() { return rows_; }
  // Slots [0, slots) are there, none visible. OUT_OF_MEMORY.
  Status OpenSlots(uint32_t slots);
  // The row at `position` of a segment lies in `slot`. `is_dead`: no more shown; `is_gone`: by no state.
  void LoadRow(Segment& segment, uint32_t position, uint32_t slot, bool is_dead, bool is_gone);
  // Births and deaths, by stored row; `slots` is by stored row too. REQUIRES: all rows are loaded.
  Status LoadHistory(std::span<const Birth> births, std::span<const Death> deaths,
                     std::span<const uint32_t> slots);
  // Frees the slots that got no row and enters ids. CORRUPTION when one is there twice.
  Status FinishLoad(const Origin& origin);

 private:
  static constexpr size_t kBroughtBytes = size_t{1} << 20;

  void Kill(uint32_t slot, uint64_t sequence);
  // REQUIRES: the slot's row is gone and has no node.
  void FreeSlot(uint32_t slot);
  void DropDonePending();

  CollectionId id_;
  CollectionOptions options_;
  Bytes name_;
  uint64_t created_ = 0;
  uint64_t dropped_ = 0;
  RowStore rows_;
  Array<uint32_t> numbers_;  // by slot
  Bitmap hidden_;            // by slot: free, staged or dead
  Bitmap gone_;              // by slot: dead, and shown by no state
  IdMap ids_;
  SegmentList segments_;
  History history_;
  GraphIndex index_;
  Array<uint32_t> pending_;
  size_t pending_done_ = 0;
  uint32_t next_to_bring_ = 0;  // slot

  // Of all frames that are being built or on their way.
  Array<uint32_t> staged_;  // slots in the order they were staged
  size_t committed_ = 0;    // of staged_
  uint64_t planned_deaths_ = 0;
  uint32_t planned_uploads_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_COLLECTION_H_
