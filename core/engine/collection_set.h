// CollectionSet: the collections of a database by id and by name, and those that were dropped but are still
// shown by a past state or read by a checkpoint.
#ifndef OMENDB_ENGINE_COLLECTION_SET_H_
#define OMENDB_ENGINE_COLLECTION_SET_H_

#include <string_view>

#include "engine/collection.h"

namespace omendb {

class CollectionSet {
 public:
  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(collections_.size()); }
  // In order of creation, which is the order of ids.
  [[nodiscard]] Collection& at(uint32_t index) { return *collections_[index]; }
  [[nodiscard]] const Collection& at(uint32_t index) const { return *collections_[index]; }
  // Null when it is not there.
  [[nodiscard]] Collection* Find(CollectionId id) const;
  [[nodiscard]] Collection* Find(std::string_view name) const;
  // Also among the dropped ones. Null when it is not there.
  [[nodiscard]] Collection* FindKept(CollectionId id) const;
  // The same by what was there: the collection as it was after `sequence`. Null when there was none.
  [[nodiscard]] Collection* FindAt(CollectionId id, uint64_t sequence) const;
  [[nodiscard]] Collection* FindAt(std::string_view name, uint64_t sequence) const;
  // Those that were dropped and are kept, in order of being dropped.
  [[nodiscard]] uint32_t dropped_count() const { return static_cast<uint32_t>(dropped_.size()); }
  [[nodiscard]] Collection& dropped_at(uint32_t index) { return *dropped_[index]; }
  [[nodiscard]] const Collection& dropped_at(uint32_t index) const { return *dropped_[index]; }
  // The id the next created one gets.
  [[nodiscard]] CollectionId next_id() const { return next_id_; }
  void set_next_id(CollectionId id) { next_id_ = id; }

  Status ReserveAdd(uint32_t count) { return collections_.ReserveMore(count); }
  Status ReserveDrop(uint32_t count) { return dropped_.ReserveMore(count); }
  // REQUIRES: reserved; its id is next_id() or, while loading, below it and above all others.
  void Add(Owned<Collection> collection);
  // REQUIRES: reserved, and it is there. It stays among the dropped ones until Sweep.
  void Drop(CollectionId id, uint64_t sequence);
  // One that was dropped before it was stored. REQUIRES: reserved; it has its sequences.
  void AddDropped(Owned<Collection> collection) { dropped_.PushReserved(std::move(collection)); }
  // Whether vectors of dropped ones are in the object: no checkpoint stores those that only a view shows.
  [[nodiscard]] bool DroppedUse(const ObjectName& object) const;
  // Frees dropped ones that no state from `oldest` on shows.
  void Sweep(uint64_t oldest);

 private:
  [[nodiscard]] size_t LowerBound(CollectionId id) const;

  Array<Owned<Collection>> collections_;
  Array<Owned<Collection>> dropped_;
  CollectionId next_id_ = 1;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_COLLECTION_SET_H_
