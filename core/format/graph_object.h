// One collection's graph, with the quantizer it is walked with, as bytes; the graph's own bytes are
// index/hnsw_graph's (docs/file-format.md, "Graph"). Cut into several objects when it is large.
#ifndef OMENDB_FORMAT_GRAPH_OBJECT_H_
#define OMENDB_FORMAT_GRAPH_OBJECT_H_

#include "format/object.h"
#include "index/hnsw_graph.h"
#include "omendb/types.h"
#include "quantize/scalar_quantizer.h"

namespace omendb {

// When a quantizer is to be trained again follows from these; zero without one.
struct TrainingState {
  uint32_t trained_rows = 0;  // rows there were when it was trained
  uint32_t new_rows = 0;      // rows that came since
};

// Appends to `out`. `quantizer` is null when the graph is walked on f32.
Status EncodeGraph(const HnswGraph& graph, const ScalarQuantizer* quantizer, const TrainingState& training,
                   Bytes& out);

// CORRUPTION unless it is a graph of `nodes` nodes made with `options`. OUT_OF_MEMORY.
// On failure the three hold nothing that may be used.
Status DecodeGraph(ByteSpan bytes, const CollectionOptions& options, uint32_t nodes, const Origin& origin,
                   HnswGraph* graph, ScalarQuantizer* quantizer, TrainingState* training);

}  // namespace omendb

#endif  // OMENDB_FORMAT_GRAPH_OBJECT_H_
