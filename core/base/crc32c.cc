#include "base/crc32c.h"

#include <array>

#include "base/coding.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace omendb {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;
constexpr size_t kSlices = 16;

// table[s][b]: what byte b does to the checksum s bytes later (Kounavis & Berry 2008, "slicing").
// Filled at start: as constants they would add 16 KiB that do not compress to what a page downloads.
struct SliceTables {
  std::array<std::array<uint32_t, 256>, kSlices> slice;

  SliceTables() {  // NOLINT(cppcoreguidelines-pro-type-member-init): every entry is written
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
      slice[0][byte] = crc;
    }
    for (size_t s = 1; s < kSlices; ++s) {
      for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t before = slice[s - 1][byte];
        slice[s][byte] = (before >> 8) ^ slice[0][before & 0xff];
      }
    }
  }
};

const SliceTables kTables;

uint32_t SliceWord(uint32_t word, size_t slice) {
  return kTables.slice[slice + 3][word & 0xff] ^ kTables.slice[slice + 2][(word >> 8) & 0xff] ^
         kTables.slice[slice + 1][(word >> 16) & 0xff] ^ kTables.slice[slice][word >> 24];
}

uint32_t ExtendWithTables(const uint8_t* bytes, size_t size, uint32_t crc) {
  while (size >= kSlices) {
    uint32_t first = LoadAt<uint32_t>(bytes) ^ crc;
    crc = SliceWord(first, 12) ^ SliceWord(LoadAt<uint32_t>(bytes + 4), 8) ^
          SliceWord(LoadAt<uint32_t>(bytes + 8), 4) ^ SliceWord(LoadAt<uint32_t>(bytes + 12), 0);
    bytes += kSlices;
    size -= kSlices;
  }
  for (; size > 0; --size) crc = (crc >> 8) ^ kTables.slice[0][(crc ^ *bytes++) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ExtendWithInstruction(const uint8_t* bytes, size_t size,
                                                                 uint32_t crc) {
  uint64_t wide = crc;
  for (; size >= 8; size -= 8, bytes += 8) wide = _mm_crc32_u64(wide, LoadAt<uint64_t>(bytes));
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; --size) crc = _mm_crc32_u8(crc, *bytes++);
  return crc;
}
#endif

}  // namespace

uint32_t Crc32c(std::span<const uint8_t> bytes, uint32_t crc) {
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2");
  if (kHasInstruction) return ~ExtendWithInstruction(bytes.data(), bytes.size(), ~crc);
#endif
  return ~ExtendWithTables(bytes.data(), bytes.size(), ~crc);
}

}  // namespace omendb
