#include "base/crc32c.h"

#include <array>

#include "base/coding.h"
#include "base/small_code.h"

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

  OMENDB_SMALL_CODE SliceTables() {  // NOLINT(cppcoreguidelines-pro-type-member-init): every entry is written
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

// The 16 bytes after those that `crc` covered.
uint32_t ExtendBySlices(const uint8_t* bytes, uint32_t crc) {
  return SliceWord(LoadAt<uint32_t>(bytes) ^ crc, 12) ^ SliceWord(LoadAt<uint32_t>(bytes + 4), 8) ^
         SliceWord(LoadAt<uint32_t>(bytes + 8), 4) ^ SliceWord(LoadAt<uint32_t>(bytes + 12), 0);
}

// The product of two polynomials modulo the polynomial of the checksum, all with the highest power in bit 0.
constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0; bit < 32; ++bit) {
    product ^= (a & (0x80000000U >> bit)) != 0 ? b : 0;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

// x^(8 * bytes): what as many zero bytes multiply a checksum by. `bytes`: a power of two.
constexpr uint32_t PowerOf(size_t bytes) {
  uint32_t power = 0x00800000;  // x^8
  for (; bytes > 1; bytes /= 2) power = Multiply(power, power);
  return power;
}

// Each step waits for the tables' answer to the one before it, so two halves are done side by side, in about
// the time of one: the checksum is linear, and that of the first half is moved on by the length of the
// second.
constexpr size_t kHalfBytes = 8192;
constexpr uint32_t kHalfPower = PowerOf(kHalfBytes);

uint32_t ExtendByHalves(const uint8_t* bytes, uint32_t crc) {
  uint32_t second = 0;
  for (size_t i = 0; i < kHalfBytes; i += kSlices) {
    crc = ExtendBySlices(bytes + i, crc);
    second = ExtendBySlices(bytes + kHalfBytes + i, second);
  }
  return Multiply(kHalfPower, crc) ^ second;
}

uint32_t ExtendWithTables(const uint8_t* bytes, size_t size, uint32_t crc) {
  for (; size >= 2 * kHalfBytes; size -= 2 * kHalfBytes, bytes += 2 * kHalfBytes) {
    crc = ExtendByHalves(bytes, crc);
  }
  for (; size >= kSlices; size -= kSlices, bytes += kSlices) crc = ExtendBySlices(bytes, crc);
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
