#include "engine/answers.h"

namespace omendb {
namespace {

RowBatchLayout LayOut(const Collection& collection, std::span<const uint32_t> ordinals, uint32_t include) {
  const RowStore& rows = collection.rows();
  RowBatchLayout layout;
  layout.count = static_cast<uint32_t>(ordinals.size());
  layout.dimensions = (include & kIncludeVectors) != 0 ? collection.options().dimensions : 0;
  for (uint32_t ordinal : ordinals) {
    layout.id_bytes += rows.id(ordinal).size();
    if ((include & kIncludeMetadata) != 0) layout.metadata_bytes += rows.metadata(ordinal).size();
  }
  layout.has_metadata = layout.metadata_bytes > 0;
  return layout;
}

}  // namespace

Status AppendRows(const Collection& collection, std::span<const uint32_t> ordinals, uint32_t include,
                  Bytes& out) {
  const RowStore& rows = collection.rows();
  RowBatchLayout layout = LayOut(collection, ordinals, include);
  OMENDB_TRY(layout.Check());
  size_t start = (out.size() + 15) / 16 * 16;
  OMENDB_TRY(out.Resize(start + static_cast<size_t>(layout.bytes())));
  RowBatchWriter writer(layout, out.data() + start);
  for (uint32_t ordinal : ordinals) {
    writer.Add(rows.id(ordinal), rows.metadata(ordinal), rows.vector(ordinal));
  }
  writer.Finish();
  return Status::Ok();
}

uint64_t RowBytes(const Collection& collection, uint32_t ordinal, uint32_t include) {
  uint64_t bytes = 8 + collection.rows().id(ordinal).size();
  if ((include & kIncludeMetadata) != 0) bytes += collection.rows().metadata(ordinal).size();
  if ((include & kIncludeVectors) != 0) bytes += uint64_t{4} * collection.options().dimensions;
  return bytes;
}

Status CheckInclude(uint32_t include) {
  if ((include & ~uint32_t{kIncludeMetadata | kIncludeVectors}) == 0) return Status::Ok();
  return Status::Error(Code::kInvalidArgument, "expected include flags of 0 to 3, found ", include);
}

}  // namespace omendb
