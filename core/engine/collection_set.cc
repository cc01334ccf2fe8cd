#include "engine/collection_set.h"

#include <algorithm>

namespace omendb {

size_t CollectionSet::LowerBound(CollectionId id) const {
  const Owned<Collection>* found = std::lower_bound(
      collections_.begin(), collections_.end(), id,
      [](const Owned<Collection>& collection, CollectionId wanted) { return collection->id() < wanted; });
  return static_cast<size_t>(found - collections_.begin());
}

Collection* CollectionSet::Find(CollectionId id) const {
  size_t index = LowerBound(id);
  if (index == collections_.size() || collections_[index]->id() != id) return nullptr;
  return collections_[index].get();
}

Collection* CollectionSet::Find(std::string_view name) const {
  for (const Owned<Collection>& collection : collections_) {
    if (collection->name() == name) return collection.get();
  }
  return nullptr;
}

void CollectionSet::Add(Owned<Collection> collection) {
  if (collection->id() >= next_id_) next_id_ = collection->id() + 1;
  collections_.PushReserved(std::move(collection));
}

void CollectionSet::Drop(CollectionId id) {
  size_t index = LowerBound(id);
  assert(index < collections_.size() && collections_[index]->id() == id);
  dropped_.PushReserved(std::move(collections_[index]));
  for (; index + 1 < collections_.size(); ++index) collections_[index] = std::move(collections_[index + 1]);
  collections_.Pop();
}

}  // namespace omendb
