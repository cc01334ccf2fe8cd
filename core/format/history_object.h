// When a collection's rows came and went, as an object (docs/file-format.md, "History"), so that its past
// states can be read.
#ifndef OMENDB_FORMAT_HISTORY_OBJECT_H_
#define OMENDB_FORMAT_HISTORY_OBJECT_H_

#include <cstdint>

#include "format/object.h"

namespace omendb {

// The next `rows` rows came with the frame of this sequence.
struct Birth {
  uint64_t sequence = 0;  // 0: before every state that is kept
  uint32_t rows = 0;
  friend bool operator==(const Birth&, const Birth&) = default;
};

// A row was replaced or deleted by the frame of this sequence.
struct Death {
  uint32_t row = 0;
  uint64_t sequence = 0;
  friend bool operator==(const Death&, const Death&) = default;
};

// Replaces `out` by the whole object.
Status EncodeHistory(std::span<const Birth> births, std::span<const Death> deaths, Bytes& out);
// CORRUPTION unless births, by strictly rising sequence, cover exactly `rows` rows, deaths, by sequence, are
// of different rows among these, and nothing is later than `sequence`. A bit of memory is asked for each row,
// so they have to be there. OUT_OF_MEMORY. On failure the two hold nothing that may be used.
Status DecodeHistory(ByteSpan object, uint32_t rows, uint64_t sequence, const Origin& origin,
                     Array<Birth>* births, Array<Death>* deaths);

}  // namespace omendb

#endif  // OMENDB_FORMAT_HISTORY_OBJECT_H_
