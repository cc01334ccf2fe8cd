// The quantizer's codes of consecutive nodes as an object (docs/file-format.md, "Codes"), so that opening a
// database need not read its vectors.
#ifndef OMENDB_FORMAT_CODES_OBJECT_H_
#define OMENDB_FORMAT_CODES_OBJECT_H_

#include "format/object.h"
#include "quantize/quantizer.h"

namespace omendb {

// Starts an object; the caller appends `nodes` code rows of `row_bytes` each (zeros for free nodes) and calls
// FinishObject(ObjectKind::kCodes, out).
Status BeginCodes(uint32_t nodes, size_t row_bytes, Bytes& out);
// The first code row. CORRUPTION unless the object has exactly `nodes`, and each is one that `quantizer`
// can have made.
Result<const uint8_t*> DecodeCodes(ByteSpan object, uint32_t nodes, const Quantizer& quantizer,
                                   const Origin& origin);

}  // namespace omendb

#endif  // OMENDB_FORMAT_CODES_OBJECT_H_
