#include "format/head.h"

namespace omendb {

Status ObjectReference::Check(ByteSpan object, const Origin& origin) const {
  if (object.size() != bytes) return origin.Fault(0, "expected ", bytes, " bytes, found ", object.size());
  if (object.size() < kObjectHeaderBytes) {
    return origin.Fault(0, "expected at least ", kObjectHeaderBytes, " bytes, found ", object.size());
  }
  uint32_t found = ObjectChecksum(object);
  if (found != checksum) return origin.Fault(28, "expected object checksum ", checksum, ", found ", found);
  return Status::Ok();
}

Status ObjectReference::Put(Bytes& out) const {
  OMENDB_TRY(PutNumber(out, epoch));
  OMENDB_TRY(PutNumber(out, checksum));
  OMENDB_TRY(PutNumber(out, number));
  return PutNumber(out, bytes);
}

ObjectReference ObjectReference::Read(Reader& in) {
  ObjectReference reference;
  reference.epoch = in.Number<uint32_t>();
  reference.checksum = in.Number<uint32_t>();
  reference.number = in.Number<uint64_t>();
  reference.bytes = in.Number<uint64_t>();
  return reference;
}

Status Head::Encode(Bytes& out) const {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, epoch));
  OMENDB_TRY(PutNumber<uint32_t>(out, has_manifest ? 1 : 0));
  OMENDB_TRY((has_manifest ? manifest : ObjectReference{}).Put(out));
  return FinishObject(ObjectKind::kHead, out);
}

Result<Head> Head::Decode(ByteSpan object) {
  Origin origin = Origin::Stored("head");
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kHead, origin));
  Reader in(body);
  Head head;
  head.epoch = in.Number<uint32_t>();
  uint32_t flags = in.Number<uint32_t>();
  head.manifest = ObjectReference::Read(in);
  if (!in.done()) {
    return origin.Fault(kObjectHeaderBytes, "expected a body of ", 8 + ObjectReference::kEncodedBytes,
                        " bytes, found ", body.size());
  }
  if (flags > 1) return origin.Fault(kObjectHeaderBytes + 4, "expected flags 0 or 1, found ", flags);
  head.has_manifest = flags == 1;
  if (!head.has_manifest && head.manifest != ObjectReference{}) {
    return origin.Fault(kObjectHeaderBytes + 8, "expected zeros where no manifest is named");
  }
  if (head.has_manifest && head.manifest.epoch > head.epoch) {
    return origin.Fault(kObjectHeaderBytes + 8, "expected a manifest of epoch ", head.epoch,
                        " or before, found ", head.manifest.epoch);
  }
  return head;
}

}  // namespace omendb
