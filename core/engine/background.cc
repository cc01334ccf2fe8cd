#include "engine/background.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {
namespace {

// Deleted rows are taken out when they are this part of all and enough of them to be worth it.
constexpr uint64_t kDeletedPercent = 30;
constexpr uint32_t kDeletedRowsMin = 1024;
constexpr uint64_t kDeletedBytesMin = uint64_t{8} << 20;
// Encoding is this much cheaper than an insertion.
constexpr uint32_t kEncodedRowsPerStep = 32;
// Training looks at a thousand rows, dimension by dimension.
constexpr uint32_t kTrainingSteps = 64;

bool CompactionDue(const Collection& collection) {
  uint64_t deleted = collection.deleted_rows();
  if (deleted * 100 <= collection.rows().size() * kDeletedPercent) return false;
  return deleted > kDeletedRowsMin || deleted * collection.rows().vectors().stride_bytes() > kDeletedBytesMin;
}

bool IndexingDue(const Collection& collection) {
  return collection.live_rows() > kFlatRowsMax && collection.index().nodes() < collection.rows().size();
}

// A graph that few rows will be left of is not worth repairing: searches of so few rows are flat.
bool GraphOutlivedItsUse(const Collection& collection) {
  return collection.index().nodes() > 0 && collection.live_rows() <= kFlatRowsMax;
}

// One piece of work. False when there is none; else *taken says how many steps it was worth.
Result<bool> DoPiece(Collection& collection, uint32_t steps, HnswScratch& scratch, uint32_t* taken) {
  GraphIndex& index = collection.index();
  *taken = 1;
  if (collection.compacting()) {
    if (collection.nodes_to_repair() > 0 && GraphOutlivedItsUse(collection)) index.Reset();
    OMENDB_TRY(collection.nodes_to_repair() > 0 ? collection.RepairNext(scratch)
                                                : collection.FinishCompaction());
    return true;
  }
  if (index.encoding()) {
    uint32_t rows = static_cast<uint32_t>(
        std::min<uint64_t>(index.rows_to_encode(), uint64_t{steps} * kEncodedRowsPerStep));
    *taken = rows / kEncodedRowsPerStep + 1;
    OMENDB_TRY(index.EncodeSome(rows));
    return true;
  }
  if (CompactionDue(collection)) {
    OMENDB_TRY(collection.StartCompaction());
    return true;
  }
  if (!IndexingDue(collection)) return false;
  if (index.WantsTraining()) {
    *taken = kTrainingSteps;
    OMENDB_TRY(index.Train(collection.tombstones()));
    return true;
  }
  OMENDB_TRY(index.AddNext(collection.tombstones(), scratch));
  return true;
}

}  // namespace

uint64_t StepsDue(const Collection& collection) {
  const GraphIndex& index = collection.index();
  uint64_t due = 0;
  if (collection.compacting()) {
    due += uint64_t{collection.nodes_to_repair()} + 1;
  } else if (CompactionDue(collection)) {
    due += uint64_t{index.nodes()} + 2;
  }
  if (index.encoding()) due += index.rows_to_encode() / kEncodedRowsPerStep + 1;
  if (IndexingDue(collection)) {
    due += collection.rows().size() - index.nodes();
    if (index.WantsTraining()) due += kTrainingSteps;
  }
  return due;
}

Status DoSteps(CollectionSet& collections, uint32_t steps, HnswScratch& scratch) {
  for (uint32_t i = 0; i < collections.count() && steps > 0; ++i) {
    while (steps > 0) {
      uint32_t taken = 0;
      OMENDB_ASSIGN(bool worked, DoPiece(collections.at(i), steps, scratch, &taken));
      if (!worked) break;
      steps -= std::min(steps, taken);
    }
  }
  return Status::Ok();
}

}  // namespace omendb
