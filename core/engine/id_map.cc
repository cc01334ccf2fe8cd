#include "engine/id_map.h"

#include <bit>

#include "base/coding.h"
#include "base/prng.h"

namespace omendb {
namespace {

constexpr uint64_t kSlotsMin = 16;

bool Equal(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

uint32_t HashId(ByteSpan id, uint64_t key) {
  uint64_t hash = MixBits(key ^ id.size());
  size_t offset = 0;
  for (; id.size() - offset >= 8; offset += 8) {
    hash = MixBits(hash ^ LoadAt<uint64_t>(id.data() + offset)) + key;
  }
  uint64_t tail = 0;
  for (; offset < id.size(); ++offset) tail = tail << 8 | id[offset];
  return static_cast<uint32_t>(MixBits(hash ^ tail) >> 32);
}

uint64_t IdMap::SlotsFor(uint64_t count) {
  uint64_t slots = std::bit_ceil(count + count / 2 + 1);
  return slots < kSlotsMin ? kSlotsMin : slots;
}

Status IdMap::Rebuild(uint64_t slots) {
  if (slots > SIZE_MAX / sizeof(Slot)) return OutOfMemory(SIZE_MAX);
  Array<Slot> rebuilt;
  OMENDB_TRY(rebuilt.Resize(static_cast<size_t>(slots)));
  size_t mask = rebuilt.size() - 1;
  for (Slot slot : slots_) {
    if (slot.ordinal == kNoRow) continue;
    size_t at = slot.hash & mask;
    while (rebuilt[at].ordinal != kNoRow) at = (at + 1) & mask;
    rebuilt[at] = slot;
  }
  slots_ = std::move(rebuilt);
  return Status::Ok();
}

Status IdMap::Reserve(uint64_t count) {
  if (count == 0 || SlotsFor(count) <= slots_.size()) return Status::Ok();
  return Rebuild(SlotsFor(count));
}

void IdMap::Shrink(uint64_t count) {
  if (SlotsFor(count) < slots_.size()) (void)Rebuild(SlotsFor(count));
}

size_t IdMap::Locate(ByteSpan id, uint32_t hash, const BlobStore& ids) const {
  size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].ordinal != kNoRow) {
    if (slots_[at].hash == hash && Equal(ids[slots_[at].ordinal], id)) break;
    at = (at + 1) & mask;
  }
  return at;
}

uint32_t IdMap::Find(ByteSpan id, const BlobStore& ids) const {
  if (slots_.empty()) return kNoRow;
  return slots_[Locate(id, HashId(id, key_), ids)].ordinal;
}

uint32_t IdMap::Set(uint32_t ordinal, const BlobStore& ids) {
  uint32_t hash = HashId(ids[ordinal], key_);
  Slot& slot = slots_[Locate(ids[ordinal], hash, ids)];
  uint32_t replaced = slot.ordinal;
  if (replaced == kNoRow) ++size_;
  slot = {hash, ordinal};
  return replaced;
}

uint32_t IdMap::Erase(ByteSpan id, const BlobStore& ids) {
  if (slots_.empty()) return kNoRow;
  size_t hole = Locate(id, HashId(id, key_), ids);
  uint32_t erased = slots_[hole].ordinal;
  if (erased == kNoRow) return kNoRow;
  // Backward shift: whoever probed past the hole moves into it, so no marker stays behind.
  size_t mask = slots_.size() - 1;
  for (size_t at = (hole + 1) & mask; slots_[at].ordinal != kNoRow; at = (at + 1) & mask) {
    size_t home = slots_[at].hash & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = Slot{};
  --size_;
  return erased;
}

}  // namespace omendb
