// CRC-32C (Castagnoli, reflected 0x82F63B78): the checksum of every stored block (RFC 3720, B.4).
#ifndef OMENDB_BASE_CRC32C_H_
#define OMENDB_BASE_CRC32C_H_

#include <cstdint>
#include <span>

namespace omendb {

// The checksum of what `crc` covered followed by `bytes`; start with 0.
[[nodiscard]] uint32_t Crc32c(std::span<const uint8_t> bytes, uint32_t crc = 0);

}  // namespace omendb

#endif  // OMENDB_BASE_CRC32C_H_
