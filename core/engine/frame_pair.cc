#include "engine/frame_pair.h"

namespace omendb {

uint32_t FramePair::token_count() const {
  uint32_t count = 0;
  for (const FrameBuilder& frame : frames_) count += frame.open() ? frame.token_count() : 0;
  return count;
}

Status FramePair::Begin(uint64_t time_ms) {
  if (!newest().open()) return newest().Begin(time_ms);
  if (!newest().sealed()) return Status::Error(Code::kInvalidArgument, "a frame is open already");
  if (both_open()) return Status::Error(Code::kInvalidArgument, "two frames are open already");
  if (newest().changes_collections()) {
    return Status::Error(Code::kInvalidArgument,
                         "expected the frame that creates or drops collections to be applied first");
  }
  OMENDB_TRY(frames_[1 - newest_].Begin(time_ms));
  newest_ = 1 - newest_;
  return Status::Ok();
}

Status FramePair::RequireFirst(const char* what) const {
  if (!both_open()) return Status::Ok();
  return Status::Error(Code::kInvalidArgument, what, " depends on the frame before it: apply that one first");
}

Result<ByteSpan> FramePair::Seal(uint64_t sequence, uint32_t epoch) {
  return newest().Seal(both_open() ? sequence + 1 : sequence, epoch);
}

void FramePair::Apply() {
  FrameBuilder& frame = oldest();
  applied_ = &frame == &frames_[0] ? 0 : 1;
  frame.Apply();
  // Only who builds ahead needs two.
  if (!open()) frames_[1 - applied_].Release();
}

void FramePair::Discard() {
  newest().Discard();
  if (!before().open()) return;
  newest().Release();
  newest_ = 1 - newest_;
}

bool FramePair::Contains(const ObjectName& name) const {
  for (const FrameBuilder& frame : frames_) {
    if (frame.sealed() && frame.name().text() == name.text()) return true;
  }
  return false;
}

}  // namespace omendb
