#include "format/object.h"

#include <algorithm>

#include "base/coding.h"
#include "base/crc32c.h"

namespace omendb {
namespace {

constexpr uint32_t kMagic = 0x424e4d4f;  // "OMNB"
constexpr size_t kKindOffset = 4;
constexpr size_t kVersionOffset = 6;
constexpr size_t kBodyBytesOffset = 8;
constexpr size_t kBlockBytesOffset = 16;
constexpr size_t kTableChecksumOffset = 20;
constexpr size_t kReservedOffset = 24;
constexpr size_t kChecksumOffset = 28;

ByteSpan Block(ByteSpan body, size_t index) {
  size_t start = index * kObjectBlockBytes;
  return body.subspan(start, std::min(kObjectBlockBytes, body.size() - start));
}

Status CheckHeader(ByteSpan object, ObjectKind kind, const Origin& origin) {
  if (object.size() < kObjectHeaderBytes) {
    return origin.Fault(0, "expected at least ", kObjectHeaderBytes, " bytes, found ", object.size());
  }
  uint32_t magic = LoadAt<uint32_t>(object.data());
  if (magic != kMagic) return origin.Fault(0, "expected magic ", kMagic, ", found ", magic);
  uint32_t stored = LoadAt<uint32_t>(object.data() + kChecksumOffset);
  uint32_t actual = Crc32c(object.first(kChecksumOffset));
  if (stored != actual) {
    return origin.Fault(kChecksumOffset, "expected header checksum ", stored, ", found ", actual);
  }
  uint16_t version = LoadAt<uint16_t>(object.data() + kVersionOffset);
  if (version > kFormatVersion) {
    return Status::Error(Code::kUnsupportedVersion, origin.name, ": format version ", version,
                         " is newer than ", kFormatVersion, ", the newest this engine reads");
  }
  if (version != kFormatVersion) {
    return origin.Fault(kVersionOffset, "expected version ", kFormatVersion, ", found ", version);
  }
  uint16_t found_kind = LoadAt<uint16_t>(object.data() + kKindOffset);
  if (found_kind != static_cast<uint16_t>(kind)) {
    return origin.Fault(kKindOffset, "expected kind ", static_cast<uint16_t>(kind), ", found ", found_kind);
  }
  uint32_t block_bytes = LoadAt<uint32_t>(object.data() + kBlockBytesOffset);
  if (block_bytes != kObjectBlockBytes) {
    return origin.Fault(kBlockBytesOffset, "expected block size ", kObjectBlockBytes, ", found ",
                        block_bytes);
  }
  uint32_t reserved = LoadAt<uint32_t>(object.data() + kReservedOffset);
  if (reserved != 0) return origin.Fault(kReservedOffset, "expected 0, found ", reserved);
  return Status::Ok();
}

}  // namespace

Status BeginObject(Bytes& out) {
  out.Clear();
  return out.Resize(kObjectHeaderBytes);
}

Status FinishObject(ObjectKind kind, Bytes& out) {
  size_t body_bytes = out.size() - kObjectHeaderBytes;
  size_t blocks = (body_bytes + kObjectBlockBytes - 1) / kObjectBlockBytes;
  OMENDB_TRY(out.Resize(out.size() + 4 * blocks));
  ByteSpan body = ByteSpan(out.span()).subspan(kObjectHeaderBytes, body_bytes);
  uint8_t* table = out.data() + kObjectHeaderBytes + body_bytes;
  for (size_t i = 0; i < blocks; ++i) StoreAt<uint32_t>(table + 4 * i, Crc32c(Block(body, i)));
  uint8_t* header = out.data();
  StoreAt<uint32_t>(header, kMagic);
  StoreAt<uint16_t>(header + kKindOffset, static_cast<uint16_t>(kind));
  StoreAt<uint16_t>(header + kVersionOffset, kFormatVersion);
  StoreAt<uint64_t>(header + kBodyBytesOffset, body_bytes);
  StoreAt<uint32_t>(header + kBlockBytesOffset, static_cast<uint32_t>(kObjectBlockBytes));
  StoreAt<uint32_t>(header + kTableChecksumOffset, Crc32c(ByteSpan(table, 4 * blocks)));
  StoreAt<uint32_t>(header + kReservedOffset, 0);
  StoreAt<uint32_t>(header + kChecksumOffset, Crc32c(ByteSpan(header, kChecksumOffset)));
  return Status::Ok();
}

uint32_t ObjectChecksum(ByteSpan object) { return LoadAt<uint32_t>(object.data() + kChecksumOffset); }

Result<ByteSpan> DecodeObject(ByteSpan object, ObjectKind kind, const Origin& origin) {
  OMENDB_TRY(CheckHeader(object, kind, origin));
  uint64_t body_bytes = LoadAt<uint64_t>(object.data() + kBodyBytesOffset);
  // The first comparison keeps the sum of the second from wrapping.
  if (body_bytes > object.size() || ObjectBytes(body_bytes) != object.size()) {
    return origin.Fault(kBodyBytesOffset, "a body of ", body_bytes, " bytes does not fit an object of ",
                        object.size(), " bytes");
  }
  ByteSpan body = object.subspan(kObjectHeaderBytes, static_cast<size_t>(body_bytes));
  ByteSpan table = object.subspan(kObjectHeaderBytes + body.size());
  uint32_t stored = LoadAt<uint32_t>(object.data() + kTableChecksumOffset);
  uint32_t actual = Crc32c(table);
  if (stored != actual) {
    return origin.Fault(kTableChecksumOffset, "expected block table checksum ", stored, ", found ", actual);
  }
  for (size_t i = 0; i < table.size() / 4; ++i) {
    stored = LoadAt<uint32_t>(table.data() + 4 * i);
    actual = Crc32c(Block(body, i));
    if (stored != actual) {
      return origin.Fault(kObjectHeaderBytes + i * kObjectBlockBytes, "expected block checksum ", stored,
                          ", found ", actual);
    }
  }
  return body;
}

}  // namespace omendb
