// UTF-8 validity (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef OMENDB_FORMAT_UTF8_H_
#define OMENDB_FORMAT_UTF8_H_

#include <cstdint>
#include <span>

namespace omendb {

[[nodiscard]] bool IsUtf8(std::span<const uint8_t> bytes);

}  // namespace omendb

#endif  // OMENDB_FORMAT_UTF8_H_
