// FramePair: the frame that is being built, and the one before it that is on its way to storage.
//
// Building a frame takes about as long as storing one, so the next may be begun while the sealed one is being
// stored. They are applied in order. What a frame holds must then not depend on what the one before it does:
// of two, neither creates or drops collections, and the later one is no transaction and no restore.
#ifndef OMENDB_ENGINE_FRAME_PAIR_H_
#define OMENDB_ENGINE_FRAME_PAIR_H_

#include "engine/frame_builder.h"

namespace omendb {

class FramePair {
 public:
  static constexpr uint32_t kFramesMax = 2;

  // `collections` outlives it.
  explicit FramePair(CollectionSet& collections)
      : frames_{FrameBuilder(collections), FrameBuilder(collections)} {}

  [[nodiscard]] bool open() const { return newest().open(); }
  // Two are open.
  [[nodiscard]] bool both_open() const { return newest().open() && before().open(); }
  // The frame begun last, which the calls that build one go to.
  [[nodiscard]] FrameBuilder& newest() { return frames_[newest_]; }
  [[nodiscard]] const FrameBuilder& newest() const { return frames_[newest_]; }
  // The open frame that is applied first. REQUIRES: open().
  [[nodiscard]] FrameBuilder& oldest() { return both_open() ? frames_[1 - newest_] : frames_[newest_]; }
  [[nodiscard]] uint32_t token_count() const;

  // INVALID_ARGUMENT when one is being built, when two are open, or when what follows depends on the sealed
  // one.
  Status Begin(uint64_t time_ms);
  // INVALID_ARGUMENT, for an operation `what` that depends on all frames before it, when there is one.
  [[nodiscard]] Status RequireFirst(const char* what) const;
  // The sequence of the newest is `sequence` when no other is open. INVALID_ARGUMENT for an empty frame.
  Result<ByteSpan> Seal(uint64_t sequence, uint32_t epoch);
  // REQUIRES: the oldest is sealed.
  void Apply();
  // Rows that operation `index` of the frame applied last changed.
  [[nodiscard]] uint32_t AppliedCount(uint32_t index) const { return frames_[applied_].AppliedCount(index); }
  // The newest.
  void Discard();
  // A sealed frame has this name.
  [[nodiscard]] bool Contains(const ObjectName& name) const;

 private:
  [[nodiscard]] const FrameBuilder& before() const { return frames_[1 - newest_]; }

  FrameBuilder frames_[kFramesMax];
  uint32_t newest_ = 0;
  uint32_t applied_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_FRAME_PAIR_H_
