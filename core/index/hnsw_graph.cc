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

void HnswGraph::ClearNode(uint32_t node) {
  for (uint32_t level = 0; level <= LevelOf(node); ++level) List(node, level)[0] = 0;
}

}  // namespace omendb
