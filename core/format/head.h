// Head: the one object that is replaced (docs/file-format.md, "Head").
#ifndef OMENDB_FORMAT_HEAD_H_
#define OMENDB_FORMAT_HEAD_H_

#include "base/coding.h"
#include "format/object.h"
#include "format/object_name.h"

namespace omendb {

// Names a stored object and the content it must have.
struct ObjectReference {
  uint32_t epoch = 0;
  uint32_t checksum = 0;
  uint64_t number = 0;
  uint64_t bytes = 0;

  static constexpr size_t kEncodedBytes = 24;
  [[nodiscard]] ObjectName name() const { return ObjectName::Data(epoch, number); }
  // Of a finished object.
  static ObjectReference To(const ObjectName& name, ByteSpan object) {
    return {name.epoch(), ObjectChecksum(object), name.number(), object.size()};
  }
  // CORRUPTION unless `object` is as long as recorded and has the recorded checksum.
  [[nodiscard]] Status Check(ByteSpan object, const Origin& origin) const;
  Status Put(Bytes& out) const;
  // Check the reader's failed() afterwards.
  static ObjectReference Read(Reader& in);

  friend bool operator==(const ObjectReference&, const ObjectReference&) = default;
};

struct Head {
  uint32_t epoch = 0;
  bool has_manifest = false;
  ObjectReference manifest;

  // Replaces `out` by the whole object.
  Status Encode(Bytes& out) const;
  static Result<Head> Decode(ByteSpan object);
};

}  // namespace omendb

#endif  // OMENDB_FORMAT_HEAD_H_
