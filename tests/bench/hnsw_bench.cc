// Build rate and recall/QPS curve of the HNSW index alone: on f32, and built and walked on every kind of
// codes with all candidates compared again exactly. No engine, no JavaScript. native/hnswlib_bench.cc prints
// the same table for the anchor.
//   hnsw_bench [--rows N --dimensions D | --base FILE --queries FILE --dimensions D]
//              [--metric l2|dot|cosine|l1] [--codes f32|sq8|rabitq1|rabitq2|rabitq4|rabitq7|both (f32,
//              sq8)|all] [--seconds S]
#include "bench_rows.h"
#include "distance/metric.h"
#include "index/code_scorer.h"
#include "index/f32_scorer.h"
#include "index/hnsw_build.h"

namespace {

using namespace omendb;

constexpr uint32_t kDegree = 16;
constexpr uint32_t kEfConstruction = 200;
constexpr uint32_t kRerank = 320;  // every candidate of the greatest ef
constexpr uint64_t kSeed = 7;

void Check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(status.message().size()), status.message().data());
  std::exit(1);
}

Metric MetricOf(const std::string& name) {
  if (name == "cosine") return Metric::kCosine;
  if (name == "dot") return Metric::kDot;
  return name == "l1" ? Metric::kL1 : Metric::kL2;
}

struct Store {
  Store(const bench::Rows& rows, Metric given_metric)
      : metric(given_metric),
        dimensions(static_cast<uint32_t>(rows.dimensions)),
        vectors(rows.dimensions * sizeof(float)) {
    const uint32_t count = static_cast<uint32_t>(rows.count);
    Check(vectors.Reserve(count));
    vectors.Resize(count);
    Check(inverse_norms.Resize(count));
    for (uint32_t i = 0; i < count; ++i) {
      std::memcpy(vectors.row(i), rows.row(i), rows.dimensions * sizeof(float));
      Check(CheckVector(metric, rows.row(i), dimensions, &inverse_norms[i]));
    }
    Check(none_deleted.Resize(count));
  }

  void Encode(Quantization kind) {
    quantizer = MakeQuantizer(kind, metric, dimensions, kSeed);
    Array<const float*> sample;
    Array<float> sample_norms;
    const uint32_t step = std::max<uint32_t>(1, vectors.size() / 10000);
    for (uint32_t i = 0; i < vectors.size(); i += step) {
      Check(sample.Push(reinterpret_cast<const float*>(vectors.row(i))));
      Check(sample_norms.Push(inverse_norms[i]));
    }
    Check(quantizer->Train(sample.span(), sample_norms.span()));
    codes = ChunkedRows(quantizer->row_bytes());
    Array<float> room;
    Check(room.Resize(quantizer->room_floats()));
    Check(codes.Reserve(vectors.size()));
    codes.Resize(vectors.size());
    for (uint32_t i = 0; i < vectors.size(); ++i) {
      quantizer->Encode(reinterpret_cast<const float*>(vectors.row(i)), inverse_norms[i], room.data(),
                        codes.row(i));
    }
  }

  Metric metric;
  uint32_t dimensions;
  ChunkedRows vectors;
  ChunkedRows codes;
  Array<float> inverse_norms;
  Owned<Quantizer> quantizer;
  Bitmap none_deleted;
};

// The nearest kHits of scratch.results: as they are, or the best kRerank of them compared again exactly.
size_t TakeHits(HnswScratch& scratch, F32Scorer* exact, uint32_t* hits) {
  const std::span<const Neighbor> found = scratch.results.Sorted();
  const size_t most = std::min<size_t>(found.size(), kRerank);
  Neighbor best[kRerank];
  std::copy(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(most), best);
  if (exact != nullptr) {
    uint32_t ordinals[kRerank];
    float distances[kRerank];
    for (size_t i = 0; i < most; ++i) ordinals[i] = best[i].ordinal();
    exact->Distances(ordinals, static_cast<uint32_t>(most), distances);
    for (size_t i = 0; i < most; ++i) best[i] = Neighbor(distances[i], ordinals[i]);
    std::sort(best, best + most);
  }
  const size_t count = std::min<size_t>(most, bench::kHits);
  for (size_t i = 0; i < count; ++i) hits[i] = best[i].ordinal();
  return count;
}

void Run(const std::string& name, const bench::Rows& rows, Store& store, Scorer& query, Scorer& pair,
         bool rerank, double seconds) {
  HnswGraph graph(kDegree, 1);
  HnswScratch scratch;
  HnswBuilder builder(graph, query, pair, scratch, kEfConstruction);
  const double start = bench::CpuSeconds();
  while (graph.size() < rows.count) Check(builder.Add(graph.size(), store.none_deleted));
  const double build_seconds = bench::CpuSeconds() - start;

  F32Scorer exact(store.vectors, store.inverse_norms, store.metric, store.dimensions);
  HnswSearchStats stats;
  Array<float> query_norms;
  Check(query_norms.Resize(rows.query_count));
  for (size_t q = 0; q < rows.query_count; ++q) {
    Check(CheckVector(store.metric, rows.query(q), store.dimensions, &query_norms[q]));
  }
  bench::PrintCurve(name, build_seconds, rows, seconds, [&](size_t q, size_t ef, uint32_t* hits) {
    query.SetVector(rows.query(q), query_norms[q]);
    Check(SearchHnsw(graph, query, store.none_deleted, static_cast<uint32_t>(ef), scratch));
    if (rerank) exact.SetVector(rows.query(q), query_norms[q]);
    return TakeHits(scratch, rerank ? &exact : nullptr, hits);
  });
  uint64_t links = 0;
  for (uint32_t node = 0; node < graph.size(); ++node) links += graph.Links(node, 0).size();
  for (size_t q = 0; q < rows.query_count; ++q) {
    query.SetVector(rows.query(q), query_norms[q]);
    Check(SearchHnsw(graph, query, store.none_deleted, 40, scratch, &stats));
  }
  const double query_count = static_cast<double>(rows.query_count);
  std::printf("%-14s %.1f links per node; at ef 40 %.0f distances, %.0f hops per query\n\n", name.c_str(),
              static_cast<double>(links) / graph.size(), static_cast<double>(stats.distances) / query_count,
              static_cast<double>(stats.hops) / query_count);
}

// bench_rows.h knows squared L2 alone.
void FindTruth(bench::Rows& rows, const Store& store) {
  F32Scorer exact(store.vectors, store.inverse_norms, store.metric, store.dimensions);
  TopK nearest;
  for (size_t q = 0; q < rows.query_count; ++q) {
    float inverse_norm = 1;
    Check(CheckVector(store.metric, rows.query(q), store.dimensions, &inverse_norm));
    exact.SetVector(rows.query(q), inverse_norm);
    Check(nearest.Reset(bench::kHits));
    for (uint32_t row = 0; row < rows.count; ++row) nearest.Offer(Neighbor(exact.Distance(row), row));
    const std::span<const Neighbor> hits = nearest.Sorted();
    for (size_t i = 0; i < hits.size(); ++i) rows.truth[q * bench::kHits + i] = hits[i].ordinal();
  }
}

struct Kind {
  const char* name;
  Quantization kind;
};
constexpr Kind kKinds[] = {{"sq8", Quantization::kSq8},
                           {"rabitq7", Quantization::kRabitq7},
                           {"rabitq4", Quantization::kRabitq4},
                           {"rabitq2", Quantization::kRabitq2},
                           {"rabitq1", Quantization::kRabitq1}};

void RunOnCodes(const Kind& kind, const bench::Rows& rows, Store& store, double seconds) {
  store.Encode(kind.kind);
  auto query = MakeCodeScorer(*store.quantizer, store.codes, store.metric);
  auto pair = MakeCodeScorer(*store.quantizer, store.codes, store.metric);
  Check(query.status());
  Check(pair.status());
  std::printf("%zu bytes of codes for each row\n", store.quantizer->row_bytes());
  Run(std::string("omendb ") + kind.name, rows, store, *query.value(), *pair.value(), true, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::ParseOptions(argc, argv);
  bench::Rows rows = bench::LoadRows(options);
  Store store(rows, MetricOf(options.metric));
  FindTruth(rows, store);
  const auto wants = [&](const std::string& name) {
    const bool of_both = name == "f32" || name == "sq8";
    return options.codes == name || options.codes == "all" || (options.codes == "both" && of_both);
  };
  if (wants("f32")) {
    F32Scorer query(store.vectors, store.inverse_norms, store.metric, store.dimensions);
    F32Scorer pair(store.vectors, store.inverse_norms, store.metric, store.dimensions);
    Run("omendb f32", rows, store, query, pair, false, options.seconds);
  }
  for (const Kind& kind : kKinds) {
    if (wants(kind.name) && SupportsMetric(kind.kind, store.metric)) {
      RunOnCodes(kind, rows, store, options.seconds);
    }
  }
  return 0;
}
