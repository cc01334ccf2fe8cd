#include "format/blob_list.h"

#include "format/utf8.h"
#include "omendb/limits.h"
#include "omendb/types.h"

namespace omendb {
namespace {

constexpr size_t kIntegerIdBytes = 9;
constexpr int64_t kSafeIntegerMax = (int64_t{1} << 53) - 1;

// A caller is told that it passed a limit; stored bytes that do are corrupt.
Origin ForLimit(const Origin& origin) {
  Origin limit = origin;
  if (origin.fault_code == Code::kInvalidArgument) limit.fault_code = Code::kLimitExceeded;
  return limit;
}

}  // namespace

Result<BlobList> BlobList::Decode(ByteSpan bytes, const Origin& origin) {
  if (bytes.size() < 8) return origin.Fault(0, "expected a list of at least 8 bytes, found ", bytes.size());
  BlobList list;
  list.count_ = LoadAt<uint32_t>(bytes.data());
  uint64_t content_start = 4 + 4 * (uint64_t{list.count_} + 1);
  if (content_start > bytes.size()) {
    return origin.Fault(0, "a list of ", list.count_, " entries does not fit ", bytes.size(), " bytes");
  }
  list.offsets_ = bytes.data() + 4;
  list.content_ = bytes.subspan(static_cast<size_t>(content_start));
  if (list.Offset(0) != 0) return origin.Fault(4, "expected first offset 0, found ", list.Offset(0));
  uint32_t previous = 0;
  for (uint32_t i = 1; i <= list.count_; ++i) {
    uint32_t offset = list.Offset(i);
    if (offset < previous) {
      return origin.Fault(4 + 4 * uint64_t{i}, "expected an offset of at least ", previous, ", found ",
                          offset);
    }
    previous = offset;
  }
  if (EncodedBytes(list.count_, previous) != bytes.size()) {
    return origin.Fault(0, "expected a list of ", EncodedBytes(list.count_, previous), " bytes, found ",
                        bytes.size());
  }
  for (size_t i = previous; i < list.content_.size(); ++i) {
    if (list.content_[i] != 0) {
      return origin.Fault(content_start + i, "expected padding 0, found ", list.content_[i]);
    }
  }
  list.content_ = list.content_.first(previous);
  return list;
}

BlobListWriter::BlobListWriter(uint8_t* out, uint32_t count) : out_(out), count_(count) {
  StoreAt<uint32_t>(out, count);
  StoreAt<uint32_t>(out + 4, 0);
}

void BlobListWriter::Add(ByteSpan entry) {
  assert(added_ < count_);
  uint8_t* content = out_ + 4 + 4 * (size_t{count_} + 1);
  if (!entry.empty()) std::memcpy(content + content_bytes_, entry.data(), entry.size());
  content_bytes_ += static_cast<uint32_t>(entry.size());
  ++added_;
  StoreAt<uint32_t>(out_ + 4 + 4 * size_t{added_}, content_bytes_);
}

void BlobListWriter::Finish() {
  assert(added_ == count_);
  uint8_t* content = out_ + 4 + 4 * (size_t{count_} + 1);
  for (size_t i = content_bytes_; i % 4 != 0; ++i) content[i] = 0;
}

Status CheckId(ByteSpan id, const Origin& origin) {
  if (id.empty()) return origin.Fault(0, "expected an id, found 0 bytes");
  switch (id[0]) {
    case static_cast<uint8_t>(IdKind::kNumber):
    case static_cast<uint8_t>(IdKind::kBigint): {
      if (id.size() != kIntegerIdBytes) {
        return origin.Fault(0, "expected an integer id of 9 bytes, found ", id.size());
      }
      int64_t value = LoadAt<int64_t>(id.data() + 1);
      bool safe = value >= -kSafeIntegerMax && value <= kSafeIntegerMax;
      if (id[0] == static_cast<uint8_t>(IdKind::kNumber) && !safe) {
        return origin.Fault(1, "expected a safe integer, found ", value);
      }
      return Status::Ok();
    }
    case static_cast<uint8_t>(IdKind::kString):
      if (id.size() - 1 < 1) return origin.Fault(0, "expected a string id of 1 byte or more, found 0");
      if (id.size() - 1 > kIdBytesMax) {
        return ForLimit(origin).Fault(0, "expected a string id of at most ", kIdBytesMax, " bytes, found ",
                                      id.size() - 1);
      }
      if (!IsUtf8(id.subspan(1))) return origin.Fault(1, "expected a string id in UTF-8");
      return Status::Ok();
    default:
      return origin.Fault(0, "expected an id kind of 0 to 2, found ", id[0]);
  }
}

Result<BlobList> DecodeIdList(ByteSpan bytes, const Origin& origin) {
  OMENDB_ASSIGN(BlobList list, BlobList::Decode(bytes, origin));
  for (uint32_t i = 0; i < list.count(); ++i) {
    OMENDB_TRY(CheckId(list[i], origin.At(list.PositionOf(i))));
  }
  return list;
}

Result<BlobList> DecodeMetadataList(ByteSpan bytes, const Origin& origin) {
  OMENDB_ASSIGN(BlobList list, BlobList::Decode(bytes, origin));
  for (uint32_t i = 0; i < list.count(); ++i) {
    ByteSpan entry = list[i];
    if (entry.size() > kMetadataBytesMax) {
      return ForLimit(origin).Fault(list.PositionOf(i), "row ", i, ": expected at most ", kMetadataBytesMax,
                                    " bytes of metadata, found ", entry.size());
    }
    if (!IsUtf8(entry)) return origin.Fault(list.PositionOf(i), "row ", i, ": expected metadata in UTF-8");
  }
  return list;
}

}  // namespace omendb
