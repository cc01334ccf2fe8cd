#include "format/codes_object.h"

#include "base/coding.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = 16;

}  // namespace

Status BeginCodes(uint32_t nodes, size_t row_bytes, Bytes& out) {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, nodes));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(row_bytes)));
  return PutNumber(out, uint64_t{0});
}

Result<const uint8_t*> DecodeCodes(ByteSpan object, uint32_t nodes, const Quantizer& quantizer,
                                   const Origin& origin) {
  const size_t row_bytes = quantizer.row_bytes();
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kCodes, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  if (body.size() < kHeaderBytes) {
    return in_body.Fault(0, "expected a body of at least ", kHeaderBytes, " bytes, found ", body.size());
  }
  uint32_t found_nodes = LoadAt<uint32_t>(body.data());
  uint32_t found_row_bytes = LoadAt<uint32_t>(body.data() + 4);
  if (found_nodes != nodes || found_row_bytes != row_bytes) {
    return in_body.Fault(0, "expected codes of ", nodes, " nodes, ", row_bytes, " bytes each, found ",
                         found_nodes, " of ", found_row_bytes);
  }
  uint64_t reserved = LoadAt<uint64_t>(body.data() + 8);
  if (reserved != 0) return in_body.Fault(8, "expected 0, found ", reserved);
  // Both factors are below 2^32: no wrap.
  uint64_t expected = uint64_t{nodes} * found_row_bytes;
  if (body.size() - kHeaderBytes != expected) {
    return in_body.Fault(kHeaderBytes, "expected ", expected, " bytes of codes, found ",
                         body.size() - kHeaderBytes);
  }
  const uint8_t* codes = body.data() + kHeaderBytes;
  for (uint32_t node = 0; node < nodes; ++node) {
    size_t at = node * row_bytes;
    if (!quantizer.ValidRow(codes + at)) {
      return in_body.Fault(kHeaderBytes + at,
                           "expected finite terms and codes in range, found others at node ", node);
    }
  }
  return codes;
}

}  // namespace omendb
