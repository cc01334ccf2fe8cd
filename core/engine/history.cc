#include "engine/history.h"

#include <algorithm>

#include "engine/row_store.h"

namespace omendb {
namespace {

template <typename T>
void DropFront(Array<T>& array, size_t count) {
  for (size_t i = count; i < array.size(); ++i) array[i - count] = array[i];
  array.Truncate(array.size() - count);
}

}  // namespace

Status History::Reserve(uint64_t deaths) {
  OMENDB_TRY(births_.ReserveMore(2));
  if (deaths > SIZE_MAX / sizeof(Death)) return OutOfMemory(SIZE_MAX);
  return deaths_.ReserveMore(static_cast<size_t>(deaths));
}

void History::Born(uint64_t sequence, uint32_t first_number) {
  if (!births_.empty() && births_.back().sequence == sequence) return;
  births_.PushReserved({sequence, first_number});
}

void History::Died(uint64_t sequence, uint32_t slot) { deaths_.PushReserved({sequence, slot}); }

uint32_t History::NumbersEnd(uint64_t sequence, uint32_t next_number) const {
  const Birth* after =
      std::upper_bound(births_.begin(), births_.end(), sequence,
                       [](uint64_t wanted, const Birth& birth) { return wanted < birth.sequence; });
  return after == births_.end() ? next_number : after->first_number;
}

std::span<const History::Death> History::DeathsAfter(uint64_t sequence) const {
  const std::span<const Death> kept = deaths();
  const auto after =
      std::upper_bound(kept.begin(), kept.end(), sequence,
                       [](uint64_t wanted, const Death& death) { return wanted < death.sequence; });
  return kept.subspan(static_cast<size_t>(after - kept.begin()));
}

uint32_t History::ForgetDeath(uint64_t sequence) {
  if (forgotten_ == deaths_.size() || deaths_[forgotten_].sequence > sequence) {
    // Moved once per as many deaths as are moved.
    if (forgotten_ > 0 && forgotten_ * 2 >= deaths_.size()) {
      DropFront(deaths_, forgotten_);
      forgotten_ = 0;
    }
    return kNoSlot;
  }
  return deaths_[forgotten_++].slot;
}

void History::Trim() {
  if (deaths_.size() < deaths_.capacity() / 4) deaths_.ShrinkToFit();
}

void History::ForgetBirths(uint64_t sequence) {
  size_t count = 0;
  while (count < births_.size() && births_[count].sequence <= sequence) ++count;
  if (count > 0) DropFront(births_, count);
}

}  // namespace omendb
