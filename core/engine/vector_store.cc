#include "engine/vector_store.h"

#include <algorithm>
#include <cstring>

#include "distance/metric.h"

namespace omendb {
namespace {

// Floats in whole 16-byte words, so that every row is aligned for the kernels. Rows that are widened first
// follow each other closely.
size_t StrideBytes(const CollectionOptions& options) {
  const size_t bytes = VectorBytes(options.vector_type, options.dimensions);
  return options.vector_type == VectorType::kFloat32 ? (bytes + 15) / 16 * 16 : bytes;
}

}  // namespace

VectorStore::VectorStore(const CollectionOptions& options)
    : metric_(options.metric),
      type_(options.vector_type),
      dimensions_(options.dimensions),
      rows_(StrideBytes(options)) {}

size_t VectorStore::memory_bytes() const {
  return rows_.memory_bytes() + inverse_norms_.capacity() * sizeof(float) +
         (where_.capacity() + owners_.capacity() + addresses_.capacity()) * sizeof(uint32_t) +
         used_.memory_bytes() + free_places_.memory_bytes() + parts_.capacity() * sizeof(Part);
}

// ---- Slots ------------------------------------------------------------------------------------------------

Status VectorStore::ReservePlaces(uint64_t more) {
  const uint32_t free = free_places_.set_count();
  const uint64_t places = uint64_t{free_places_.size()} + more - std::min<uint64_t>(more, free);
  OMENDB_TRY(rows_.Reserve(places));
  OMENDB_TRY(owners_.Reserve(static_cast<size_t>(places)));
  OMENDB_TRY(addresses_.Reserve(static_cast<size_t>(places)));
  OMENDB_TRY(used_.Reserve(places));
  OMENDB_TRY(free_places_.Reserve(places));
  if (metric_ == Metric::kCosine) OMENDB_TRY(inverse_norms_.Reserve(static_cast<size_t>(places)));
  return Status::Ok();
}

Status VectorStore::Reserve(uint64_t slots, uint64_t more) {
  OMENDB_TRY(ReservePlaces(more));
  return where_.Reserve(static_cast<size_t>(slots));
}

void VectorStore::Resize(uint32_t slots) {
  while (where_.size() < slots) where_.PushReserved(kNowhere);
  where_.Truncate(slots);
}

uint32_t VectorStore::TakePlace(uint32_t slot, uint32_t address) {
  uint32_t place = free_places_.FirstSet(free_hint_);
  if (place == free_places_.size()) {
    // All of it was reserved.
    const Status grown = free_places_.Resize(place + 1);
    const Status marked = used_.Resize(place + 1);
    assert(grown.ok() && marked.ok());
    (void)grown;
    (void)marked;
    rows_.Resize(place + 1);
    owners_.PushReserved(slot);
    addresses_.PushReserved(address);
    if (metric_ == Metric::kCosine) inverse_norms_.PushReserved(0);
  } else {
    free_places_.Unset(place);
    owners_[place] = slot;
    addresses_[place] = address;
  }
  free_hint_ = place + 1;
  used_.Set(place);
  where_[slot] = place;
  return place;
}

void VectorStore::FreePlace(uint32_t place) {
  free_places_.Set(place);
  free_hint_ = std::min(free_hint_, place);
}

Status VectorStore::Fill(uint32_t place, const uint8_t* vector) {
  uint8_t* row = rows_.row(place);
  std::memset(row + vector_bytes(), 0, rows_.stride_bytes() - vector_bytes());
  std::memcpy(row, vector, vector_bytes());
  float inverse_norm = 1;
  OMENDB_TRY(CheckStoredVector(metric_, type_, row, dimensions_, &inverse_norm));
  if (metric_ == Metric::kCosine) inverse_norms_[place] = inverse_norm;
  return Status::Ok();
}

Status VectorStore::Put(uint32_t slot, const uint8_t* vector) {
  assert(where_[slot] == kNowhere);
  const uint32_t place = TakePlace(slot, kNoAddress);
  Status filled = Fill(place, vector);
  if (filled.ok()) return filled;
  FreePlace(place);
  where_[slot] = kNowhere;
  return filled;
}

void VectorStore::Drop(uint32_t slot) {
  const uint32_t where = where_[slot];
  if (where == kNowhere) return;
  const uint32_t address = AddressOf(slot);
  if (address != kNoAddress) ReleaseAddress(address);
  if (in_memory(slot)) {
    FreePlace(where);
  } else {
    --away_;
  }
  where_[slot] = kNowhere;
}

void VectorStore::Squeeze(const Bitmap& removed) {
  // By their old slots; they leave when others do.
  brief_.Release();
  ForgetWanted();
  uint32_t kept = 0;
  for (uint32_t slot = 0; slot < slots(); ++slot) {
    if (removed.Test(slot)) continue;
    where_[kept] = where_[slot];
    if (in_memory(kept)) owners_[where_[kept]] = kept;
    ++kept;
  }
  where_.Truncate(kept);
  where_.ShrinkToFit();
  Compact(free_places_.set_count());
}

// ---- Memory -----------------------------------------------------------------------------------------------

void VectorStore::TruncatePlaces(uint32_t places) {
  const Status shrunk = free_places_.Resize(places);
  const Status marked = used_.Resize(places);
  assert(shrunk.ok() && marked.ok());
  (void)shrunk;
  (void)marked;
  rows_.Resize(places);
  rows_.ShrinkToFit();
  owners_.Truncate(places);
  addresses_.Truncate(places);
  if (metric_ == Metric::kCosine) inverse_norms_.Truncate(places);
  if (owners_.size() < owners_.capacity() / 4) {
    owners_.ShrinkToFit();
    addresses_.ShrinkToFit();
    if (metric_ == Metric::kCosine) inverse_norms_.ShrinkToFit();
  }
  free_hint_ = std::min(free_hint_, places);
  if (hand_ >= places) hand_ = 0;
}

void VectorStore::GiveBackEnd() {
  uint32_t places = free_places_.size();
  while (places > 0 && free_places_.Test(places - 1)) --places;
  if (places < free_places_.size()) {
    TruncatePlaces(places);
  } else {
    rows_.ShrinkToFit();
  }
}

void VectorStore::MovePlace(uint32_t from, uint32_t to) {
  std::memcpy(rows_.row(to), rows_.row(from), rows_.stride_bytes());
  owners_[to] = owners_[from];
  addresses_[to] = addresses_[from];
  if (metric_ == Metric::kCosine) inverse_norms_[to] = inverse_norms_[from];
  if (used_.Test(from)) {
    used_.Set(to);
  } else {
    used_.Unset(to);
  }
  where_[owners_[to]] = to;
  free_places_.Unset(to);
  free_places_.Set(from);
}

void VectorStore::Compact(uint32_t count) {
  uint32_t low = free_places_.FirstSet(0);
  uint32_t high = free_places_.size();
  const uint32_t least = high - std::min(high, count);
  while (high > least) {
    if (free_places_.Test(high - 1)) {
      --high;
      continue;
    }
    if (low >= high) break;
    MovePlace(high - 1, low);
    low = free_places_.FirstSet(low);
  }
  free_hint_ = low;
  TruncatePlaces(high);
}

void VectorStore::Leave(uint32_t place) {
  where_[owners_[place]] = kInStorage | addresses_[place];
  ++away_;
  FreePlace(place);
}

uint32_t VectorStore::Evict(uint32_t count, const Bitmap& evictable) {
  uint32_t evicted = 0;
  const uint32_t places = free_places_.size();
  // Twice around: what was in use at the first look is not at the second.
  for (uint64_t looked = 0; looked < uint64_t{2} * places && evicted < count; ++looked) {
    const uint32_t place = hand_;
    hand_ = place + 1 == places ? 0 : place + 1;
    if (free_places_.Test(place) || addresses_[place] == kNoAddress) continue;
    if (owners_[place] >= evictable.size() || !evictable.Test(owners_[place])) continue;
    if (used_.Test(place)) {
      used_.Unset(place);
      continue;
    }
    Leave(place);
    ++evicted;
  }
  counts_.evictions += evicted;
  return evicted;
}

// ---- Asking for vectors -----------------------------------------------------------------------------------

Status VectorStore::RequireOne(uint32_t slot, Stay stay, bool* wanted) {
  if (in_memory(slot)) {
    if (stay == Stay::kCached) used_.Set(where_[slot]);
    return Status::Ok();
  }
  assert(where_[slot] != kNowhere);
  *wanted = true;
  stay_ = bounded_ ? stay : Stay::kCached;
  return wanted_.Push(slot);
}

Status VectorStore::Require(std::span<const uint32_t> slots, Stay stay) {
  if (away_ == 0) return Status::Ok();
  bool wanted = false;
  for (uint32_t slot : slots) OMENDB_TRY(RequireOne(slot, stay, &wanted));
  return wanted ? Status::Error(kVectorsWanted, "vectors are in storage") : Status::Ok();
}

Status VectorStore::RequireRun(uint32_t first, uint32_t count) {
  bool wanted = false;
  for (uint32_t slot = first; slot < slots() && slot - first < count; ++slot) {
    if (where_[slot] != kNowhere) OMENDB_TRY(RequireOne(slot, Stay::kCached, &wanted));
  }
  return wanted ? Status::Error(kVectorsWanted, "vectors are in storage") : Status::Ok();
}

void VectorStore::SortWanted() {
  // One may have been asked for twice.
  std::sort(wanted_.begin(), wanted_.end(),
            [this](uint32_t a, uint32_t b) { return AddressOf(a) < AddressOf(b); });
  wanted_.Truncate(static_cast<size_t>(std::unique(wanted_.begin(), wanted_.end()) - wanted_.begin()));
}

Status VectorStore::Admit(uint32_t slot, const uint8_t* vector) {
  assert(!in_memory(slot) && where_[slot] != kNowhere);
  OMENDB_TRY(ReservePlaces(1));
  if (stay_ == Stay::kBrief) OMENDB_TRY(brief_.ReserveMore(1));
  const uint32_t where = where_[slot];
  const uint32_t place = TakePlace(slot, where & ~kInStorage);
  Status filled = Fill(place, vector);
  if (!filled.ok()) {
    FreePlace(place);
    where_[slot] = where;
    return filled;
  }
  --away_;
  if (stay_ == Stay::kBrief) {
    brief_.PushReserved(slot);
  } else {
    ++brought_;
  }
  return Status::Ok();
}

void VectorStore::ForgetWanted() {
  wanted_.Clear();
  brought_ = 0;
}

void VectorStore::EndBrief(const Bitmap& evictable) {
  for (uint32_t slot : brief_) {
    // Since it came its row may have gone, the slot been taken again, or the graph been given up.
    if (slot >= slots() || slot >= evictable.size() || !evictable.Test(slot)) continue;
    if (!in_memory(slot) || addresses_[where_[slot]] == kNoAddress) continue;
    Leave(where_[slot]);
  }
  if (brief_.empty()) return;
  brief_.Release();
  GiveBackEnd();
}

// ---- In storage -------------------------------------------------------------------------------------------

Status VectorStore::PlanParts(size_t count, size_t others) {
  OMENDB_TRY(parts_.ReserveMore(count + others));
  planned_parts_ = count;
  return Status::Ok();
}

uint32_t VectorStore::AddPart(const VectorsReference& part) {
  if (part.rows > kNoAddress - next_address_) Renumber();
  const uint32_t first = next_address_;
  parts_.PushReserved({part, first, 0, 0});
  next_address_ += part.rows;
  return first;
}

size_t VectorStore::IndexOf(uint32_t address) const {
  const Part* after = std::upper_bound(parts_.begin(), parts_.end(), address,
                                       [](uint32_t wanted, const Part& part) { return wanted < part.first; });
  assert(after != parts_.begin());
  return static_cast<size_t>(after - parts_.begin()) - 1;
}

void VectorStore::SetAddress(uint32_t slot, uint32_t address) {
  const uint32_t where = where_[slot];
  const uint32_t before = where == kNowhere ? kNoAddress : AddressOf(slot);
  ++parts_[IndexOf(address)].used;
  if (where == kNowhere) ++away_;
  if (where != kNowhere && in_memory(slot)) {
    addresses_[where] = address;
  } else {
    where_[slot] = kInStorage | address;
  }
  if (before != kNoAddress) ReleaseAddress(before);
}

void VectorStore::ReleaseAddress(uint32_t address) {
  const size_t index = IndexOf(address);
  if (--parts_[index].used > 0) return;
  for (size_t i = index; i + 1 < parts_.size(); ++i) parts_[i] = parts_[i + 1];
  parts_.Pop();
}

bool VectorStore::Uses(const ObjectName& object) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return part.reference.object.number == object.number() && part.reference.object.epoch == object.epoch() &&
           part.reference.in_frame == object.is_frame();
  });
}

VectorStore::Stored VectorStore::Locate(uint32_t slot) const {
  const uint32_t address = AddressOf(slot);
  assert(address != kNoAddress);
  const Part& part = parts_[IndexOf(address)];
  return {&part.reference, address - part.first};
}

void VectorStore::DropUnusedParts() {
  size_t kept = 0;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].used > 0) parts_[kept++] = parts_[i];
  }
  parts_.Truncate(kept);
}

// Addresses run out after two billion rows were stored since the database was opened: parts that are left
// take them again from the first one on.
void VectorStore::Renumber() {
  next_address_ = 0;
  for (Part& part : parts_) {
    part.moved_to = next_address_;
    next_address_ += part.reference.rows;
  }
  for (uint32_t& where : where_) {
    if (where != kNowhere && where >= kInStorage) where = kInStorage | MovedAddress(where & ~kInStorage);
  }
  for (uint32_t place = 0; place < addresses_.size(); ++place) {
    if (free_places_.Test(place) || addresses_[place] == kNoAddress) continue;
    addresses_[place] = MovedAddress(addresses_[place]);
  }
  for (Part& part : parts_) part.first = part.moved_to;
}

}  // namespace omendb
