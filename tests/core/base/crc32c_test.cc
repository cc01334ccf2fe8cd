#include "base/crc32c.h"

#include <cstring>
#include <vector>

#include "base/prng.h"
#include "gtest/gtest.h"
#include "seed.h"

namespace omendb {
namespace {

// One bit at a time, from the definition.
uint32_t BitwiseCrc32c(std::span<const uint8_t> bytes, uint32_t crc) {
  crc = ~crc;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

TEST(Crc32c, MatchesRfc3720) {
  std::vector<uint8_t> bytes(32, 0);
  EXPECT_EQ(Crc32c(bytes), 0x8a9136aaU);
  bytes.assign(32, 0xff);
  EXPECT_EQ(Crc32c(bytes), 0x62a8ab43U);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = i;
  EXPECT_EQ(Crc32c(bytes), 0x46dd794eU);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(31 - i);
  EXPECT_EQ(Crc32c(bytes), 0x113fdb5cU);
  const char* digits = "123456789";
  EXPECT_EQ(Crc32c({reinterpret_cast<const uint8_t*>(digits), 9}), 0xe3069283U);
  EXPECT_EQ(Crc32c({}), 0U);
}

TEST(Crc32c, AgreesWithTheDefinitionAtEveryLengthOffsetAndSplit) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  std::vector<uint8_t> bytes(400);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(prng.Next());
  for (size_t offset = 0; offset < 17; ++offset) {
    for (size_t size = 0; size < 200; ++size) {
      std::span<const uint8_t> part = std::span(bytes).subspan(offset, size);
      uint32_t expected = BitwiseCrc32c(part, 0);
      ASSERT_EQ(Crc32c(part), expected) << offset << " + " << size;
      size_t split = prng.Below(static_cast<uint32_t>(size) + 1);
      ASSERT_EQ(Crc32c(part.subspan(split), Crc32c(part.first(split))), expected);
    }
  }
}

TEST(Crc32c, AgreesWithTheDefinitionWhereHalvesAreJoined) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  std::vector<uint8_t> bytes(100'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(prng.Next());
  for (size_t size : {16'383U, 16'384U, 16'385U, 32'768U, 65'536U, 99'983U}) {
    for (uint32_t before : {0U, 0xdeadbeefU}) {
      const std::span<const uint8_t> part = std::span(bytes).subspan(bytes.size() - size);
      ASSERT_EQ(Crc32c(part, before), BitwiseCrc32c(part, before)) << size;
    }
  }
}

}  // namespace
}  // namespace omendb
