// Flat: exact search by looking at every row. The oracle for every other index, and the plan for
// small collections and for rows that have no graph yet.
#ifndef OMENDB_INDEX_FLAT_H_
#define OMENDB_INDEX_FLAT_H_

#include "base/bitmap.h"
#include "base/top_k.h"
#include "index/scorer.h"

namespace omendb {

// Offers every row in [first, last) that `deleted` does not name. Cannot fail.
void SearchFlat(const Scorer& scorer, uint32_t first, uint32_t last, const Bitmap& deleted, TopK& top);

}  // namespace omendb

#endif  // OMENDB_INDEX_FLAT_H_
