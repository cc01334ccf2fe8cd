// Reading rows by id and in order of insertion, as answers (docs/file-format.md, "Answers").
#ifndef OMENDB_ENGINE_ROW_READER_H_
#define OMENDB_ENGINE_ROW_READER_H_

#include "engine/collection_view.h"

namespace omendb {

// Both replace `answer`; see engine.h for arguments and errors.
Status GetRows(const ReadView& view, ByteSpan ids, uint32_t include, Bytes& answer);
// A cursor is the number of the row to go on from, so it outlasts every change of where rows are.
Status ListRows(const ReadView& view, uint64_t cursor, uint32_t limit, uint32_t include, Bytes& answer);
Result<uint64_t> CursorAfterRow(const ReadView& view, ByteSpan ids);

}  // namespace omendb

#endif  // OMENDB_ENGINE_ROW_READER_H_
