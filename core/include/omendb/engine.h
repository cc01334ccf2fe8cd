// Engine: one database. Bytes in, bytes out; it never does I/O and knows no clock.
//
// The caller owns storage and time. It makes frames durable before it applies them, feeds stored
// objects back when it opens, and gives the engine small amounts of background work between requests.
// docs/architecture.md has the write, read, checkpoint and recovery paths as numbered steps;
// docs/file-format.md has every byte.
//
// Not here: files, names of files on a disk, threads, retries, promises.
// Thread rule: one thread at a time. Spans returned stay valid until the next non-const call.
// Every failure leaves the state as it was before the call.
#ifndef OMENDB_ENGINE_H_
#define OMENDB_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "omendb/limits.h"
#include "omendb/status.h"
#include "omendb/types.h"

namespace omendb {

using CollectionId = uint32_t;  // never reused in one database; 0 is none

// A state of the database held open for reading: a snapshot, or a transaction with its own writes. 0: the
// newest state.
using ViewId = uint32_t;

// Bytes of a stored object that a call needs: vectors one after the other.
struct WantedRange {
  char object[32] = {};  // its name, then zeros
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

enum IncludeFlags : uint32_t { kIncludeMetadata = 1, kIncludeVectors = 2 };

struct SearchRequest {
  CollectionId collection = 0;
  const float* queries = nullptr;  // query_count * dimensions floats, row-major, whatever the rows are
  uint32_t query_count = 0;        // >= 1
  uint32_t k = 0;                  // 1..kHitsMax; beyond the number of rows gives all rows
  uint32_t ef_search = 0;          // 0: the engine's default; else 1..kEfSearchMax, at least k is used
  bool exact = false;              // look at every row
  uint32_t include = kIncludeMetadata;
  ViewId view = 0;
};

struct CollectionStats {
  uint32_t live_rows = 0;
  uint32_t deleted_rows =
      0;  // dead, and still in memory: for a snapshot, for the history, or not yet cleaned
  uint32_t indexed_rows = 0;    // rows that the graph covers, deleted ones included
  uint64_t vector_bytes = 0;    // memory of vectors
  uint64_t code_bytes = 0;      // memory of quantizer codes and parameters
  uint64_t link_bytes = 0;      // memory of graph links and levels
  uint64_t id_bytes = 0;        // memory of ids and of their lookup table
  uint64_t metadata_bytes = 0;  // memory of metadata
  uint32_t memtable_rows = 0;   // live rows that no stored segment holds
  uint32_t segments = 0;        // sealed ones
  uint64_t live_bytes = 0;      // vectors, ids and metadata of the live rows: what there is to be stored
  Quantization codes =
      Quantization::kNone;      // the kind in use; kNone without codes, or before the first training
  uint32_t code_row_bytes = 0;  // of one row's codes
  // Share of true neighbors that codes with rerank miss, in millionths, measured on a sample of rows against
  // exact comparison; kNotMeasured before that.
  uint32_t code_recall_loss_ppm = kNotMeasured;
  // Of vectors that searches compared and lists of ids asked for: found in memory, and brought from storage;
  // then those that left memory. Counted while some are in storage only.
  uint64_t vector_hits = 0;
  uint64_t vector_misses = 0;
  uint64_t vector_evictions = 0;
  uint32_t vectors_in_memory = 0;
  static constexpr uint32_t kNotMeasured = 0xffffffff;
};

// Work done by Work(), for schedulers and progress bars.
struct WorkState {
  uint64_t remaining = 0;  // steps of the same size still to do, about; 0: nothing to do
};

class Engine {
 public:
  struct Deleter {
    void operator()(Engine* engine) const;
  };
  using Pointer = std::unique_ptr<Engine, Deleter>;
  // OUT_OF_MEMORY only. The engine is empty and belongs to no storage until OpenNew or OpenHead.
  static Result<Pointer> Create();

  // ---- Opening -------------------------------------------------------------------------------
  // Head: the one small object that is replaced. It names the manifest and carries the epoch.
  void OpenNew();                                  // no head is stored: an empty database at epoch 0
  Status OpenHead(std::span<const uint8_t> head);  // CORRUPTION, UNSUPPORTED_VERSION
  // A writer raises the epoch and stores the new head before it reads on; that fences older writers.
  // LIMIT_EXCEEDED after 2^32 - 1 take-overs.
  Status TakeOver();
  // The head as it should be stored now (after TakeOver, or when all objects of a checkpoint are out).
  Result<std::span<const uint8_t>> EncodeHead();

  // Names of the objects to load, in this order: the manifest first (none: index 0 is absent), then,
  // once that is loaded, everything it names. Each is given to LoadObject; then FinishLoad.
  [[nodiscard]] uint32_t RequiredObjectCount() const;
  [[nodiscard]] std::string_view RequiredObjectName(uint32_t index) const;
  // CORRUPTION (message: object, offset, expected, found), UNSUPPORTED_VERSION, OUT_OF_MEMORY. An engine that
  // could not load is of no more use.
  Status LoadObject(uint32_t index, std::span<const uint8_t> bytes);
  Status FinishLoad();

  // WAL objects: the caller lists names with prefix kWalPrefix and asks, name by name in any order,
  // OfferWalName; PlanReplay then puts those to be read in order. A gap is CORRUPTION.
  static constexpr std::string_view kWalPrefix = "w";
  Status OfferWalName(std::string_view name);  // INVALID_ARGUMENT: not a WAL object's name
  Status PlanReplay();
  [[nodiscard]] uint32_t ReplayCount() const;
  [[nodiscard]] std::string_view ReplayName(uint32_t index) const;
  // Applies the next one of the plan.
  Status ReplayFrame(std::span<const uint8_t> bytes);
  // True when the open database still needs that object; any other stored object is an orphan.
  [[nodiscard]] bool IsReferenced(std::string_view name) const;

  [[nodiscard]] uint64_t sequence() const;  // of the last applied frame; 0: none yet
  [[nodiscard]] uint32_t epoch() const;

  // ---- Collections ---------------------------------------------------------------------------
  // INVALID_ARGUMENT or LIMIT_EXCEEDED, naming the option, its limits and what was found.
  static Status CheckOptions(const CollectionOptions& options);
  [[nodiscard]] CollectionId FindCollection(std::string_view name) const;  // 0: none
  [[nodiscard]] uint32_t CollectionCount() const;
  [[nodiscard]] CollectionId CollectionAt(uint32_t index) const;  // in order of creation
  // NOT_FOUND. In a view, collections that were dropped later have theirs as well.
  Result<std::string_view> CollectionName(CollectionId collection, ViewId view = 0) const;
  Result<CollectionOptions> CollectionOptionsOf(CollectionId collection, ViewId view = 0) const;

  // ---- Writing: build a frame, make it durable, apply it -----------------------------------------
  // One frame is being built at a time. A Frame* call that fails adds nothing to the frame. Everything that
  // ApplyFrame will need is reserved by then, so that applying cannot fail. While a sealed frame is being
  // stored the next may be built and sealed, if neither creates or drops collections and the next is no
  // transaction or restore (INVALID_ARGUMENT otherwise). `time_ms`: milliseconds since 1970, kept with the
  // commit (SequenceAt).
  Status BeginFrame(uint64_t time_ms = 0);
  // `size` bytes inside the frame for the next FrameUpsert or FrameDelete; valid until that call.
  Result<uint8_t*> FramePayload(uint32_t size);
  // The payload is a row batch (docs/file-format.md, "Row batch"). Checks everything: INVALID_ARGUMENT,
  // DIMENSION_MISMATCH, INVALID_VECTOR, DUPLICATE_ID, LIMIT_EXCEEDED, NOT_FOUND, OUT_OF_MEMORY.
  Status FrameUpsert(CollectionId collection);
  // The payload is an id list. Ids that are not there are fine.
  Status FrameDelete(CollectionId collection);
  // INVALID_ARGUMENT for a name that exists; the id is known once the frame is applied.
  Status FrameCreate(std::string_view name, const CollectionOptions& options);
  Status FrameDrop(CollectionId collection);
  // All that a transaction wrote, as this frame's first operations. CONFLICT when a commit after the
  // transaction began touched an id that it wrote, or dropped such a collection.
  Status FrameTransaction(ViewId transaction);
  // What makes the newest state equal to the snapshot's, as this frame's first operations: deletes, upserts,
  // dropped and created collections. INVALID_ARGUMENT for a transaction.
  Status FrameRestore(ViewId view);
  // The operation added last answers the request `token` (FindToken).
  Status FrameToken(const Token& token);
  // The whole WAL object and the name to store it under. INVALID_ARGUMENT for an empty frame.
  Result<std::span<const uint8_t>> SealFrame();
  [[nodiscard]] std::string_view FrameName() const;
  // Of the oldest sealed frame, after its object is durable. Never fails.
  void ApplyFrame();
  // Rows that operation `index` of the applied frame changed (upsert: rows; delete: rows removed).
  [[nodiscard]] uint32_t AppliedCount(uint32_t index) const;
  // When storage refused the object: as if the frame had never been begun. Of two, the one begun last.
  void DiscardFrame();

  // Rows that the write with this token changed. NOT_FOUND when it was not committed, or kTokensMax later
  // ones were.
  [[nodiscard]] Result<uint32_t> FindToken(const Token& token) const;

  // Checks a row batch as FrameUpsert would, without a frame.
  Status CheckRowBatch(CollectionId collection, std::span<const uint8_t> batch) const;

  // ---- Views -----------------------------------------------------------------------------------
  // Each stays readable, and keeps the versions it needs, until CloseView. OUT_OF_MEMORY,
  // LIMIT_EXCEEDED beyond kViewsMax.
  Result<ViewId> OpenView();
  // The state after the commit `sequence`. NOT_RETAINED when versions it needs are gone, INVALID_ARGUMENT
  // for one that is not there yet.
  Result<ViewId> OpenViewAt(uint64_t sequence);
  Result<ViewId> BeginTransaction();
  [[nodiscard]] Result<uint64_t> ViewSequence(ViewId view) const;  // NOT_FOUND
  void CloseView(ViewId view);                                     // unknown ones are fine
  // The collection of that name in a view, dropped later or not; 0: none.
  [[nodiscard]] CollectionId FindCollectionIn(ViewId view, std::string_view name) const;
  // All collections of a view, in order of creation.
  Result<std::span<const CollectionId>> CollectionsIn(ViewId view);

  // Writes of a transaction: checked at once, seen by its own reads only, lost with CloseView.
  Status TransactionUpsert(ViewId transaction, CollectionId collection, std::span<const uint8_t> batch);
  // Rows of the transaction's state that the ids had.
  Result<uint32_t> TransactionDelete(ViewId transaction, CollectionId collection,
                                     std::span<const uint8_t> ids);

  // ---- History ---------------------------------------------------------------------------------
  // Old versions stay until they are older than this and no view needs them. The oldest state that can be
  // opened rises to the last commit at or before `time_ms`.
  void ForgetBefore(uint64_t time_ms);
  [[nodiscard]] uint64_t OldestSequence() const;
  // The last commit at or before `time_ms`. NOT_RETAINED when it is older than OldestSequence.
  [[nodiscard]] Result<uint64_t> SequenceAt(uint64_t time_ms) const;

  // ---- Reading ---------------------------------------------------------------------------------
  // Answers are bytes, laid out as docs/file-format.md ("Answers") says, valid until the next call.
  // Hits: distances and rows, nearest first, ties in order of insertion.
  Result<std::span<const uint8_t>> Search(const SearchRequest& request);
  // `ids`: an id list. The answer has a presence byte per id and the rows that are there.
  Result<std::span<const uint8_t>> Get(CollectionId collection, std::span<const uint8_t> ids,
                                       uint32_t include, ViewId view = 0);
  // Up to `limit` rows after `cursor` (0: from the start) in order of insertion, and the next cursor
  // (0: no more). A cursor lasts as long as the engine; one never given out is INVALID_ARGUMENT.
  Result<std::span<const uint8_t>> List(CollectionId collection, uint64_t cursor, uint32_t limit,
                                        uint32_t include, ViewId view = 0);
  // The cursor just after a row; `ids`: an id list of one. NOT_FOUND.
  Result<uint64_t> CursorAfter(CollectionId collection, std::span<const uint8_t> ids, ViewId view = 0) const;
  Result<uint32_t> Count(CollectionId collection, ViewId view = 0) const;
  Result<CollectionStats> Stats(CollectionId collection) const;

  // ---- Background work -------------------------------------------------------------------------
  // Does about `steps` steps of indexing and of cleaning out dead rows (a step is about one graph
  // insertion; moving rows together after many were deleted is one long step). Does nothing while a
  // checkpoint is open. OUT_OF_MEMORY leaves everything searchable; work may be tried again.
  Result<WorkState> Work(uint32_t steps);

  // ---- Checkpoint: state as objects, so that the WAL can go --------------------------------------
  // The caller stores each object as it comes, then the head, then calls FinishCheckpoint. Frames may
  // be applied meanwhile; they stay in the WAL. Which segments are merged on the way is the compaction
  // policy's to say (core/engine/compaction_policy.h).
  // `whole`: every object anew and nothing left in WAL frames, so that what comes out is complete by itself.
  Status BeginCheckpoint(bool whole = false);
  // False when all are out; the last one is the manifest. Bytes and name are valid until the next call.
  Result<bool> NextCheckpointObject();
  [[nodiscard]] std::span<const uint8_t> CheckpointObject() const;
  [[nodiscard]] std::string_view CheckpointObjectName() const;
  // After the new head is durable. Afterwards IsReferenced is false for what became obsolete.
  void FinishCheckpoint();
  // The objects written so far are orphans; the database goes on as before.
  void AbortCheckpoint();
  // Bytes of WAL and rows of graph work that a checkpoint would save from being done again at open.
  [[nodiscard]] uint64_t UncheckpointedWalBytes() const;
  [[nodiscard]] uint32_t UncheckpointedWalObjects() const;
  [[nodiscard]] uint64_t UncheckpointedGraphRows() const;
  // Bytes that a checkpoint would free in storage: of dead rows, and of segments that should be merged.
  [[nodiscard]] uint64_t ReclaimableBytes() const;
  // Everything the stored checkpoint consists of, the manifest first: what a backup has to hold.
  [[nodiscard]] uint32_t StoredObjectCount() const;
  [[nodiscard]] std::string_view StoredObjectName(uint32_t index) const;

  // An engine loaded from a backup takes the place of the database that `other` is: it goes on with the
  // epoch, the sequence and the object numbers of that one, and nothing of its own is stored yet.
  // Afterwards the caller writes a checkpoint and drops `other`.
  Status TakePlaceOf(const Engine& other);

  // ---- Vectors in storage ------------------------------------------------------------------------
  // Vectors that are stored and have codes need not be in memory. Calls that compare or return vectors may
  // say kVectorsWanted then: Search, Get, List, FrameRestore, Work and NextCheckpointObject. The caller reads
  // the ranges of Wanted, hands their bytes to TakeWanted and makes the same call again, as often as it says
  // so; other calls in between cost time only. But comparing every row (SearchRequest::exact, and where that
  // is the better way) goes on where it was only in a view, or when no other call came in between.

  // Before OpenHead: vectors are not loaded where that can be, of collections with at least so many bytes of
  // them. The objects that are left must be there; they are known when FinishLoad has been called.
  void LeaveVectors(uint64_t bytes_min);
  [[nodiscard]] uint32_t LeftObjectCount() const;
  [[nodiscard]] std::string_view LeftObjectName(uint32_t index) const;
  // What this module's engines hold is to stay below `bytes`; 0: no bounds. First vectors leave memory
  // (`may_leave`: stored objects can be read in ranges), then codes that kAuto chose get fewer bits, then
  // writes are refused with LIMIT_EXCEEDED.
  void SetMemoryBudget(uint64_t bytes, bool may_leave = true);
  [[nodiscard]] std::span<const WantedRange> Wanted() const;
  // CORRUPTION (object, offset, expected and found checksum), OUT_OF_MEMORY, INVALID_ARGUMENT.
  Status TakeWanted(std::span<const uint8_t> bytes);
  enum class Room : uint8_t {
    kEnough,
    kAfterWork,        // there may be when Work has been done
    kAfterCheckpoint,  // there may be after a checkpoint
    kNone,
  };
  // Whether so many more bytes fit into the budget when all vectors have left memory that can.
  Room MakeRoom(uint64_t bytes);

  [[nodiscard]] static size_t MemoryBytes();  // held by all engines of this module

 private:
  struct State;
  explicit Engine(State* state);
  ~Engine();
  State* state_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_H_
