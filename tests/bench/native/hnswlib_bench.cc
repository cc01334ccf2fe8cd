// The anchor of hnsw_bench: Debian's hnswlib (package libhnswlib-dev) on the same rows, the same table.
// Runs alone, for work on the native core, and prints a curve of ef, recall and time as hnsw_bench does. Not
// for figures beside the engines in JavaScript: hnswlib_peer.cc is driven by tests/bench/run.ts for those.
//   g++ -std=c++17 -O3 -march=native -I tests/bench tests/bench/native/hnswlib_bench.cc -o hnswlib_bench
//   hnswlib_bench [--rows N --dimensions D | --base FILE --queries FILE --dimensions D] [--metric l2|dot]
#include <hnswlib/hnswlib.h>

#include <memory>

#include "bench_rows.h"

int main(int argc, char** argv) {
  const bench::Options options = bench::ParseOptions(argc, argv);
  const bench::Rows rows = bench::LoadRows(options);
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  if (options.metric == "l2") {
    space = std::make_unique<hnswlib::L2Space>(rows.dimensions);
  } else {
    space = std::make_unique<hnswlib::InnerProductSpace>(rows.dimensions);
  }
  const double start = bench::CpuSeconds();
  hnswlib::HierarchicalNSW<float> graph(space.get(), rows.count, 16, 200, 1);
  for (size_t i = 0; i < rows.count; ++i) graph.addPoint(rows.row(i), i);
  const double seconds = bench::CpuSeconds() - start;
  bench::PrintCurve("hnswlib", seconds, rows, options.seconds, [&](size_t q, size_t ef, uint32_t* hits) {
    graph.setEf(ef);
    auto top = graph.searchKnn(rows.query(q), bench::kHits);
    const size_t found = top.size();
    for (size_t i = found; i-- > 0; top.pop()) hits[i] = static_cast<uint32_t>(top.top().second);
    return found;
  });
  return 0;
}
