// What every fuzz target does with its bytes.
#ifndef OMENDB_TESTS_CORE_FUZZ_CHECKED_OBJECT_H_
#define OMENDB_TESTS_CORE_FUZZ_CHECKED_OBJECT_H_

#include <span>

#include "format/object.h"

namespace omendb {

// Decodes the object when it is of one of `kinds`; ends the process unless it is refused as corruption (or
// for its version, or for memory), or comes back byte for byte when it is encoded again.
void CheckObject(ByteSpan object, std::span<const ObjectKind> kinds);

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_FUZZ_CHECKED_OBJECT_H_
