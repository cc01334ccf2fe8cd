// Blob lists and id lists: many byte strings in one piece (docs/file-format.md, "Blob list").
//
// Views: they own nothing and stay valid as long as the bytes they were decoded from.
#ifndef OMENDB_FORMAT_BLOB_LIST_H_
#define OMENDB_FORMAT_BLOB_LIST_H_

#include <cassert>
#include <cstdint>

#include "base/array.h"
#include "base/coding.h"
#include "format/origin.h"

namespace omendb {

class BlobList {
 public:
  BlobList() = default;
  // `bytes` is the whole list, padding included. Checks layout, not content.
  static Result<BlobList> Decode(ByteSpan bytes, const Origin& origin);
  // Bytes of a list of `count` entries with `content_bytes` in all.
  [[nodiscard]] static constexpr uint64_t EncodedBytes(uint64_t count, uint64_t content_bytes) {
    return (4 + 4 * (count + 1) + content_bytes + 3) / 4 * 4;
  }

  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] ByteSpan operator[](uint32_t index) const {
    assert(index < count_);
    uint32_t start = Offset(index);
    return content_.subspan(start, Offset(index + 1) - start);
  }
  // Where entry `index` starts inside the encoded list.
  [[nodiscard]] uint64_t PositionOf(uint32_t index) const {
    return 4 + 4 * (uint64_t{count_} + 1) + Offset(index);
  }

 private:
  [[nodiscard]] uint32_t Offset(uint32_t index) const {
    return LoadAt<uint32_t>(offsets_ + size_t{4} * index);
  }

  uint32_t count_ = 0;
  const uint8_t* offsets_ = nullptr;
  ByteSpan content_;
};

// Writes a list into EncodedBytes(count, content_bytes) bytes, entry by entry.
class BlobListWriter {
 public:
  BlobListWriter() = default;
  BlobListWriter(uint8_t* out, uint32_t count);
  void Add(ByteSpan entry);
  // Zeroes the padding. REQUIRES: `count` entries were added.
  void Finish();

 private:
  uint8_t* out_ = nullptr;
  uint32_t count_ = 0;
  uint32_t added_ = 0;
  uint32_t content_bytes_ = 0;
};

// OK when `id` is a valid encoded id; else what is wrong with it.
Status CheckId(ByteSpan id, const Origin& origin);
// A blob list whose every entry is a valid id.
Result<BlobList> DecodeIdList(ByteSpan bytes, const Origin& origin);
// A blob list whose every entry is UTF-8 of at most kMetadataBytesMax bytes.
Result<BlobList> DecodeMetadataList(ByteSpan bytes, const Origin& origin);

}  // namespace omendb

#endif  // OMENDB_FORMAT_BLOB_LIST_H_
