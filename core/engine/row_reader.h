// Reading rows by id and in order of insertion, as answers (docs/file-format.md, "Answers").
#ifndef OMENDB_ENGINE_ROW_READER_H_
#define OMENDB_ENGINE_ROW_READER_H_

#include "engine/collection.h"

namespace omendb {

// Both replace `answer`; see engine.h for arguments and errors.
Status GetRows(const Collection& collection, ByteSpan ids, uint32_t include, Bytes& answer);
Status ListRows(const Collection& collection, uint64_t cursor, uint32_t limit, uint32_t include,
                Bytes& answer);
Result<uint64_t> CursorAfterRow(const Collection& collection, ByteSpan ids);

}  // namespace omendb

#endif  // OMENDB_ENGINE_ROW_READER_H_
