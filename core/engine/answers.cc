#include "engine/answers.h"

namespace omendb {

RowBatchLayout LayOutRows(const ReadView& view, std::span<const RowRef> rows, uint32_t include,
                          VectorType type) {
  RowBatchLayout layout;
  layout.count = static_cast<uint32_t>(rows.size());
  layout.dimensions = (include & kIncludeVectors) != 0 ? view.collection().options().dimensions : 0;
  layout.vector_type = type;
  for (RowRef row : rows) {
    layout.id_bytes += view.id(row).size();
    if ((include & kIncludeMetadata) != 0) layout.metadata_bytes += view.metadata(row).size();
  }
  layout.has_metadata = layout.metadata_bytes > 0;
  return layout;
}

void WriteRows(const ReadView& view, std::span<const RowRef> rows, const RowBatchLayout& layout,
               uint8_t* out) {
  RowBatchWriter writer(layout, out);
  const VectorType stored = view.collection().options().vector_type;
  const WidenFunction widen = layout.vector_type == stored ? nullptr : WidenFunctionOf(stored);
  assert(widen == nullptr || layout.vector_type == VectorType::kFloat32);
  for (RowRef row : rows) {
    uint8_t* vector = writer.Add(view.id(row), view.metadata(row));
    if (layout.dimensions == 0) continue;
    if (widen == nullptr) {
      std::memcpy(vector, view.stored_vector(row), layout.vector_bytes());
    } else {
      widen(view.stored_vector(row), layout.dimensions, reinterpret_cast<float*>(vector));
    }
  }
  writer.Finish();
}

Status RequireVectors(const ReadView& view, std::span<const RowRef> rows, VectorStore::Stay stay) {
  VectorStore& vectors = view.collection().vectors();
  if (vectors.away() == 0) return Status::Ok();
  bool wanted = false;
  for (RowRef row : rows) {
    if (row < kOverlayNumber) OMENDB_TRY(vectors.RequireOne(row, stay, &wanted));
  }
  return wanted ? Status::Error(kVectorsWanted, "vectors are in storage") : Status::Ok();
}

Status AppendRows(const ReadView& view, std::span<const RowRef> rows, uint32_t include,
                  VectorStore::Stay stay, Bytes& out) {
  if ((include & kIncludeVectors) != 0) OMENDB_TRY(RequireVectors(view, rows, stay));
  const RowBatchLayout layout = LayOutRows(view, rows, include, VectorType::kFloat32);
  OMENDB_TRY(layout.Check());
  const size_t start = (out.size() + 15) / 16 * 16;
  OMENDB_TRY(out.Resize(start + static_cast<size_t>(layout.bytes())));
  WriteRows(view, rows, layout, out.data() + start);
  return Status::Ok();
}

uint64_t RowBytes(const ReadView& view, RowRef row, uint32_t include) {
  uint64_t bytes = 8 + view.id(row).size();
  if ((include & kIncludeMetadata) != 0) bytes += view.metadata(row).size();
  if ((include & kIncludeVectors) != 0) bytes += uint64_t{4} * view.collection().options().dimensions;
  return bytes;
}

Status CheckInclude(uint32_t include) {
  if ((include & ~uint32_t{kIncludeMetadata | kIncludeVectors}) == 0) return Status::Ok();
  return Status::Error(Code::kInvalidArgument, "expected include flags of 0 to 3, found ", include);
}

}  // namespace omendb
