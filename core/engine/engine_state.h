// Engine::State: everything one open database holds.
#ifndef OMENDB_ENGINE_ENGINE_STATE_H_
#define OMENDB_ENGINE_ENGINE_STATE_H_

#include <algorithm>

#include "engine/background.h"
#include "engine/checkpoint.h"
#include "engine/commit_log.h"
#include "engine/frame_pair.h"
#include "engine/loader.h"
#include "engine/memory_budget.h"
#include "engine/searcher.h"
#include "engine/views.h"
#include "engine/wal_tail.h"
#include "engine/wanted_vectors.h"
#include "omendb/engine.h"

namespace omendb {

struct Engine::State {
  enum class Phase : uint8_t {
    kCreated,  // belongs to no storage
    kLoading,  // a head was read; objects are being loaded
    kLoaded,   // frames of the plan, if any, are being replayed; open when they are
  };

  State() : frames(collections), loader(collections) {}

  // OK when the database can be read and written; else INVALID_ARGUMENT.
  [[nodiscard]] Status RequireOpen() const {
    if (phase == Phase::kLoaded && wal.done()) return Status::Ok();
    return Status::Error(Code::kInvalidArgument, "the database is not open yet");
  }
  // The same, and READ_ONLY without TakeOver.
  [[nodiscard]] Status RequireWriter() const {
    OMENDB_TRY(RequireOpen());
    if (writer) return Status::Ok();
    return Status::Error(Code::kReadOnly, "the database is open for reading: nobody called TakeOver");
  }
  [[nodiscard]] Result<Collection*> Require(CollectionId id) const {
    OMENDB_TRY(RequireOpen());
    Collection* collection = collections.Find(id);
    if (collection == nullptr) return Status::Error(Code::kNotFound, "no collection has id ", id);
    return collection;
  }
  // The same, of a view, which may show a dropped one.
  [[nodiscard]] Result<const Collection*> RequireIn(CollectionId id, ViewId view_id) const {
    if (view_id == 0) {
      OMENDB_ASSIGN(const Collection* newest, Require(id));
      return newest;
    }
    OMENDB_TRY(RequireOpen());
    OMENDB_ASSIGN(const View* view, views.Require(view_id));
    const Collection* collection = collections.FindAt(id, view->sequence());
    if (collection == nullptr) return Status::Error(Code::kNotFound, "no collection has id ", id);
    return collection;
  }
  // What Apply of every open frame needs beside the frame's own. OUT_OF_MEMORY.
  Status ReserveApply() {
    OMENDB_TRY(wal.ReserveAdd(FramePair::kFramesMax));
    return log.Reserve(FramePair::kFramesMax, frames.token_count());
  }
  // Applies the oldest frame and keeps account of it. REQUIRES: it is sealed; ReserveApply.
  void Apply() {
    wanted.Invalidate();
    FrameBuilder& frame = frames.oldest();
    wal.Add(frame.name(), frame.bytes());
    sequence = frame.name().number();
    sequence_epoch = frame.name().epoch();
    log.Add(sequence, frame.time_ms());
    frames.Apply();
    frame.ForEachToken([&](const TokenResult& result) { log.AddToken(result); });
  }
  // Lets go of what neither the history nor an open view needs.
  void Forget() {
    wanted.Invalidate();
    const uint64_t oldest = std::min(log.oldest_sequence(), views.OldestSequence(sequence));
    for (uint32_t i = 0; i < collections.count(); ++i) collections.at(i).ForgetBefore(oldest);
    for (uint32_t i = 0; i < collections.dropped_count(); ++i) collections.dropped_at(i).ForgetBefore(oldest);
    // A checkpoint may still be reading what was dropped.
    if (!checkpoint.open()) collections.Sweep(oldest);
  }
  // The state that a request reads: a view's, or the newest. NOT_FOUND, OUT_OF_MEMORY.
  [[nodiscard]] Result<ReadView> Read(CollectionId id, ViewId view_id) const {
    if (view_id == 0) {
      OMENDB_ASSIGN(Collection * collection, Require(id));
      return ReadView(*collection);
    }
    OMENDB_TRY(RequireOpen());
    OMENDB_ASSIGN(View * view, views.Require(view_id));
    Collection* collection = collections.FindAt(id, view->sequence());
    if (collection == nullptr) return Status::Error(Code::kNotFound, "no collection has id ", id);
    OMENDB_ASSIGN(CollectionView * of_collection, view->Of(*collection));
    return ReadView(*collection, of_collection);
  }
  [[nodiscard]] WorkLimits Limits() const {
    return {.may_move = views.empty(),
            .bounded = budget.bounded(),
            .fewer_bits = budget.WantsFewerBits(collections)};
  }
  // Before a call that may want vectors. True when it is the one they were brought for.
  bool BeginReading() {
    if (wanted.ConsumeTaken()) return true;
    wanted.End(collections);
    return false;
  }
  // After it.
  Status EndReading(Status status) {
    if (status.code() == kVectorsWanted) {
      OMENDB_TRY(wanted.Gather(collections));
    } else {
      budget.Enforce(collections);
    }
    return status;
  }
  // NOT_FOUND, INVALID_ARGUMENT for a snapshot.
  [[nodiscard]] Result<View*> RequireTransaction(ViewId id) const {
    OMENDB_TRY(RequireOpen());
    OMENDB_ASSIGN(View * view, views.Require(id));
    if (view->is_transaction()) return view;
    return Status::Error(Code::kInvalidArgument, "view ", id, " is a snapshot, which cannot be written");
  }

  Phase phase = Phase::kCreated;
  bool writer = false;
  Head head;  // as stored, or as it should be after TakeOver
  uint64_t sequence = 0;
  uint32_t sequence_epoch = 0;  // of whoever wrote the state at `sequence`
  CollectionSet collections;
  CommitLog log;
  Views views;
  FramePair frames;
  Loader loader;
  WalTail wal;
  Checkpoint checkpoint;
  Searcher searcher;
  WantedVectors wanted;
  MemoryBudget budget;
  Bytes answer;
  Bytes head_bytes;
  Array<ObjectName> stored_names;      // as last asked for
  Array<CollectionId> collection_ids;  // the same
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_ENGINE_STATE_H_
