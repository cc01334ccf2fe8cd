// WalTail: the WAL objects after the manifest: which to replay, and which are still needed.
#ifndef OMENDB_ENGINE_WAL_TAIL_H_
#define OMENDB_ENGINE_WAL_TAIL_H_

#include "base/array.h"
#include "format/object_name.h"
#include "omendb/status.h"

namespace omendb {

class WalTail {
 public:
  // ---- Planning ------------------------------------------------------------------------------------------
  // INVALID_ARGUMENT when it is not a WAL object's name. OUT_OF_MEMORY.
  Status Offer(std::string_view name);
  // Chooses from what was offered the frames after `sequence`, in order. Of two with one sequence the
  // higher epoch counts, and epochs never fall: what is left over was written by a fenced writer and never
  // acknowledged. `floor_epoch`: of whoever wrote the state at `sequence`. `own_epoch`: ours when we are the
  // writer, else 0. CORRUPTION for a gap, or for a frame of an epoch that nobody can have written in.
  Status Plan(uint64_t sequence, uint32_t floor_epoch, uint32_t own_epoch);
  [[nodiscard]] uint32_t planned() const { return static_cast<uint32_t>(planned_.size()); }
  [[nodiscard]] const ObjectName& planned_name(uint32_t index) const { return planned_[index]; }
  [[nodiscard]] uint32_t replayed() const { return replayed_; }
  [[nodiscard]] bool done() const { return replayed_ == planned_.size(); }
  void CountReplayed() { ++replayed_; }

  // ---- Keeping account -----------------------------------------------------------------------------------
  // Room for this many frames.
  Status ReserveAdd(uint32_t count) { return frames_.ReserveMore(count); }
  // A frame was applied. REQUIRES: reserved.
  void Add(const ObjectName& name, uint64_t bytes);
  // A checkpoint took over everything up to `sequence`.
  void DropThrough(uint64_t sequence);
  [[nodiscard]] bool Contains(const ObjectName& name) const;
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(frames_.size()); }

 private:
  struct Frame {
    ObjectName name;
    uint64_t bytes = 0;
  };

  Array<ObjectName> offered_;
  Array<ObjectName> planned_;
  uint32_t replayed_ = 0;
  Array<Frame> frames_;  // applied, by rising sequence
  uint64_t bytes_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_WAL_TAIL_H_
