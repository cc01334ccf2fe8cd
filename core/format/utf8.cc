#include "format/utf8.h"

#include "base/coding.h"

namespace omendb {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

// Bytes of the sequence that begins at `bytes`, 0 when it is not valid.
size_t SequenceBytes(const uint8_t* bytes, size_t available) {
  uint8_t first = bytes[0];
  if (first < 0x80) return 1;
  size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || size > available) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
  }
  // What the first byte leaves open: overlong forms, surrogates and the end of Unicode.
  uint8_t second = bytes[1];
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return size;
}

}  // namespace

bool IsUtf8(std::span<const uint8_t> bytes) {
  size_t i = 0;
  while (i < bytes.size()) {
    // Metadata is nearly all ASCII: eight bytes at once.
    if (bytes.size() - i >= 8 && (LoadAt<uint64_t>(bytes.data() + i) & kHighBits) == 0) {
      i += 8;
      continue;
    }
    size_t size = SequenceBytes(bytes.data() + i, bytes.size() - i);
    if (size == 0) return false;
    i += size;
  }
  return true;
}

}  // namespace omendb
