#include "index/hnsw_graph.h"

#include <algorithm>

#include "base/prng.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr size_t ListBytes(uint32_t links) { return (size_t{links} + 1) * sizeof(uint32_t); }

}  // namespace

HnswGraph::HnswGraph(uint32_t degree, uint64_t seed)
    : degree_(degree), seed_(seed), base_links_(ListBytes(2 * degree)), upper_links_(ListBytes(degree)) {}

uint32_t HnswGraph::DrawLevel(uint32_t node) const {
  // In integers: floor(-ln(u) / ln(M)) would hang on the last bit of each platform's logarithm.
  const uint64_t draw = Prng(seed_ ^ MixBits(node)).Next();
  uint64_t threshold = ~uint64_t{0} / degree_;
  uint32_t level = 0;
  while (level < kLevelMax && draw < threshold) {
    ++level;
    threshold /= degree_;
  }
  return level;
}

size_t HnswGraph::memory_bytes() const {
  return base_links_.memory_bytes() + upper_links_.memory_bytes() + levels_.capacity() +
         upper_slot_.capacity() * sizeof(uint32_t);
}

Status HnswGraph::Reserve(uint64_t nodes) {
  OMENDB_TRY(base_links_.Reserve(nodes));
  OMENDB_TRY(levels_.Reserve(static_cast<size_t>(nodes)));
  return upper_slot_.Reserve(static_cast<size_t>(nodes));
}

Status HnswGraph::AddNode(uint32_t level) {
  assert(level <= kLevelMax);
  const uint32_t slot = upper_links_.size();
  OMENDB_TRY(base_links_.Reserve(uint64_t{size_} + 1));
  OMENDB_TRY(levels_.ReserveMore(1));
  OMENDB_TRY(upper_slot_.ReserveMore(1));
  OMENDB_TRY(upper_links_.Reserve(uint64_t{slot} + level));
  base_links_.Resize(size_ + 1);
  levels_.PushReserved(static_cast<uint8_t>(level));
  upper_slot_.PushReserved(slot);
  upper_links_.Resize(slot + level);
  for (uint32_t l = 0; l <= level; ++l) List(size_, l)[0] = 0;
  ++size_;
  return Status::Ok();
}

void HnswGraph::SetLinks(uint32_t node, uint32_t level, std::span<const uint32_t> links) {
  assert(links.size() <= max_links(level));
  uint32_t* list = List(node, level);
  list[0] = static_cast<uint32_t>(links.size());
  std::copy(links.begin(), links.end(), list + 1);
}

bool HnswGraph::AppendLink(uint32_t node, uint32_t level, uint32_t link) {
  uint32_t* list = List(node, level);
  if (list[0] >= max_links(level)) return false;
  list[++list[0]] = link;
  return true;
}

void HnswGraph::SetEntry(uint32_t node) {
  entry_ = node;
  entry_level_ = LevelOf(node);
}

Status HnswGraph::RemoveAndRenumber(const Bitmap& doomed) {
  // doomed_before[w]: how many of the first 64 * w nodes go.
  Array<uint32_t> doomed_before;
  OMENDB_TRY(doomed_before.Reserve(doomed.words().size() + 1));
  uint32_t before = 0;
  for (uint64_t word : doomed.words()) {
    doomed_before.PushReserved(before);
    before += static_cast<uint32_t>(std::popcount(word));
  }
  const auto renumbered = [&](uint32_t node) {
    const uint64_t below = doomed.words()[node >> 6] & ((uint64_t{1} << (node & 63)) - 1);
    return node - doomed_before[node >> 6] - static_cast<uint32_t>(std::popcount(below));
  };

  uint32_t kept = 0;
  uint32_t kept_upper = 0;
  for (uint32_t node = 0; node < size_; ++node) {
    if (doomed.Test(node)) continue;
    const uint32_t level = LevelOf(node);
    // Lists only move down, so that nothing is written before it was read.
    for (uint32_t l = 0; l <= level; ++l) {
      const uint32_t* from = List(node, l);
      uint8_t* row = l == 0 ? base_links_.row(kept) : upper_links_.row(kept_upper + l - 1);
      uint32_t* to = reinterpret_cast<uint32_t*>(row);
      const uint32_t count = from[0];
      to[0] = count;
      for (uint32_t i = 1; i <= count; ++i) {
        assert(!doomed.Test(from[i]));
        to[i] = renumbered(from[i]);
      }
    }
    levels_[kept] = static_cast<uint8_t>(level);
    upper_slot_[kept] = kept_upper;
    kept_upper += level;
    ++kept;
  }
  if (kept == 0) ClearEntry();
  if (entry_ != kNoNode) entry_ = renumbered(entry_);
  size_ = kept;
  levels_.Truncate(kept);
  upper_slot_.Truncate(kept);
  base_links_.Resize(kept);
  base_links_.ShrinkToFit();
  upper_links_.Resize(kept_upper);
  upper_links_.ShrinkToFit();
  return Status::Ok();
}

void HnswGraph::ClearNode(uint32_t node) {
  for (uint32_t level = 0; level <= LevelOf(node); ++level) List(node, level)[0] = 0;
}

}  // namespace omendb
