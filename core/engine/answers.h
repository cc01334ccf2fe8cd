// Answers: rows and hits as the bytes that the caller reads (docs/file-format.md, "Answers").
#ifndef OMENDB_ENGINE_ANSWERS_H_
#define OMENDB_ENGINE_ANSWERS_H_

#include <span>

#include "engine/collection.h"

namespace omendb {

// Appends `ordinals` of `collection` as a row batch, which starts at a multiple of 16. `include`:
// IncludeFlags. OUT_OF_MEMORY, LIMIT_EXCEEDED (more than 4 GiB of ids or metadata); `out` is then unchanged.
Status AppendRows(const Collection& collection, std::span<const uint32_t> ordinals, uint32_t include,
                  Bytes& out);

// The size AppendRows would need for this row alone, about.
[[nodiscard]] uint64_t RowBytes(const Collection& collection, uint32_t ordinal, uint32_t include);

// INVALID_ARGUMENT for flags that are none.
Status CheckInclude(uint32_t include);

}  // namespace omendb

#endif  // OMENDB_ENGINE_ANSWERS_H_
