#include "format/blobs_object.h"

#include <limits>

namespace omendb {
namespace {

Status CheckCount(const BlobList& list, uint32_t rows, const Origin& in_body) {
  if (list.count() == rows) return Status::Ok();
  return in_body.Fault(0, "expected entries of ", rows, " rows, found ", list.count());
}

}  // namespace

Status BeginBlobs(uint32_t count, uint64_t content_bytes, Bytes& out, BlobListWriter* writer) {
  constexpr uint64_t kListBytesMax = std::numeric_limits<uint32_t>::max();
  // The content alone is compared first, so that nothing is added to a size that would wrap.
  if (content_bytes > kListBytesMax || BlobList::EncodedBytes(count, content_bytes) > kListBytesMax) {
    return Status::Error(Code::kLimitExceeded, "expected a list of at most ", kListBytesMax, " bytes, found ",
                         count, " entries of ", content_bytes, " bytes");
  }
  uint64_t bytes = kObjectHeaderBytes + BlobList::EncodedBytes(count, content_bytes);
  if (bytes > std::numeric_limits<size_t>::max()) {
    return Status::Error(Code::kOutOfMemory, "could not allocate ", bytes, " bytes");
  }
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(out.Resize(static_cast<size_t>(bytes)));
  *writer = BlobListWriter(out.data() + kObjectHeaderBytes, count);
  return Status::Ok();
}

Result<BlobList> DecodeIds(ByteSpan object, uint32_t rows, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kIds, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  OMENDB_ASSIGN(BlobList list, DecodeIdList(body, in_body));
  OMENDB_TRY(CheckCount(list, rows, in_body));
  return list;
}

Result<BlobList> DecodeMetadata(ByteSpan object, uint32_t rows, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kMetadata, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  OMENDB_ASSIGN(BlobList list, DecodeMetadataList(body, in_body));
  OMENDB_TRY(CheckCount(list, rows, in_body));
  return list;
}

}  // namespace omendb
