#include "engine/duplicate_finder.h"

#include <bit>

#include "engine/id_map.h"

namespace omendb {
namespace {

constexpr uint64_t kHashKey = 0x8e1f3a6b5c2d4970;
constexpr size_t kKeptSlots = size_t{1} << 15;

bool Equal(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Status DuplicateFinder::Check(const RowBatch& batch) {
  uint64_t count = std::bit_ceil(uint64_t{batch.count()} * 2 + 1);
  if (count < slots_.size() / 4 || slots_.size() > kKeptSlots) slots_.Release();
  slots_.Clear();
  OMENDB_TRY(slots_.Resize(static_cast<size_t>(count)));
  size_t mask = slots_.size() - 1;
  for (uint32_t row = 0; row < batch.count(); ++row) {
    uint32_t hash = HashId(batch.id(row), kHashKey);
    size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      if (slots_[at] >> 32 != hash) continue;
      uint32_t other = static_cast<uint32_t>(slots_[at]) - 1;
      if (!Equal(batch.id(other), batch.id(row))) continue;
      return Status::Error(Code::kDuplicateId, "expected every id once in a batch, found rows ", other,
                           " and ", row, " with the same id");
    }
    slots_[at] = uint64_t{hash} << 32 | (row + 1);
  }
  return Status::Ok();
}

}  // namespace omendb
