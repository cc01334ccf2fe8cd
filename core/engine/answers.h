// Answers: rows and hits as the bytes that the caller reads (docs/file-format.md, "Answers").
#ifndef OMENDB_ENGINE_ANSWERS_H_
#define OMENDB_ENGINE_ANSWERS_H_

#include <span>

#include "engine/collection_view.h"

namespace omendb {

// Appends `rows` of `view` as a row batch with vectors of floats, which starts at a multiple of 16.
// `include`: IncludeFlags. OUT_OF_MEMORY, LIMIT_EXCEEDED (more than 4 GiB of ids or metadata), or
// kVectorsWanted, for vectors that are to `stay` so; `out` is then unchanged.
Status AppendRows(const ReadView& view, std::span<const RowRef> rows, uint32_t include,
                  VectorStore::Stay stay, Bytes& out);
// Asks for the rows' vectors: OUT_OF_MEMORY, kVectorsWanted.
Status RequireVectors(const ReadView& view, std::span<const RowRef> rows, VectorStore::Stay stay);

// The batch of these rows with vectors of `type`: floats, or the collection's own.
[[nodiscard]] RowBatchLayout LayOutRows(const ReadView& view, std::span<const RowRef> rows, uint32_t include,
                                        VectorType type);
// Writes them into layout.bytes() bytes. REQUIRES: `out` is aligned as floats are, vectors are in memory.
void WriteRows(const ReadView& view, std::span<const RowRef> rows, const RowBatchLayout& layout,
               uint8_t* out);

// The size AppendRows would need for this row alone, about.
[[nodiscard]] uint64_t RowBytes(const ReadView& view, RowRef row, uint32_t include);

// INVALID_ARGUMENT for flags that are none.
Status CheckInclude(uint32_t include);

}  // namespace omendb

#endif  // OMENDB_ENGINE_ANSWERS_H_
