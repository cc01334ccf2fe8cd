// DuplicateFinder: tells whether an id stands twice in one batch.
#ifndef OMENDB_ENGINE_DUPLICATE_FINDER_H_
#define OMENDB_ENGINE_DUPLICATE_FINDER_H_

#include "format/row_batch.h"

namespace omendb {

class DuplicateFinder {
 public:
  // DUPLICATE_ID, naming both rows. OUT_OF_MEMORY.
  Status Check(const RowBatch& batch);

 private:
  Array<uint64_t> slots_;  // hash above, row + 1 below; 0 is empty. Kept between calls.
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_DUPLICATE_FINDER_H_
