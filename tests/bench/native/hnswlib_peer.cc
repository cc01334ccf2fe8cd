// The native anchor of the benchmark: Debian's hnswlib, driven line by line so that the runner can
// alternate it with the other engines in one run. It judges nothing itself; hnswlib_bench.cc is the one that
// runs alone, beside the native hnsw_bench.
//
//   hnswlib_peer BASE.f32 QUERIES.f32 DIMENSIONS METRIC      METRIC: l2 | cosine | dot
//
// Commands on standard input, one JSON line each in answer:
//   truth K FILE     exact nearest rows of every query by brute force, int32, written to FILE
//   build M EFC SEED adds all rows with one thread
//   search EF K      every query once; ids go back so that the runner judges all engines alike
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <queue>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<float> ReadFloats(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(1);
  }
  std::vector<float> values(static_cast<size_t>(file.tellg()) / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
  return values;
}

void Normalize(std::vector<float>& rows, size_t dimensions) {
  for (size_t start = 0; start < rows.size(); start += dimensions) {
    double norm = 0;
    for (size_t i = 0; i < dimensions; ++i) norm += double(rows[start + i]) * rows[start + i];
    float scale = norm > 0 ? static_cast<float>(1 / std::sqrt(norm)) : 0;
    for (size_t i = 0; i < dimensions; ++i) rows[start + i] *= scale;
  }
}

struct Bench {
  std::vector<float> base;
  std::vector<float> queries;
  size_t dimensions = 0;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;

  const float* query(size_t i) const { return queries.data() + i * dimensions; }
  size_t query_count() const { return queries.size() / dimensions; }
  size_t row_count() const { return base.size() / dimensions; }

  void Truth(size_t k, const std::string& path) {
    auto distance = space->get_dist_func();
    std::ofstream file(path, std::ios::binary);
    for (size_t q = 0; q < query_count(); ++q) {
      std::priority_queue<std::pair<float, int32_t>> top;
      for (size_t row = 0; row < row_count(); ++row) {
        float d = distance(query(q), base.data() + row * dimensions, space->get_dist_func_param());
        std::pair<float, int32_t> entry(d, static_cast<int32_t>(row));
        if (top.size() < k) {
          top.push(entry);
        } else if (entry < top.top()) {
          top.pop();
          top.push(entry);
        }
      }
      std::vector<int32_t> rows(top.size());
      for (size_t i = rows.size(); i-- > 0; top.pop()) rows[i] = top.top().second;
      file.write(reinterpret_cast<const char*>(rows.data()),
                 static_cast<std::streamsize>(rows.size() * sizeof(int32_t)));
    }
    std::cout << "{\"ok\":true}" << std::endl;
  }

  void Build(size_t degree, size_t ef_construction, size_t seed) {
    auto start = Clock::now();
    graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), row_count(), degree,
                                                              ef_construction, seed);
    for (size_t row = 0; row < row_count(); ++row) graph->addPoint(base.data() + row * dimensions, row);
    std::cout << "{\"seconds\":" << SecondsSince(start) << "}" << std::endl;
  }

  void Search(size_t ef, size_t k) {
    graph->setEf(ef);
    std::vector<double> latencies_us;
    std::vector<std::vector<size_t>> found(query_count());
    auto start = Clock::now();
    for (size_t q = 0; q < query_count(); ++q) {
      auto before = Clock::now();
      auto top = graph->searchKnn(query(q), k);
      latencies_us.push_back(SecondsSince(before) * 1e6);
      for (; !top.empty(); top.pop()) found[q].push_back(top.top().second);
    }
    double seconds = SecondsSince(start);
    std::ostringstream out;
    out << "{\"seconds\":" << seconds << ",\"latenciesUs\":[";
    for (size_t i = 0; i < latencies_us.size(); ++i) out << (i == 0 ? "" : ",") << latencies_us[i];
    out << "],\"found\":[";
    for (size_t q = 0; q < found.size(); ++q) {
      out << (q == 0 ? "[" : ",[");
      for (size_t i = 0; i < found[q].size(); ++i) out << (i == 0 ? "" : ",") << found[q][i];
      out << "]";
    }
    out << "]}";
    std::cout << out.str() << std::endl;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: hnswlib_peer BASE.f32 QUERIES.f32 DIMENSIONS l2|cosine|dot\n");
    return 2;
  }
  Bench bench;
  bench.base = ReadFloats(argv[1]);
  bench.queries = ReadFloats(argv[2]);
  bench.dimensions = std::stoul(argv[3]);
  std::string metric = argv[4];
  if (metric == "cosine") {
    Normalize(bench.base, bench.dimensions);
    Normalize(bench.queries, bench.dimensions);
  }
  if (metric == "l2") {
    bench.space = std::make_unique<hnswlib::L2Space>(bench.dimensions);
  } else {
    bench.space = std::make_unique<hnswlib::InnerProductSpace>(bench.dimensions);
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "truth") {
      size_t k = 0;
      std::string path;
      words >> k >> path;
      bench.Truth(k, path);
    } else if (command == "build") {
      size_t degree = 0, ef_construction = 0, seed = 0;
      words >> degree >> ef_construction >> seed;
      bench.Build(degree, ef_construction, seed);
    } else if (command == "search") {
      size_t ef = 0, k = 0;
      words >> ef >> k;
      bench.Search(ef, k);
    } else {
      std::cout << "{\"error\":\"unknown command\"}" << std::endl;
    }
  }
  return 0;
}
