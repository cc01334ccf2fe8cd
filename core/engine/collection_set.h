// CollectionSet: the collections of a database by id and by name, and those dropped while a
// checkpoint still reads them.
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
  // The id the next created one gets.
  [[nodiscard]] CollectionId next_id() const { return next_id_; }
  void set_next_id(CollectionId id) { next_id_ = id; }

  Status ReserveAdd(uint32_t count) { return collections_.ReserveMore(count); }
  Status ReserveDrop(uint32_t count) { return dropped_.ReserveMore(count); }
  // REQUIRES: reserved; its id is next_id() or, while loading, below it and above all others.
  void Add(Owned<Collection> collection);
  // REQUIRES: reserved, and it is there. The object lives on until SweepDropped.
  void Drop(CollectionId id);
  void SweepDropped() { dropped_.Clear(); }

 private:
  [[nodiscard]] size_t LowerBound(CollectionId id) const;

  Array<Owned<Collection>> collections_;
  Array<Owned<Collection>> dropped_;
  CollectionId next_id_ = 1;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_COLLECTION_SET_H_
