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

Collection* CollectionSet::FindKept(CollectionId id) const {
  for (const Owned<Collection>& collection : dropped_) {
    if (collection->id() == id) return collection.get();
  }
  return Find(id);
}

Collection* CollectionSet::FindAt(CollectionId id, uint64_t sequence) const {
  Collection* found = FindKept(id);
  return found != nullptr && found->ExistsAt(sequence) ? found : nullptr;
}

Collection* CollectionSet::FindAt(std::string_view name, uint64_t sequence) const {
  for (const Array<Owned<Collection>>* set : {&collections_, &dropped_}) {
    for (const Owned<Collection>& collection : *set) {
      if (collection->name() == name && collection->ExistsAt(sequence)) return collection.get();
    }
  }
  return nullptr;
}

void CollectionSet::Add(Owned<Collection> collection) {
  if (collection->id() >= next_id_) next_id_ = collection->id() + 1;
  collections_.PushReserved(std::move(collection));
}

void CollectionSet::Drop(CollectionId id, uint64_t sequence) {
  size_t index = LowerBound(id);
  assert(index < collections_.size() && collections_[index]->id() == id);
  collections_[index]->set_dropped(sequence);
  dropped_.PushReserved(std::move(collections_[index]));
  for (; index + 1 < collections_.size(); ++index) collections_[index] = std::move(collections_[index + 1]);
  collections_.Pop();
}

bool CollectionSet::DroppedUse(const ObjectName& object) const {
  return std::any_of(dropped_.begin(), dropped_.end(),
                     [&](const Owned<Collection>& collection) { return collection->vectors().Uses(object); });
}

void CollectionSet::Sweep(uint64_t oldest) {
  size_t kept = 0;
  for (size_t i = 0; i < dropped_.size(); ++i) {
    if (dropped_[i]->dropped() <= oldest) continue;
    if (kept != i) dropped_[kept] = std::move(dropped_[i]);
    ++kept;
  }
  dropped_.Truncate(kept);
}

}  // namespace omendb
