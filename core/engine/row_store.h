// RowStore: the rows of one collection by slot: vector (vector_store.h), encoded id, metadata.
//
// A slot is a row's place in memory for as long as the row is kept for anybody; it is also its node in the
// graph. A slot that is given back is taken by a later row, so slots say nothing about order.
// Not here: which rows are visible, which id leads where. Not thread safe.
#ifndef OMENDB_ENGINE_ROW_STORE_H_
#define OMENDB_ENGINE_ROW_STORE_H_

#include <cstdint>

#include "base/bitmap.h"
#include "engine/blob_store.h"
#include "engine/vector_store.h"

namespace omendb {

inline constexpr uint32_t kNoSlot = 0xffffffffU;

class RowStore {
 public:
  explicit RowStore(const CollectionOptions& options);

  // Slots there are, free ones included: [0, slots()).
  [[nodiscard]] uint32_t slots() const { return free_.size(); }
  [[nodiscard]] uint32_t used() const { return free_.size() - free_.set_count(); }
  [[nodiscard]] bool is_free(uint32_t slot) const { return free_.Test(slot); }

  // Room for `count` more rows' vectors, so that many Stage calls do not grow step by step.
  // LIMIT_EXCEEDED beyond kRowsMax rows, OUT_OF_MEMORY.
  Status ReserveMore(uint32_t count);
  // Puts a row into a free slot. `vector`: a row of the type, of any alignment. REQUIRES: ReserveMore.
  // INVALID_VECTOR, OUT_OF_MEMORY; then no slot was taken.
  Result<uint32_t> Stage(ByteSpan id, ByteSpan metadata, const uint8_t* vector);
  void Free(uint32_t slot);
  // Gives free slots at the end back, but keeps the first `keep`.
  void Trim(uint32_t keep);

  [[nodiscard]] const Bitmap& free_slots() const { return free_; }
  // Takes all free slots out: the others move down in order. Cannot fail.
  void Squeeze();

  // As floats: where the row lies, or, when it is of another type, in `scratch`, which is not used for
  // floats. REQUIRES: it is in memory, as the next.
  [[nodiscard]] const float* Vector(uint32_t slot, float* scratch) const {
    const uint8_t* row = vectors_.row(slot);
    if (widen_ == nullptr) return reinterpret_cast<const float*>(row);
    widen_(row, dimensions_, scratch);
    return scratch;
  }
  // vector_bytes() of its own type.
  [[nodiscard]] const uint8_t* stored_vector(uint32_t slot) const { return vectors_.row(slot); }
  [[nodiscard]] size_t vector_bytes() const { return vectors_.vector_bytes(); }
  // Rows are no floats.
  [[nodiscard]] bool widens() const { return widen_ != nullptr; }
  [[nodiscard]] float inverse_norm(uint32_t slot) const { return vectors_.inverse_norm(slot); }
  [[nodiscard]] ByteSpan id(uint32_t slot) const { return ids_[slot]; }
  [[nodiscard]] ByteSpan metadata(uint32_t slot) const { return metadata_[slot]; }
  // Bytes of the row as it is stored, about.
  [[nodiscard]] uint64_t row_bytes(uint32_t slot) const {
    return uint64_t{vector_bytes()} + ids_[slot].size() + metadata_[slot].size();
  }

  [[nodiscard]] const VectorStore& vectors() const { return vectors_; }
  [[nodiscard]] VectorStore& vectors() { return vectors_; }
  [[nodiscard]] const BlobStore& ids() const { return ids_; }
  [[nodiscard]] const BlobStore& all_metadata() const { return metadata_; }

  [[nodiscard]] bool wants_cleaning() const { return ids_.wants_cleaning() || metadata_.wants_cleaning(); }
  // One chunk of ids or of metadata. OUT_OF_MEMORY.
  Status Clean() { return ids_.wants_cleaning() ? ids_.Clean() : metadata_.Clean(); }

  // ---- Loading: slots are given, and the parts of a row come one by one --------------------------------
  // Slots [0, slots), all taken. REQUIRES: no slots. LIMIT_EXCEEDED, OUT_OF_MEMORY.
  Status Open(uint32_t slots);
  // Room for so many vectors that are loaded next. OUT_OF_MEMORY.
  Status ReserveLoad(uint32_t vectors) { return vectors_.Reserve(slots(), vectors); }
  // Each once per slot, unless its vector stays in storage; room was reserved. INVALID_VECTOR.
  Status LoadVector(uint32_t slot, const uint8_t* vector);
  Status LoadId(uint32_t slot, ByteSpan id) { return ids_.Set(slot, id); }
  Status LoadMetadata(uint32_t slot, ByteSpan metadata) { return metadata_.Set(slot, metadata); }

 private:
  uint32_t dimensions_;
  WidenFunction widen_;
  Bitmap free_;
  uint32_t free_hint_ = 0;  // no slot below it is free
  VectorStore vectors_;
  BlobStore ids_;
  BlobStore metadata_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_ROW_STORE_H_
