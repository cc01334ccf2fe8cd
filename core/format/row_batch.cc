#include "format/row_batch.h"

#include <limits>

#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = 32;
constexpr size_t kVectorTypeOffset = 16;
constexpr size_t kReservedOffset = 20;

constexpr uint64_t AlignUp16(uint64_t offset) { return (offset + 15) / 16 * 16; }

}  // namespace

Result<RowBatch> RowBatch::Decode(ByteSpan bytes, const Origin& origin) {
  if (bytes.size() < kHeaderBytes) {
    return origin.Fault(0, "expected at least ", kHeaderBytes, " bytes, found ", bytes.size());
  }
  RowBatch batch;
  uint32_t count = LoadAt<uint32_t>(bytes.data());
  batch.dimensions_ = LoadAt<uint32_t>(bytes.data() + 4);
  uint64_t id_bytes = LoadAt<uint32_t>(bytes.data() + 8);
  uint64_t metadata_bytes = LoadAt<uint32_t>(bytes.data() + 12);
  for (size_t i = kReservedOffset; i < kHeaderBytes; ++i) {
    if (bytes[i] != 0) return origin.Fault(i, "expected reserved byte 0, found ", bytes[i]);
  }
  const uint32_t vector_type = LoadAt<uint32_t>(bytes.data() + kVectorTypeOffset);
  if (batch.dimensions_ > kDimensionsMax || vector_type > static_cast<uint32_t>(VectorType::kBinary)) {
    return origin.Fault(4, "expected at most ", kDimensionsMax, " dimensions of type 0 to 3, found ",
                        batch.dimensions_, " of ", vector_type);
  }
  batch.vector_type_ = static_cast<VectorType>(vector_type);
  // u64 throughout: 32-bit sums of these would wrap in wasm.
  uint64_t lists_end = kHeaderBytes + id_bytes + metadata_bytes;
  uint64_t vectors_start = AlignUp16(lists_end);
  uint64_t expected = vectors_start + uint64_t{count} * VectorBytes(batch.vector_type_, batch.dimensions_);
  if (expected != bytes.size()) {
    return origin.Fault(0, "expected a row batch of ", expected, " bytes, found ", bytes.size());
  }
  for (uint64_t i = lists_end; i < vectors_start; ++i) {
    uint8_t padding = bytes[static_cast<size_t>(i)];
    if (padding != 0) return origin.Fault(i, "expected padding 0, found ", padding);
  }
  OMENDB_ASSIGN(batch.ids_, DecodeIdList(bytes.subspan(kHeaderBytes, static_cast<size_t>(id_bytes)),
                                         origin.At(kHeaderBytes)));
  if (batch.ids_.count() != count) {
    return origin.Fault(kHeaderBytes, "expected ", count, " ids, found ", batch.ids_.count());
  }
  batch.has_metadata_ = metadata_bytes > 0;
  if (batch.has_metadata_) {
    uint64_t start = kHeaderBytes + id_bytes;
    OMENDB_ASSIGN(batch.metadata_, DecodeMetadataList(bytes.subspan(static_cast<size_t>(start),
                                                                    static_cast<size_t>(metadata_bytes)),
                                                      origin.At(start)));
    if (batch.metadata_.count() != count) {
      return origin.Fault(start, "expected metadata of ", count, " rows, found ", batch.metadata_.count());
    }
  }
  batch.vectors_ = bytes.data() + vectors_start;
  return batch;
}

uint64_t RowBatchLayout::vectors_offset() const {
  return AlignUp16(kHeaderBytes + id_list_bytes() + metadata_list_bytes());
}

uint64_t RowBatchLayout::bytes() const { return vectors_offset() + uint64_t{count} * vector_bytes(); }

Status RowBatchLayout::Check() const {
  constexpr uint64_t kListBytesMax = std::numeric_limits<uint32_t>::max();
  uint64_t largest = id_list_bytes() > metadata_list_bytes() ? id_list_bytes() : metadata_list_bytes();
  if (largest > kListBytesMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kListBytesMax,
                         " bytes of ids or of metadata in one answer, found ", largest);
  }
  if (bytes() > std::numeric_limits<size_t>::max() / 2) {
    return Status::Error(Code::kOutOfMemory, "could not allocate ", bytes(), " bytes");
  }
  return Status::Ok();
}

RowBatchWriter::RowBatchWriter(const RowBatchLayout& layout, uint8_t* out)
    : layout_(layout), ids_(out + kHeaderBytes, layout.count), next_vector_(out + layout.vectors_offset()) {
  StoreAt<uint32_t>(out, layout.count);
  StoreAt<uint32_t>(out + 4, layout.dimensions);
  StoreAt<uint32_t>(out + 8, static_cast<uint32_t>(layout.id_list_bytes()));
  StoreAt<uint32_t>(out + 12, static_cast<uint32_t>(layout.metadata_list_bytes()));
  StoreAt<uint32_t>(out + kVectorTypeOffset, static_cast<uint32_t>(layout.vector_type));
  std::memset(out + kReservedOffset, 0, kHeaderBytes - kReservedOffset);
  uint8_t* metadata = out + kHeaderBytes + layout.id_list_bytes();
  if (layout.has_metadata) metadata_ = BlobListWriter(metadata, layout.count);
  uint8_t* lists_end = metadata + layout.metadata_list_bytes();
  if (lists_end != next_vector_) {
    std::memset(lists_end, 0, static_cast<size_t>(next_vector_ - lists_end));
  }
}

uint8_t* RowBatchWriter::Add(ByteSpan id, ByteSpan metadata) {
  ids_.Add(id);
  if (layout_.has_metadata) metadata_.Add(metadata);
  uint8_t* vector = next_vector_;
  next_vector_ += layout_.vector_bytes();
  return vector;
}

void RowBatchWriter::Finish() {
  ids_.Finish();
  if (layout_.has_metadata) metadata_.Finish();
}

}  // namespace omendb
