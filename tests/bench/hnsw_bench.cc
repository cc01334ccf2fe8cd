// Build rate and recall/QPS curve of the HNSW index alone: f32, and SQ8 with exact rerank. No engine, no
// JavaScript. native/hnswlib_bench.cc prints the same table for the anchor.
//   hnsw_bench [--rows N --dimensions D | --base FILE --queries FILE --dimensions D]
//              [--metric l2|dot|cosine|l1] [--codes f32|sq8|both] [--seconds S]
#include "bench_rows.h"
#include "distance/metric.h"
#include "index/f32_scorer.h"
#include "index/hnsw_build.h"
#include "index/sq8_scorer.h"

namespace {

using namespace omendb;

constexpr uint32_t kDegree = 16;
constexpr uint32_t kEfConstruction = 200;
constexpr uint32_t kRerank = 3 * bench::kHits;

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
        vectors(rows.dimensions * sizeof(float)),
        codes(ScalarQuantizer::RowBytes(dimensions)) {
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

  void Encode() {
    Array<const float*> sample;
    Array<float> sample_norms;
    const uint32_t step = std::max<uint32_t>(1, vectors.size() / 10000);
    for (uint32_t i = 0; i < vectors.size(); i += step) {
      Check(sample.Push(reinterpret_cast<const float*>(vectors.row(i))));
      Check(sample_norms.Push(inverse_norms[i]));
    }
    Check(quantizer.Train(metric, dimensions, sample.span(), sample_norms.span()));
    Check(codes.Reserve(vectors.size()));
    codes.Resize(vectors.size());
    for (uint32_t i = 0; i < vectors.size(); ++i) {
      quantizer.Encode(reinterpret_cast<const float*>(vectors.row(i)), inverse_norms[i], codes.row(i));
    }
  }

  Metric metric;
  uint32_t dimensions;
  ChunkedRows vectors;
  ChunkedRows codes;
  Array<float> inverse_norms;
  ScalarQuantizer quantizer;
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

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::ParseOptions(argc, argv);
  const bench::Rows rows = bench::LoadRows(options);
  Store store(rows, MetricOf(options.metric));
  if (options.codes != "sq8") {
    F32Scorer query(store.vectors, store.inverse_norms, store.metric, store.dimensions);
    F32Scorer pair(store.vectors, store.inverse_norms, store.metric, store.dimensions);
    Run("omendb f32", rows, store, query, pair, false, options.seconds);
  }
  if (options.codes != "f32") {
    store.Encode();
    Sq8Scorer query(store.codes, store.quantizer, store.metric, store.dimensions);
    Sq8Scorer pair(store.codes, store.quantizer, store.metric, store.dimensions);
    Check(query.Reserve());
    Check(pair.Reserve());
    Run("omendb sq8", rows, store, query, pair, true, options.seconds);
  }
  return 0;
}
