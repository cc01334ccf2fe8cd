#include "index/flat.h"

namespace omendb {
namespace {

constexpr uint32_t kBlockRows = 64;

// A function of its own, called once per block: a runtime that cannot replace a running function
// still gets to the optimized one after a few blocks.
void SearchBlock(const Scorer& scorer, uint32_t first, uint32_t last, const Bitmap& deleted, TopK& top) {
  uint32_t ordinals[kBlockRows];
  float distances[kBlockRows];
  uint32_t count = 0;
  for (uint32_t ordinal = first; ordinal < last; ++ordinal) {
    ordinals[count] = ordinal;
    count += deleted.Test(ordinal) ? 0U : 1U;
  }
  scorer.Distances(ordinals, count, distances);
  for (uint32_t i = 0; i < count; ++i) top.Offer(Neighbor(distances[i], ordinals[i]));
}

}  // namespace

void SearchFlat(const Scorer& scorer, uint32_t first, uint32_t last, const Bitmap& deleted, TopK& top) {
  for (uint32_t start = first; start < last; start += kBlockRows) {
    SearchBlock(scorer, start, last - start < kBlockRows ? last : start + kBlockRows, deleted, top);
  }
}

}  // namespace omendb
