#include "format/vectors_object.h"

#include "base/coding.h"
#include "distance/vector_type.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = kVectorsOffset - kObjectHeaderBytes;

Status CheckHeader(ByteSpan body, const VectorsReference& reference, VectorType type, uint32_t dimensions,
                   const Origin& origin) {
  Origin in_body = origin.At(kObjectHeaderBytes);
  if (body.size() < kHeaderBytes) {
    return in_body.Fault(0, "expected a body of at least ", kHeaderBytes, " bytes, found ", body.size());
  }
  uint32_t rows = LoadAt<uint32_t>(body.data());
  uint32_t found_dimensions = LoadAt<uint32_t>(body.data() + 4);
  uint32_t found_type = LoadAt<uint32_t>(body.data() + 8);
  // The limit, so that no product below can pass 64 bits.
  if (rows != reference.rows || found_dimensions != dimensions || dimensions > kDimensionsMax ||
      found_type != static_cast<uint32_t>(type)) {
    return in_body.Fault(0, "expected ", reference.rows, " rows of ", dimensions, " dimensions of type ",
                         static_cast<uint32_t>(type), ", found ", rows, " of ", found_dimensions, " of ",
                         found_type);
  }
  uint32_t reserved = LoadAt<uint32_t>(body.data() + 12);
  if (reserved != 0) return in_body.Fault(12, "expected 0, found ", reserved);
  if (reference.offset != kVectorsOffset) {
    return origin.Fault(0, "expected vectors at byte ", kVectorsOffset, ", found a reference to byte ",
                        reference.offset);
  }
  uint64_t expected = uint64_t{rows} * VectorBytes(type, dimensions);
  if (body.size() - kHeaderBytes != expected) {
    return in_body.Fault(kHeaderBytes, "expected ", expected, " bytes of vectors, found ",
                         body.size() - kHeaderBytes);
  }
  return Status::Ok();
}

}  // namespace

Status BeginVectors(uint32_t rows, VectorType type, uint32_t dimensions, Bytes& out) {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, rows));
  OMENDB_TRY(PutNumber(out, dimensions));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(type)));
  return PutNumber(out, uint32_t{0});
}

Result<const uint8_t*> DecodeVectors(ByteSpan object, const VectorsReference& reference, VectorType type,
                                     uint32_t dimensions, const Origin& origin) {
  ObjectKind kind = reference.in_frame ? ObjectKind::kFrame : ObjectKind::kVectors;
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, kind, origin));
  if (!reference.in_frame) OMENDB_TRY(CheckHeader(body, reference, type, dimensions, origin));
  uint64_t end = kObjectHeaderBytes + uint64_t{body.size()};
  uint64_t bytes = uint64_t{reference.rows} * VectorBytes(type, dimensions);
  if (reference.offset < kObjectHeaderBytes || reference.offset > end || bytes > end - reference.offset) {
    return origin.Fault(0, "expected ", bytes, " bytes of vectors from byte ", reference.offset,
                        ", found a body that ends at byte ", end);
  }
  return object.data() + static_cast<size_t>(reference.offset);
}

}  // namespace omendb
