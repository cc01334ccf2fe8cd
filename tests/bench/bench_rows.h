// Rows and queries for the index benchmarks, the same for ours and for the native anchor: read from files
// of little-endian floats, or drawn from a mixture of overlapping Gaussian clusters whose spectrum decays
// as that of text embeddings does (direction d has deviation 1 / sqrt(1 + d)), scaled to unit length.
// Not for tests of correctness. Standard library only, so that the anchor can include it.
#ifndef OMENDB_TESTS_BENCH_BENCH_ROWS_H_
#define OMENDB_TESTS_BENCH_BENCH_ROWS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#if defined(__EMSCRIPTEN__)
#include <emscripten.h>
#endif

namespace bench {

inline constexpr size_t kHits = 10;
inline constexpr size_t kEf[] = {10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320};

struct Options {
  std::string base_file, queries_file;  // empty: generated
  size_t dimensions = 384, rows = 20000, queries = 500;
  double seconds = 0.4;  // of searching per line of the table
  std::string metric = "l2", codes = "both";
};

inline Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--base") options.base_file = value;
    if (name == "--queries") options.queries_file = value;
    if (name == "--dimensions") options.dimensions = std::strtoul(value, nullptr, 10);
    if (name == "--rows") options.rows = std::strtoul(value, nullptr, 10);
    if (name == "--seconds") options.seconds = std::strtod(value, nullptr);
    if (name == "--metric") options.metric = value;
    if (name == "--codes") options.codes = value;
  }
  return options;
}

struct Rows {
  size_t dimensions = 0, count = 0, query_count = 0;
  std::vector<float> base, queries;
  std::vector<uint32_t> truth;  // query_count * kHits

  const float* row(size_t i) const { return base.data() + i * dimensions; }
  const float* query(size_t i) const { return queries.data() + i * dimensions; }
};

class Random {
 public:
  double Uniform() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1.0p-53;
  }
  double Gaussian() {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    return radius * std::cos(6.283185307179586 * Uniform());
  }

 private:
  uint64_t state_ = 1;
};

inline std::vector<float> ReadFloats(const std::string& path, size_t most) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(1);
  }
  std::vector<float> values(most);
  values.resize(std::fread(values.data(), sizeof(float), most, file));
  std::fclose(file);
  return values;
}

inline std::vector<float> Draw(Random& random, const std::vector<float>& centers, size_t count,
                               size_t dimensions) {
  std::vector<float> rows(count * dimensions);
  const size_t clusters = centers.size() / dimensions;
  for (size_t i = 0; i < count; ++i) {
    const size_t cluster = static_cast<size_t>(random.Uniform() * static_cast<double>(clusters));
    float* row = rows.data() + i * dimensions;
    double norm = 0;
    for (size_t d = 0; d < dimensions; ++d) {
      const double within = 0.6 * random.Gaussian() / std::sqrt(1.0 + static_cast<double>(d));
      row[d] = static_cast<float>(static_cast<double>(centers[cluster * dimensions + d]) + within);
      norm += static_cast<double>(row[d]) * static_cast<double>(row[d]);
    }
    for (size_t d = 0; d < dimensions; ++d) row[d] *= static_cast<float>(1 / std::sqrt(norm));
  }
  return rows;
}

// Exact by squared L2 in f32: judges the ids of all contenders alike.
inline void FindTruth(Rows& rows) {
  rows.truth.resize(rows.query_count * kHits);
  for (size_t q = 0; q < rows.query_count; ++q) {
    std::vector<std::pair<float, uint32_t>> all(rows.count);
    for (size_t i = 0; i < rows.count; ++i) {
      float lanes[16] = {};
      const float* a = rows.query(q);
      const float* b = rows.row(i);
      size_t d = 0;
      for (; d + 16 <= rows.dimensions; d += 16) {
        for (size_t lane = 0; lane < 16; ++lane) {
          const float difference = a[d + lane] - b[d + lane];
          lanes[lane] += difference * difference;
        }
      }
      float sum = 0;
      for (; d < rows.dimensions; ++d) sum += (a[d] - b[d]) * (a[d] - b[d]);
      for (float lane : lanes) sum += lane;
      all[i] = {sum, static_cast<uint32_t>(i)};
    }
    std::partial_sort(all.begin(), all.begin() + kHits, all.end());
    for (size_t i = 0; i < kHits; ++i) rows.truth[q * kHits + i] = all[i].second;
  }
}

inline Rows LoadRows(const Options& options) {
  Rows rows;
  rows.dimensions = options.dimensions;
  if (options.base_file.empty()) {
    Random random;
    std::vector<float> centers(2000 * rows.dimensions);
    for (size_t i = 0; i < centers.size(); ++i) {
      centers[i] =
          static_cast<float>(random.Gaussian() / std::sqrt(1.0 + static_cast<double>(i % rows.dimensions)));
    }
    rows.base = Draw(random, centers, options.rows, rows.dimensions);
    rows.queries = Draw(random, centers, options.queries, rows.dimensions);
  } else {
    rows.base = ReadFloats(options.base_file, options.rows * rows.dimensions);
    rows.queries = ReadFloats(options.queries_file, options.queries * rows.dimensions);
  }
  rows.count = rows.base.size() / rows.dimensions;
  rows.query_count = rows.queries.size() / rows.dimensions;
  FindTruth(rows);
  return rows;
}

// Seconds of processor time this process has had: on a shared machine the clock on the wall measures the
// neighbors too. Contenders are single threaded, so on an idle machine both agree.
inline double CpuSeconds() {
#if defined(__EMSCRIPTEN__)
  return EM_ASM_DOUBLE({
    const usage = process.cpuUsage();
    return (usage.user + usage.system) / 1e6;
  });
#else
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
#endif
}

// search(query index, ef, hits[kHits]) -> hits found. Prints the curve and QPS at recall 0.95 and 0.99
// (log QPS interpolated over recall).
template <typename Search>
void PrintCurve(const std::string& name, double build_seconds, const Rows& rows, double seconds,
                Search&& search) {
  std::printf("%-14s build %8.0f rows/s\n%8s %8s %10s\n", name.c_str(),
              static_cast<double>(rows.count) / build_seconds, "ef", "recall", "QPS");
  double last_recall = 0, last_qps = 0, at95 = 0, at99 = 0;
  for (size_t ef : kEf) {
    size_t right = 0;
    uint32_t hits[kHits];
    for (size_t q = 0; q < rows.query_count; ++q) {
      const size_t found = search(q, ef, hits);
      const uint32_t* truth = rows.truth.data() + q * kHits;
      for (size_t i = 0; i < found; ++i)
        right += std::find(truth, truth + kHits, hits[i]) != truth + kHits ? 1 : 0;
    }
    const double recall = static_cast<double>(right) / static_cast<double>(rows.query_count * kHits);
    double fastest = 1e9;
    for (const double start = CpuSeconds(); CpuSeconds() - start < seconds;) {
      const double pass = CpuSeconds();
      for (size_t q = 0; q < rows.query_count; ++q) (void)search(q, ef, hits);
      fastest = std::min(fastest, CpuSeconds() - pass);
    }
    const double qps = static_cast<double>(rows.query_count) / fastest;
    std::printf("%8zu %8.4f %10.0f\n", ef, recall, qps);
    const auto crossing = [&](double wanted, double* at) {
      if (*at != 0 || recall < wanted) return;
      const double share = recall == last_recall ? 1 : (wanted - last_recall) / (recall - last_recall);
      *at = last_qps == 0 ? qps : std::exp(std::log(last_qps) + share * (std::log(qps) - std::log(last_qps)));
    };
    crossing(0.95, &at95);
    crossing(0.99, &at99);
    last_recall = recall;
    last_qps = qps;
    if (recall > 0.998) break;
  }
  std::printf("%-14s QPS at recall 0.95: %.0f, at 0.99: %.0f\n\n", name.c_str(), at95, at99);
  std::fflush(stdout);
}

}  // namespace bench

#endif  // OMENDB_TESTS_BENCH_BENCH_ROWS_H_
