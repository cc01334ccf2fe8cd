// Row batch: the rows of an upsert, and so of a WAL frame, and of an answer
// (docs/file-format.md, "Row batch"). Vectors are not looked at here: what a metric forbids is the
// collection's business.
#ifndef OMENDB_FORMAT_ROW_BATCH_H_
#define OMENDB_FORMAT_ROW_BATCH_H_

#include <cstdint>

#include "distance/vector_type.h"
#include "format/blob_list.h"

namespace omendb {

// A view; the bytes outlive it.
class RowBatch {
 public:
  // Checks layout, ids (kinds, ranges, UTF-8), metadata (size, UTF-8), padding.
  // origin.fault_code, or LIMIT_EXCEEDED for a caller's oversized id or metadata.
  static Result<RowBatch> Decode(ByteSpan bytes, const Origin& origin);

  [[nodiscard]] uint32_t count() const { return ids_.count(); }
  [[nodiscard]] uint32_t dimensions() const { return dimensions_; }
  [[nodiscard]] VectorType vector_type() const { return vector_type_; }
  [[nodiscard]] const BlobList& ids() const { return ids_; }
  [[nodiscard]] ByteSpan id(uint32_t row) const { return ids_[row]; }
  // UTF-8 JSON; empty when the row has none.
  [[nodiscard]] ByteSpan metadata(uint32_t row) const { return has_metadata_ ? metadata_[row] : ByteSpan(); }
  // A row of vector_type() as bytes: a caller's memory need not be aligned.
  [[nodiscard]] const uint8_t* vector_bytes(uint32_t row) const {
    return vectors_ + row * VectorBytes(vector_type_, dimensions_);
  }

 private:
  uint32_t dimensions_ = 0;
  VectorType vector_type_ = VectorType::kFloat32;
  bool has_metadata_ = false;
  BlobList ids_;
  BlobList metadata_;
  const uint8_t* vectors_ = nullptr;
};

// The sizes of a batch before it is written.
struct RowBatchLayout {
  uint32_t count = 0;
  uint32_t dimensions = 0;  // 0: without vectors
  VectorType vector_type = VectorType::kFloat32;
  uint64_t id_bytes = 0;        // of all encoded ids
  uint64_t metadata_bytes = 0;  // of all metadata
  bool has_metadata = false;

  [[nodiscard]] uint64_t id_list_bytes() const { return BlobList::EncodedBytes(count, id_bytes); }
  [[nodiscard]] uint64_t metadata_list_bytes() const {
    return has_metadata ? BlobList::EncodedBytes(count, metadata_bytes) : 0;
  }
  // Of one vector.
  [[nodiscard]] size_t vector_bytes() const { return VectorBytes(vector_type, dimensions); }
  [[nodiscard]] uint64_t vectors_offset() const;
  [[nodiscard]] uint64_t bytes() const;
  // LIMIT_EXCEEDED when a list does not fit its 32-bit offsets.
  [[nodiscard]] Status Check() const;
};

// Writes a batch of a known layout, row by row, into layout.bytes() bytes.
class RowBatchWriter {
 public:
  RowBatchWriter(const RowBatchLayout& layout, uint8_t* out);
  // Returns where the row's vector is to be written: layout.vector_bytes() bytes.
  [[nodiscard]] uint8_t* Add(ByteSpan id, ByteSpan metadata);
  void Finish();

 private:
  RowBatchLayout layout_;
  BlobListWriter ids_;
  BlobListWriter metadata_;
  uint8_t* next_vector_;
};

}  // namespace omendb

#endif  // OMENDB_FORMAT_ROW_BATCH_H_
