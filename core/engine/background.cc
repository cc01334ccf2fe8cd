#include "engine/background.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {
namespace {

// Unseen nodes are taken out when they are this part of all and enough of them to be worth it.
constexpr uint64_t kUnseenPercent = 30;
constexpr uint32_t kUnseenNodesMin = 256;
constexpr uint64_t kUnseenBytesMin = uint64_t{8} << 20;
// Encoding and sweeping are this much cheaper than an insertion.
constexpr uint32_t kEncodedRowsPerStep = 32;
constexpr uint32_t kSweptRowsPerStep = 64;
// Training looks at a thousand rows, dimension by dimension.
constexpr uint32_t kTrainingSteps = 64;
constexpr uint32_t kSqueezeSteps = 64;
// Comparing one row with many.
constexpr uint32_t kMeasuringSteps = 8;
// Moving the blobs of a chunk together.
constexpr uint32_t kCleanBlobsSteps = 8;
// Checking a batch of vectors and copying it.
constexpr uint32_t kBringingSteps = 4;

bool CleaningDue(const Collection& collection) {
  const uint64_t unseen = collection.index().unseen_nodes();
  if (unseen == 0) return false;
  if (collection.seen_rows() == 0) return true;
  if (unseen * 100 <= uint64_t{collection.index().linked_nodes()} * kUnseenPercent) return false;
  return unseen > kUnseenNodesMin || unseen * collection.rows().vector_bytes() > kUnseenBytesMin;
}

bool IndexingDue(const Collection& collection) {
  return collection.live_rows() > kFlatRowsMax && !collection.pending().empty();
}

bool BringingDue(const Collection& collection, const WorkLimits& limits) {
  return !limits.bounded && collection.vectors().away() > 0;
}

// Once all rows have codes, and none would change them soon.
bool MeasuringDue(const Collection& collection) {
  return collection.pending().empty() && collection.index().WantsMeasuring();
}

// A graph that few rows will be left of is not worth repairing: searches of so few rows are flat.
bool GraphOutlivedItsUse(const Collection& collection) { return collection.seen_rows() <= kFlatRowsMax; }

// One piece of work. False when there is none; else *taken says how many steps it was worth.
Result<bool> DoPiece(Collection& collection, const WorkLimits& limits, uint32_t steps, HnswScratch& scratch,
                     uint32_t* taken) {
  GraphIndex& index = collection.index();
  *taken = 1;
  if (index.cleaning()) {
    OMENDB_TRY(GraphOutlivedItsUse(collection) ? collection.ResetIndex() : index.CleanNext(scratch));
    return true;
  }
  if (index.encoding()) {
    uint32_t rows = static_cast<uint32_t>(
        std::min<uint64_t>(index.rows_to_encode(), uint64_t{steps} * kEncodedRowsPerStep));
    *taken = rows / kEncodedRowsPerStep + 1;
    OMENDB_TRY(index.EncodeSome(rows));
    return true;
  }
  if (collection.sweepable_rows() > 0) {
    const uint32_t rows = static_cast<uint32_t>(
        std::min<uint64_t>(collection.sweepable_rows(), uint64_t{steps} * kSweptRowsPerStep));
    *taken = rows / kSweptRowsPerStep + 1;
    collection.Sweep(rows);
    return true;
  }
  if (CleaningDue(collection)) {
    OMENDB_TRY(GraphOutlivedItsUse(collection) ? collection.ResetIndex() : index.StartCleaning());
    return true;
  }
  if (limits.may_move && collection.wants_squeeze()) {
    *taken = kSqueezeSteps;
    OMENDB_TRY(collection.Squeeze());
    return true;
  }
  if (collection.wants_cleaning()) {
    *taken = kCleanBlobsSteps;
    OMENDB_TRY(collection.CleanBlobs());
    return true;
  }
  if (limits.fewer_bits && index.CanTakeFewerBits()) {
    *taken = kTrainingSteps;
    OMENDB_TRY(index.TakeFewerBits(collection.hidden()));
    return true;
  }
  if (!IndexingDue(collection)) {
    if (BringingDue(collection, limits)) {
      *taken = kBringingSteps;
      OMENDB_TRY(collection.BringNext());
      return true;
    }
    if (!MeasuringDue(collection)) return false;
    *taken = kMeasuringSteps;
    OMENDB_TRY(index.MeasureNext());
    return true;
  }
  if (index.WantsTraining()) {
    *taken = kTrainingSteps;
    OMENDB_TRY(index.Train(collection.hidden(), limits.bounded));
    return true;
  }
  OMENDB_TRY(collection.IndexNext(scratch));
  return true;
}

}  // namespace

uint64_t StepsDue(const Collection& collection, const WorkLimits& limits) {
  const GraphIndex& index = collection.index();
  uint64_t due = index.cleaning_steps();
  if (due == 0 && CleaningDue(collection)) due = uint64_t{index.nodes()} + index.unseen_nodes() + 2;
  if (collection.sweepable_rows() > 0) due += collection.sweepable_rows() / kSweptRowsPerStep + 1;
  if (limits.may_move && collection.wants_squeeze()) due += kSqueezeSteps;
  if (collection.wants_cleaning()) due += kCleanBlobsSteps;
  if (limits.fewer_bits && index.CanTakeFewerBits()) due += kTrainingSteps;
  if (index.encoding()) due += index.rows_to_encode() / kEncodedRowsPerStep + 1;
  if (IndexingDue(collection)) {
    due += collection.pending().size();
    if (index.WantsTraining()) due += kTrainingSteps;
  } else if (BringingDue(collection, limits)) {
    due += uint64_t{kBringingSteps} * (collection.vectors().away() / collection.brought_at_once() + 1);
  } else if (MeasuringDue(collection)) {
    due += uint64_t{kMeasuringSteps} * index.code_recall().queries_left();
  }
  return due;
}

Status DoSteps(CollectionSet& collections, const WorkLimits& limits, uint32_t steps, HnswScratch& scratch) {
  for (uint32_t i = 0; i < collections.count() && steps > 0; ++i) {
    while (steps > 0) {
      uint32_t taken = 0;
      OMENDB_ASSIGN(bool worked, DoPiece(collections.at(i), limits, steps, scratch, &taken));
      if (!worked) break;
      steps -= std::min(steps, taken);
    }
  }
  return Status::Ok();
}

}  // namespace omendb
