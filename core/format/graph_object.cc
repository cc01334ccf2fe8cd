#include "format/graph_object.h"

#include "base/coding.h"

namespace omendb {

Status EncodeGraph(const HnswGraph& graph, const ScalarQuantizer* quantizer, const TrainingState& training,
                   Bytes& out) {
  OMENDB_TRY(PutNumber(out, training.trained_rows));
  OMENDB_TRY(PutNumber(out, training.new_rows));
  if (quantizer != nullptr) OMENDB_TRY(quantizer->Serialize(out));
  return graph.Serialize(out);
}

Status DecodeGraph(ByteSpan bytes, const CollectionOptions& options, uint32_t nodes, const Origin& origin,
                   HnswGraph* graph, ScalarQuantizer* quantizer, TrainingState* training) {
  Reader in(bytes);
  training->trained_rows = in.Number<uint32_t>();
  training->new_rows = in.Number<uint32_t>();
  if (in.failed()) return origin.Fault(0, "expected a graph of 8 bytes or more, found ", bytes.size());
  if (options.quantization == Quantization::kSq8) {
    Status read = quantizer->Deserialize(in, options.metric, options.dimensions);
    if (read.code() == Code::kCorruption) return origin.Fault(8, read.message());
    OMENDB_TRY(std::move(read));
  }
  size_t graph_start = in.offset();
  Status read = graph->Deserialize(in, options.degree, options.seed);
  if (read.code() == Code::kCorruption) return origin.Fault(graph_start, read.message());
  OMENDB_TRY(std::move(read));
  if (graph->size() != nodes) {
    return origin.Fault(graph_start, "expected a graph of ", nodes, " nodes, found ", graph->size());
  }
  if (!in.done()) {
    return origin.Fault(in.offset(), "expected the graph's end, found ", in.remaining(), " more bytes");
  }
  return Status::Ok();
}

}  // namespace omendb
