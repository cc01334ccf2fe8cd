// Little-endian numbers in byte buffers. Reading is bounded: bytes from storage are hostile.
#ifndef OMENDB_BASE_CODING_H_
#define OMENDB_BASE_CODING_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "base/array.h"

namespace omendb {

static_assert(std::endian::native == std::endian::little, "the format is the memory's own order");

template <typename T>
  requires std::is_arithmetic_v<T>
[[nodiscard]] T LoadAt(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}
template <typename T>
  requires std::is_arithmetic_v<T>
void StoreAt(uint8_t* bytes, T value) {
  std::memcpy(bytes, &value, sizeof(T));
}

// Appends to a Bytes that grows; Status on refused memory.
template <typename T>
  requires std::is_arithmetic_v<T>
Status PutNumber(Bytes& out, T value) {
  uint8_t raw[sizeof(T)];
  StoreAt(raw, value);
  return out.Append(ByteSpan(raw, sizeof(T)));
}

// Walks a buffer. A read past the end sets failed() for ever and answers zero or empty, so that a
// decoder checks once at its end (and before it allocates by a count it has read).
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}

  template <typename T>
    requires std::is_arithmetic_v<T>
  [[nodiscard]] T Number() {
    ByteSpan raw = Take(sizeof(T));
    return raw.size() == sizeof(T) ? LoadAt<T>(raw.data()) : T{};
  }
  [[nodiscard]] ByteSpan Take(uint64_t count) {
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    ByteSpan taken = bytes_.subspan(offset_, static_cast<size_t>(count));
    offset_ += static_cast<size_t>(count);
    return taken;
  }
  void Align(size_t alignment) {
    size_t rest = offset_ % alignment;
    if (rest != 0) (void)Take(alignment - rest);
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] size_t offset() const { return offset_; }
  [[nodiscard]] size_t remaining() const { return bytes_.size() - offset_; }
  [[nodiscard]] bool done() const { return !failed_ && remaining() == 0; }

 private:
  ByteSpan bytes_;
  size_t offset_ = 0;
  bool failed_ = false;
};

}  // namespace omendb

#endif  // OMENDB_BASE_CODING_H_
