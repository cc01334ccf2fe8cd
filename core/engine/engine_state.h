// Engine::State: everything one open database holds.
#ifndef OMENDB_ENGINE_ENGINE_STATE_H_
#define OMENDB_ENGINE_ENGINE_STATE_H_

#include "engine/checkpoint.h"
#include "engine/frame_builder.h"
#include "engine/loader.h"
#include "engine/searcher.h"
#include "engine/wal_tail.h"
#include "omendb/engine.h"

namespace omendb {

struct Engine::State {
  enum class Phase : uint8_t {
    kCreated,  // belongs to no storage
    kLoading,  // a head was read; objects are being loaded
    kLoaded,   // frames of the plan, if any, are being replayed; open when they are
  };

  State() : frame(collections), loader(collections) {}

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
  // Applies the sealed frame and keeps account of it. REQUIRES: wal.ReserveAdd.
  void Apply() {
    wal.Add(frame.name(), frame.bytes());
    sequence = frame.name().number();
    sequence_epoch = frame.name().epoch();
    frame.Apply();
    // A checkpoint may still be reading what was dropped.
    if (!checkpoint.open()) collections.SweepDropped();
  }

  Phase phase = Phase::kCreated;
  bool writer = false;
  Head head;  // as stored, or as it should be after TakeOver
  uint64_t sequence = 0;
  uint32_t sequence_epoch = 0;  // of whoever wrote the state at `sequence`
  CollectionSet collections;
  FrameBuilder frame;
  Loader loader;
  WalTail wal;
  Checkpoint checkpoint;
  Searcher searcher;
  Bytes answer;
  Bytes head_bytes;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_ENGINE_STATE_H_
