// Flat: exact search by looking at every row. The oracle for every other index, and the plan for
// small collections and for rows that have no graph yet.
#ifndef OMENDB_INDEX_FLAT_H_
#define OMENDB_INDEX_FLAT_H_

#include "base/bitmap.h"
#include "base/top_k.h"
#include "index/scorer.h"

namespace omendb {

// Offers every row in [0, deleted.size()) that `deleted` does not name, as numbers[row]. Cannot fail.
void SearchFlat(const Scorer& scorer, const Bitmap& deleted, const uint32_t* numbers, TopK& top);
// The same for the rows listed.
void SearchListed(const Scorer& scorer, std::span<const uint32_t> rows, const Bitmap& deleted,
                  const uint32_t* numbers, TopK& top);

}  // namespace omendb

#endif  // OMENDB_INDEX_FLAT_H_
