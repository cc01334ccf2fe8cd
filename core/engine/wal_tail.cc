#include "engine/wal_tail.h"

#include <algorithm>

namespace omendb {
namespace {

// By sequence; of one sequence the higher epoch first.
bool Before(const ObjectName& a, const ObjectName& b) {
  if (a.number() != b.number()) return a.number() < b.number();
  return a.epoch() > b.epoch();
}

}  // namespace

Status WalTail::Offer(std::string_view text) {
  ObjectName name;
  if (!ObjectName::Parse(text, &name) || !name.is_frame()) {
    return Status::Error(Code::kInvalidArgument, "not the name of a WAL object: '", text, "'");
  }
  return offered_.Push(name);
}

Status WalTail::Plan(uint64_t sequence, uint32_t floor_epoch, uint32_t own_epoch) {
  std::sort(offered_.begin(), offered_.end(), Before);
  Array<ObjectName> planned;
  for (const ObjectName& name : offered_) {
    if (name.number() <= sequence) continue;
    if (name.epoch() < floor_epoch) continue;
    if (own_epoch != 0 && name.epoch() >= own_epoch) {
      return Status::Error(Code::kCorruption, name.text(), ": expected an epoch below ", own_epoch,
                           ", which was just taken, found ", name.epoch());
    }
    if (name.number() != sequence + 1) {
      return Status::Error(Code::kCorruption, "WAL: expected a frame of sequence ", sequence + 1, ", found ",
                           name.text(), " after it");
    }
    OMENDB_TRY(planned.Push(name));
    sequence = name.number();
    floor_epoch = name.epoch();
  }
  planned_ = std::move(planned);
  replayed_ = 0;
  offered_.Clear();
  return Status::Ok();
}

void WalTail::Add(const ObjectName& name, uint64_t bytes) {
  frames_.PushReserved({name, bytes});
  bytes_ += bytes;
}

void WalTail::DropThrough(uint64_t sequence) {
  size_t kept = 0;
  for (size_t i = 0; i < frames_.size(); ++i) {
    if (frames_[i].name.number() <= sequence) {
      bytes_ -= frames_[i].bytes;
    } else {
      frames_[kept++] = frames_[i];
    }
  }
  frames_.Truncate(kept);
}

bool WalTail::Contains(const ObjectName& name) const {
  for (const Frame& frame : frames_) {
    if (frame.name.text() == name.text()) return true;
  }
  for (const ObjectName& planned : planned_) {
    if (planned.text() == name.text() && static_cast<uint32_t>(&planned - planned_.begin()) >= replayed_)
      return true;
  }
  return false;
}

}  // namespace omendb
