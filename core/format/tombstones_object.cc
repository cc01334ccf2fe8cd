#include "format/tombstones_object.h"

#include "base/coding.h"

namespace omendb {

Status EncodeTombstones(const Bitmap& tombstones, Bytes& out) {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, tombstones.size()));
  OMENDB_TRY(PutNumber(out, tombstones.set_count()));
  std::span<const uint64_t> words = tombstones.words();
  OMENDB_TRY(out.Append(ByteSpan(reinterpret_cast<const uint8_t*>(words.data()), words.size_bytes())));
  return FinishObject(ObjectKind::kTombstones, out);
}

Status DecodeTombstones(ByteSpan object, uint32_t rows, uint32_t deleted_rows, const Origin& origin,
                        Bitmap* tombstones) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kTombstones, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  uint64_t expected = 8 + (uint64_t{rows} + 63) / 64 * 8;
  if (body.size() != expected) {
    return in_body.Fault(0, "expected a body of ", expected, " bytes, found ", body.size());
  }
  uint32_t found_rows = LoadAt<uint32_t>(body.data());
  uint32_t found_deleted = LoadAt<uint32_t>(body.data() + 4);
  if (found_rows != rows || found_deleted != deleted_rows) {
    return in_body.Fault(0, "expected ", rows, " rows, ", deleted_rows, " of them deleted, found ",
                         found_rows, " and ", found_deleted);
  }
  Array<uint64_t> words;
  OMENDB_TRY(words.Resize((size_t{rows} + 63) / 64));
  if (!words.empty()) std::memcpy(words.data(), body.data() + 8, words.size() * 8);
  Bitmap read;
  Status assigned = read.Assign(words.span(), rows);
  if (assigned.code() == Code::kCorruption) return in_body.Fault(8, assigned.message());
  OMENDB_TRY(std::move(assigned));
  if (read.set_count() != deleted_rows) {
    return in_body.Fault(8, "expected ", deleted_rows, " bits set, found ", read.set_count());
  }
  *tombstones = std::move(read);
  return Status::Ok();
}

}  // namespace omendb
