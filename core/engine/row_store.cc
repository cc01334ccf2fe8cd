#include "engine/row_store.h"

#include "distance/metric.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// Whole 16-byte words, so that every row is aligned for the kernels.
size_t StrideBytes(uint32_t dimensions) { return (size_t{dimensions} * sizeof(float) + 15) / 16 * 16; }

}  // namespace

RowStore::RowStore(Metric metric, uint32_t dimensions)
    : metric_(metric), dimensions_(dimensions), vectors_(StrideBytes(dimensions)) {}

Status RowStore::ReserveMore(uint32_t count) {
  uint64_t rows = uint64_t{vectors_.size()} + count;
  if (rows > kRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kRowsMax,
                         " rows in a collection, deleted ones included, found ", rows);
  }
  OMENDB_TRY(vectors_.Reserve(rows));
  if (metric_ == Metric::kCosine) OMENDB_TRY(inverse_norms_.ReserveMore(count));
  return Status::Ok();
}

Status RowStore::Stage(ByteSpan id, ByteSpan metadata, const uint8_t* vector) {
  OMENDB_TRY(ReserveMore(1));
  uint32_t ordinal = vectors_.size();
  vectors_.Resize(ordinal + 1);
  uint8_t* row = vectors_.row(ordinal);
  std::memcpy(row, vector, size_t{dimensions_} * sizeof(float));
  float inverse_norm = 1;
  Status staged = CheckVector(metric_, reinterpret_cast<const float*>(row), dimensions_, &inverse_norm);
  if (staged.ok()) staged = ids_.Append(ordinal, id);
  if (staged.ok()) staged = metadata_.Append(ordinal, metadata);
  if (!staged.ok()) {
    vectors_.Resize(ordinal);
    ids_.Truncate(ordinal);
    return staged;
  }
  if (metric_ == Metric::kCosine) inverse_norms_.PushReserved(inverse_norm);
  return Status::Ok();
}

void RowStore::DropStaged(uint32_t keep) {
  uint32_t rows = size_ + keep;
  if (vectors_.size() <= rows) return;
  vectors_.Resize(rows);
  vectors_.ShrinkToFit();
  if (metric_ == Metric::kCosine) inverse_norms_.Truncate(rows);
  ids_.Truncate(rows);
  metadata_.Truncate(rows);
}

void RowStore::Remove(const Bitmap& doomed) {
  uint32_t kept = 0;
  uint32_t kept_committed = 0;
  for (uint32_t ordinal = 0; ordinal < vectors_.size(); ++ordinal) {
    if (ordinal < doomed.size() && doomed.Test(ordinal)) continue;
    if (kept != ordinal) {
      std::memcpy(vectors_.row(kept), vectors_.row(ordinal), vectors_.stride_bytes());
      if (metric_ == Metric::kCosine) inverse_norms_[kept] = inverse_norms_[ordinal];
    }
    ++kept;
    if (ordinal < size_) ++kept_committed;
  }
  size_ = kept_committed;
  vectors_.Resize(kept);
  vectors_.ShrinkToFit();
  if (metric_ == Metric::kCosine) {
    inverse_norms_.Truncate(kept);
    inverse_norms_.ShrinkToFit();
  }
  ids_.Remove(doomed);
  metadata_.Remove(doomed);
}

}  // namespace omendb
