// IdMap: from an encoded id to the place of its live row, here called ordinal.
//
// Open addressing with linear probing; a slot is a hash and an ordinal, the id itself lies in the
// collection's BlobStore. The hash is keyed by the collection's seed:
// ids chosen to collide under one seed do not under another. Everything that can fail is in Reserve.
// Not thread safe.
#ifndef OMENDB_ENGINE_ID_MAP_H_
#define OMENDB_ENGINE_ID_MAP_H_

#include <cstdint>

#include "base/array.h"
#include "engine/blob_store.h"

namespace omendb {

inline constexpr uint32_t kNoRow = 0xffffffffU;

[[nodiscard]] uint32_t HashId(ByteSpan id, uint64_t key);

class IdMap {
 public:
  explicit IdMap(uint64_t key) : key_(key) {}

  [[nodiscard]] uint32_t size() const { return size_; }
  // Room for `count` ids in all.
  Status Reserve(uint64_t count);
  // kNoRow when it is not there.
  [[nodiscard]] uint32_t Find(ByteSpan id, const BlobStore& ids) const;
  // Maps the id of row `ordinal` to it; returns the row it replaces, or kNoRow. REQUIRES: room.
  uint32_t Set(uint32_t ordinal, const BlobStore& ids);
  // Returns the row the id led to, or kNoRow.
  uint32_t Erase(ByteSpan id, const BlobStore& ids);
  // Gives slots back that `count` ids in all do not need; keeps them when memory is refused.
  void Shrink(uint64_t count);
  // Gives every row the place `moved` says; order of slots stays.
  template <typename Moved>
  void Move(const Moved& moved) {
    for (Slot& slot : slots_) {
      if (slot.ordinal != kNoRow) slot.ordinal = moved(slot.ordinal);
    }
  }
  [[nodiscard]] size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t ordinal = kNoRow;
  };

  // Slots for `count` ids: at most two thirds are taken, so that probes stay short.
  [[nodiscard]] static uint64_t SlotsFor(uint64_t count);
  Status Rebuild(uint64_t slots);
  // The slot of the id, or the empty one where it would go. REQUIRES: slots_ is not empty.
  [[nodiscard]] size_t Locate(ByteSpan id, uint32_t hash, const BlobStore& ids) const;

  uint64_t key_;
  Array<Slot> slots_;  // a power of two of them, or none
  uint32_t size_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_ID_MAP_H_
