#include "format/vectors_object.h"

#include "base/coding.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = kVectorsOffset - kObjectHeaderBytes;

Status CheckHeader(ByteSpan body, const VectorsReference& reference, uint32_t dimensions,
                   const Origin& origin) {
  Origin in_body = origin.At(kObjectHeaderBytes);
  if (body.size() < kHeaderBytes) {
    return in_body.Fault(0, "expected a body of at least ", kHeaderBytes, " bytes, found ", body.size());
  }
  uint32_t rows = LoadAt<uint32_t>(body.data());
  uint32_t found_dimensions = LoadAt<uint32_t>(body.data() + 4);
  if (rows != reference.rows || found_dimensions != dimensions) {
    return in_body.Fault(0, "expected ", reference.rows, " rows of ", dimensions, " dimensions, found ", rows,
                         " of ", found_dimensions);
  }
  uint64_t reserved = LoadAt<uint64_t>(body.data() + 8);
  if (reserved != 0) return in_body.Fault(8, "expected 0, found ", reserved);
  if (reference.offset != kVectorsOffset) {
    return origin.Fault(0, "expected vectors at byte ", kVectorsOffset, ", found a reference to byte ",
                        reference.offset);
  }
  uint64_t floats = uint64_t{rows} * dimensions;
  uint64_t float_bytes = body.size() - kHeaderBytes;
  // Divided, because four times the product can pass 64 bits.
  if (float_bytes % sizeof(float) != 0 || float_bytes / sizeof(float) != floats) {
    return in_body.Fault(kHeaderBytes, "expected ", floats, " floats, found ", float_bytes, " bytes");
  }
  return Status::Ok();
}

}  // namespace

Status BeginVectors(uint32_t rows, uint32_t dimensions, Bytes& out) {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, rows));
  OMENDB_TRY(PutNumber(out, dimensions));
  return PutNumber(out, uint64_t{0});
}

Result<const uint8_t*> DecodeVectors(ByteSpan object, const VectorsReference& reference, uint32_t dimensions,
                                     const Origin& origin) {
  ObjectKind kind = reference.in_frame ? ObjectKind::kFrame : ObjectKind::kVectors;
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, kind, origin));
  if (!reference.in_frame) OMENDB_TRY(CheckHeader(body, reference, dimensions, origin));
  uint64_t end = kObjectHeaderBytes + uint64_t{body.size()};
  uint64_t floats = uint64_t{reference.rows} * dimensions;
  if (reference.offset < kObjectHeaderBytes || reference.offset > end ||
      floats > (end - reference.offset) / sizeof(float)) {
    return origin.Fault(0, "expected ", floats, " floats from byte ", reference.offset,
                        ", found a body that ends at byte ", end);
  }
  return object.data() + static_cast<size_t>(reference.offset);
}

}  // namespace omendb
