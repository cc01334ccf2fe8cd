#include "index/flat.h"

#include <algorithm>

namespace omendb {
namespace {

constexpr uint32_t kBlockRows = 64;

// Functions of their own, called once per block: a runtime that cannot replace a running function
// still gets to the optimized one after a few blocks.
void OfferBlock(const Scorer& scorer, const uint32_t* rows, uint32_t count, const uint32_t* numbers,
                TopK& top) {
  float distances[kBlockRows];
  scorer.Distances(rows, count, distances);
  for (uint32_t i = 0; i < count; ++i) top.Offer(Neighbor(distances[i], numbers[rows[i]]));
}

void SearchWord(const Scorer& scorer, uint32_t first, uint32_t count, uint64_t deleted,
                const uint32_t* numbers, TopK& top) {
  static_assert(kBlockRows == 64);
  uint32_t rows[kBlockRows];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    rows[kept] = first + i;
    kept += (deleted >> i & 1) != 0 ? 0U : 1U;
  }
  if (kept > 0) OfferBlock(scorer, rows, kept, numbers, top);
}

void SearchBlock(const Scorer& scorer, std::span<const uint32_t> listed, const Bitmap& deleted,
                 const uint32_t* numbers, TopK& top) {
  uint32_t rows[kBlockRows];
  uint32_t kept = 0;
  for (uint32_t row : listed) {
    rows[kept] = row;
    kept += deleted.Test(row) ? 0U : 1U;
  }
  if (kept > 0) OfferBlock(scorer, rows, kept, numbers, top);
}

}  // namespace

void SearchFlat(const Scorer& scorer, const Bitmap& deleted, const uint32_t* numbers, TopK& top) {
  for (uint32_t first = 0; first < deleted.size(); first += kBlockRows) {
    const uint32_t count = std::min(kBlockRows, deleted.size() - first);
    SearchWord(scorer, first, count, deleted.words()[first / kBlockRows], numbers, top);
  }
}

void SearchListed(const Scorer& scorer, std::span<const uint32_t> rows, const Bitmap& deleted,
                  const uint32_t* numbers, TopK& top) {
  for (size_t start = 0; start < rows.size(); start += kBlockRows) {
    const size_t count = std::min<size_t>(kBlockRows, rows.size() - start);
    SearchBlock(scorer, rows.subspan(start, count), deleted, numbers, top);
  }
}

}  // namespace omendb
