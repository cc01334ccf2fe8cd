// One small object of every kind, made by the real encoders: for the tests of the format and as seeds for
// fuzzing.
#ifndef OMENDB_TESTS_CORE_FORMAT_SAMPLE_OBJECTS_H_
#define OMENDB_TESTS_CORE_FORMAT_SAMPLE_OBJECTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "format/head.h"
#include "format/manifest.h"
#include "index/hnsw_graph.h"
#include "quantize/quantizer.h"

namespace omendb {

struct NamedKind {
  const char* name;
  Quantization kind;
};
// Every kind of codes.
inline constexpr NamedKind kCodeKinds[] = {{"sq8", Quantization::kSq8},
                                           {"rabitq1", Quantization::kRabitq1},
                                           {"rabitq2", Quantization::kRabitq2},
                                           {"rabitq4", Quantization::kRabitq4},
                                           {"rabitq7", Quantization::kRabitq7}};

inline constexpr uint32_t kSampleRows = 7;
inline constexpr uint32_t kSampleDimensions = 5;
inline constexpr uint32_t kSampleNodes = 6;
inline constexpr uint64_t kSampleSequence = 77;

[[nodiscard]] ByteSpan AsBytes(std::string_view text);
[[nodiscard]] CollectionOptions SampleOptions(Quantization quantization = Quantization::kSq8);
[[nodiscard]] std::vector<float> SampleVectors();
// Trained on the sample vectors.
[[nodiscard]] Owned<Quantizer> SampleQuantizer(Quantization kind = Quantization::kSq8);
// Two levels, links both ways, a node without any.
[[nodiscard]] HnswGraph SampleGraph();
[[nodiscard]] Bytes SampleLinkBytes();
// The row of each node; one is free.
[[nodiscard]] std::vector<uint32_t> SampleNodeRows();
// Collection 2 has two segments, one with parts in a frame and dead rows, a graph, codes and history;
// collection 5 is empty and dropped; collection 6 is walked on f32. Commits and tokens are there.
[[nodiscard]] Manifest SampleManifest();
// An upsert of sample rows with metadata as a row batch.
[[nodiscard]] Bytes SampleRowBatch();

struct SampleObject {
  std::string name;
  Bytes bytes;
};
[[nodiscard]] Bytes SampleHead();
[[nodiscard]] Bytes SampleFrame();
[[nodiscard]] Bytes SampleVectorsObject();
[[nodiscard]] Bytes SampleIds();
[[nodiscard]] Bytes SampleMetadata();
[[nodiscard]] Bytes SampleTombstones();
[[nodiscard]] Bytes SampleNodes(Quantization kind);
[[nodiscard]] Bytes SampleCodes(Quantization kind = Quantization::kSq8);
[[nodiscard]] Bytes SampleLinks();
[[nodiscard]] Bytes SampleHistory();
// All of the above, the manifest too.
[[nodiscard]] std::vector<SampleObject> AllSampleObjects();

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_FORMAT_SAMPLE_OBJECTS_H_
