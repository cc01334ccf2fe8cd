// Decodes any object as a manifest that agrees with it would have it decoded, and encodes it again.
//
// The format has one encoding for everything, so whatever is accepted must come back byte for byte. Tests and
// fuzzing hold every decoder to that.
#ifndef OMENDB_TESTS_CORE_FORMAT_DECODED_OBJECT_H_
#define OMENDB_TESTS_CORE_FORMAT_DECODED_OBJECT_H_

#include "format/object.h"

namespace omendb {

// The kind in the header, whatever it is worth; 0 when there is no whole header.
[[nodiscard]] uint16_t KindOf(ByteSpan object);
// The decoder's answer. On success `again` is what the encoder makes of what was read. Counts and dimensions
// that are the manifest's to say are taken from the object itself.
Status DecodeAndEncode(ByteSpan object, Bytes& again);

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_FORMAT_DECODED_OBJECT_H_
