// RowStore: the rows of one collection by ordinal: vector, inverse norm, encoded id, metadata.
//
// Rows are first *staged* behind the last one, where all that can fail happens, and then committed one
// by one, which cannot. What reads rows looks at [0, size()) only.
// Not here: which rows are deleted, which id leads where. Not thread safe.
#ifndef OMENDB_ENGINE_ROW_STORE_H_
#define OMENDB_ENGINE_ROW_STORE_H_

#include <cstdint>

#include "base/chunked_rows.h"
#include "engine/blob_store.h"
#include "omendb/types.h"

namespace omendb {

class RowStore {
 public:
  RowStore(Metric metric, uint32_t dimensions);

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t staged() const { return vectors_.size() - size_; }

  // Room for `count` more rows' vectors, so that many Stage calls do not grow step by step.
  // LIMIT_EXCEEDED beyond kRowsMax rows, OUT_OF_MEMORY.
  Status ReserveMore(uint32_t count);
  // Appends a row behind the staged ones. `vector`: dimensions floats, of any alignment.
  // INVALID_VECTOR, LIMIT_EXCEEDED, OUT_OF_MEMORY; then nothing was staged.
  Status Stage(ByteSpan id, ByteSpan metadata, const uint8_t* vector);
  // The first `count` staged rows become rows. REQUIRES: count <= staged().
  void Commit(uint32_t count) { size_ += count; }
  // Forgets staged rows until `keep` are left, and gives memory back.
  void DropStaged(uint32_t keep);

  // Staged rows may be asked too, by the ordinal they will have.
  [[nodiscard]] const float* vector(uint32_t ordinal) const {
    return reinterpret_cast<const float*>(vectors_.row(ordinal));
  }
  [[nodiscard]] float inverse_norm(uint32_t ordinal) const {
    return inverse_norms_.empty() ? 1.0F : inverse_norms_[ordinal];
  }
  [[nodiscard]] ByteSpan id(uint32_t ordinal) const { return ids_[ordinal]; }
  [[nodiscard]] ByteSpan metadata(uint32_t ordinal) const { return metadata_[ordinal]; }

  [[nodiscard]] const ChunkedRows& vectors() const { return vectors_; }
  [[nodiscard]] const Array<float>& inverse_norms() const { return inverse_norms_; }
  [[nodiscard]] const BlobStore& ids() const { return ids_; }
  [[nodiscard]] const BlobStore& all_metadata() const { return metadata_; }

  // Drops the rows of `doomed` and moves the rest, staged ones too, down in place. Cannot fail.
  void Remove(const Bitmap& doomed);

 private:
  Metric metric_;
  uint32_t dimensions_;
  uint32_t size_ = 0;
  ChunkedRows vectors_;         // staged rows included
  Array<float> inverse_norms_;  // under cosine only
  BlobStore ids_;
  BlobStore metadata_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_ROW_STORE_H_
