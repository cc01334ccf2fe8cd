#include "fuzz/checked_object.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "format/decoded_object.h"

namespace omendb {

void CheckObject(ByteSpan object, std::span<const ObjectKind> kinds) {
  const uint16_t kind = KindOf(object);
  const bool wanted = std::any_of(kinds.begin(), kinds.end(),
                                  [&](ObjectKind each) { return static_cast<uint16_t>(each) == kind; });
  if (!wanted) return;
  Bytes again;
  const Status status = DecodeAndEncode(object, again);
  if (!status.ok()) {
    const Code code = status.code();
    if (code == Code::kCorruption || code == Code::kUnsupportedVersion || code == Code::kOutOfMemory) return;
    std::fprintf(stderr, "kind %d is refused with code %d: %.*s\n", kind, static_cast<int>(code),
                 static_cast<int>(status.message().size()), status.message().data());
    std::abort();
  }
  if (again.size() == object.size() && std::memcmp(again.data(), object.data(), object.size()) == 0) return;
  std::fprintf(stderr, "kind %d is accepted and comes back as other bytes\n", kind);
  std::abort();
}

}  // namespace omendb
