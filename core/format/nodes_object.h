// What a graph's nodes stand for as an object: the row of each, the checksum of its vector, and the quantizer
// that its codes are made with (docs/file-format.md, "Nodes"). The links are links_object.h's, the codes
// codes_object.h's.
#ifndef OMENDB_FORMAT_NODES_OBJECT_H_
#define OMENDB_FORMAT_NODES_OBJECT_H_

#include "format/object.h"
#include "omendb/types.h"
#include "quantize/quantizer.h"

namespace omendb {

// When a quantizer is to be trained again follows from these; zero without one.
struct TrainingState {
  uint32_t trained_rows = 0;  // rows there were when it was trained
  uint32_t new_rows = 0;      // rows that came since
};

// In place of a row's number: the node is free.
inline constexpr uint32_t kNoStoredRow = 0xffffffffU;

// Replaces `out` by the whole object. `rows` by node; `quantizer` is null when the graph is walked on f32.
// `checksums`: CRC-32C of each node's vector as it is stored, so that a vector can be read alone; or none.
Status EncodeNodes(const TrainingState& training, const Quantizer* quantizer, std::span<const uint32_t> rows,
                   std::span<const uint32_t> checksums, Bytes& out);
// CORRUPTION unless the object has `nodes` nodes, made with `options`, each free or of another row below
// `row_count` (rows that are there: a bit of memory is asked for each). OUT_OF_MEMORY.
// `quantizer` is null without quantization; `checksums` is empty when none are stored, as before they were.
// On failure the four hold nothing that may be used.
Status DecodeNodes(ByteSpan object, const CollectionOptions& options, uint32_t nodes, uint32_t row_count,
                   const Origin& origin, TrainingState* training, Owned<Quantizer>* quantizer,
                   Array<uint32_t>* rows, Array<uint32_t>* checksums);

}  // namespace omendb

#endif  // OMENDB_FORMAT_NODES_OBJECT_H_
