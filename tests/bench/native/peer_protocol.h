// What the native engines of the benchmark have in common: reading the set, the clock, the commands on
// standard input and their answers, one line of JSON each (tests/bench/drive.ts does the same for engines in
// JavaScript).
//
//   PEER BASE.f32 QUERIES.f32 DIMENSIONS l2|cosine|dot M EF_CONSTRUCTION SEED [engine's own]
//
//   prepare, release          nothing to do for a program
//   build                     adds all rows with one thread
//   search EF K MIN MAX       every query once, and again until MIN seconds are over
//   found                     what the first pass of the last search found
//   save, reload              to a file and back into a new index
//   truth K FILE              exact nearest rows of every query by brute force, int32, written to FILE
//
// It judges nothing: the runner compares the answers of all engines with one truth. Standard library only.
#ifndef OMENDB_TESTS_BENCH_NATIVE_PEER_PROTOCOL_H_
#define OMENDB_TESTS_BENCH_NATIVE_PEER_PROTOCOL_H_

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

inline double CpuSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Memory of its own that this process holds, in bytes.
inline uint64_t ResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) return std::strtoull(line.c_str() + 8, nullptr, 10) * 1024;
  }
  return 0;
}

struct Setup {
  std::vector<float> base, queries;
  size_t dimensions = 0;
  std::string metric;
  size_t degree = 16, ef_construction = 200, seed = 100;
  std::string option;  // the engine's own

  [[nodiscard]] size_t rows() const { return base.size() / dimensions; }
  [[nodiscard]] size_t query_count() const { return queries.size() / dimensions; }
  [[nodiscard]] const float* row(size_t i) const { return base.data() + i * dimensions; }
  [[nodiscard]] const float* query(size_t i) const { return queries.data() + i * dimensions; }
};

inline std::vector<float> ReadFloats(const std::string& path) {
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

// For engines without a cosine of their own: the inner product of unit vectors is one.
inline void ScaleToUnitLength(std::vector<float>& rows, size_t dimensions) {
  for (size_t start = 0; start < rows.size(); start += dimensions) {
    double norm = 0;
    for (size_t i = 0; i < dimensions; ++i) {
      norm += static_cast<double>(rows[start + i]) * static_cast<double>(rows[start + i]);
    }
    const float scale = norm > 0 ? static_cast<float>(1 / std::sqrt(norm)) : 0;
    for (size_t i = 0; i < dimensions; ++i) rows[start + i] *= scale;
  }
}

inline Setup ReadSetup(int argc, char** argv) {
  if (argc < 8) {
    std::fprintf(stderr, "usage: %s BASE QUERIES DIMENSIONS METRIC M EF_CONSTRUCTION SEED [option]\n",
                 argv[0]);
    std::exit(2);
  }
  Setup setup;
  setup.base = ReadFloats(argv[1]);
  setup.queries = ReadFloats(argv[2]);
  setup.dimensions = std::strtoul(argv[3], nullptr, 10);
  setup.metric = argv[4];
  setup.degree = std::strtoul(argv[5], nullptr, 10);
  setup.ef_construction = std::strtoul(argv[6], nullptr, 10);
  setup.seed = std::strtoul(argv[7], nullptr, 10);
  if (argc > 8) setup.option = argv[8];
  return setup;
}

// sum of term(a_i, b_i), in double over eight lanes, so that the compiler can use registers of any width.
template <typename Term>
double SumOver(const float* a, const float* b, size_t count, Term term) {
  double lanes[8] = {};
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t lane = 0; lane < 8; ++lane) {
      lanes[lane] += term(static_cast<double>(a[i + lane]), static_cast<double>(b[i + lane]));
    }
  }
  double sum = 0;
  for (; i < count; ++i) sum += term(static_cast<double>(a[i]), static_cast<double>(b[i]));
  for (double lane : lanes) sum += lane;
  return sum;
}

// Smaller is closer.
inline double ExactDistance(const Setup& setup, const float* a, const float* b) {
  const auto product = [](double x, double y) { return x * y; };
  const auto square = [](double x, double y) { return (x - y) * (x - y); };
  if (setup.metric == "l2") return SumOver(a, b, setup.dimensions, square);
  const double dot = SumOver(a, b, setup.dimensions, product);
  if (setup.metric == "dot") return -dot;
  // The query's own length changes no order.
  return -dot / std::sqrt(SumOver(b, b, setup.dimensions, product));
}

// In double, so that no engine's rounding decides; ties by row number.
inline void WriteTruth(const Setup& setup, size_t k, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  std::vector<std::pair<double, int32_t>> all(setup.rows());
  for (size_t q = 0; q < setup.query_count(); ++q) {
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] = {ExactDistance(setup, setup.query(q), setup.row(i)), static_cast<int32_t>(i)};
    }
    const size_t count = std::min(k, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
    for (size_t i = 0; i < count; ++i) {
      file.write(reinterpret_cast<const char*>(&all[i].second), sizeof(int32_t));
    }
  }
}

// `Index`: made from a Setup, with
//   void Build();  void SetEf(size_t);  size_t Search(const float* query, size_t k, uint32_t* rows)
//   uint64_t Save(const std::string& path)  bytes written
//   void Load(const std::string& path)      into an index that was not built
template <typename Index>
class Peer {
 public:
  explicit Peer(Setup setup) : setup_(std::move(setup)) {}

  int Serve() {
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string command;
      words >> command;
      std::ostringstream answer;
      answer.precision(9);
      Answer(command, words, answer);
      std::cout << answer.str() << std::endl;
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    return 0;
  }

 private:
  void Answer(const std::string& command, std::istream& words, std::ostream& answer) {
    if (command == "prepare" || command == "release") {
      answer << "{}";
    } else if (command == "build") {
      Build(answer);
    } else if (command == "search") {
      Search(words, answer);
    } else if (command == "found") {
      Found(answer);
    } else if (command == "save") {
      const Clock::time_point start = Clock::now();
      const uint64_t bytes = index_->Save(path_);
      answer << "{\"seconds\":" << SecondsSince(start) << ",\"bytes\":" << bytes << "}";
    } else if (command == "reload") {
      Reload(answer);
    } else if (command == "truth") {
      size_t k = 0;
      std::string path;
      words >> k >> path;
      WriteTruth(setup_, k, path);
      answer << "{}";
    } else {
      answer << "{\"error\":\"unknown command\"}";
    }
  }

  void Build(std::ostream& answer) {
    index_.reset();
    const uint64_t resident = ResidentBytes();
    const double cpu = CpuSeconds();
    const Clock::time_point start = Clock::now();
    index_ = std::make_unique<Index>(setup_);
    index_->Build();
    answer << "{\"seconds\":" << SecondsSince(start) << ",\"cpuSeconds\":" << CpuSeconds() - cpu
           << ",\"longestPauseMs\":null,\"reportedBytes\":null,\"residentBytes\":"
           << static_cast<int64_t>(ResidentBytes() - resident) << "}";
  }

  void Search(std::istream& words, std::ostream& answer) {
    size_t ef = 0, k = 0;
    double seconds_min = 0;
    words >> ef >> k >> seconds_min;
    ef_ = ef;
    index_->SetEf(ef);
    found_.assign(setup_.query_count(), {});
    std::vector<double> latencies_us;
    std::vector<uint32_t> rows(k);
    const double cpu = CpuSeconds();
    const Clock::time_point start = Clock::now();
    for (bool first = true; first || SecondsSince(start) < seconds_min; first = false) {
      for (size_t q = 0; q < setup_.query_count(); ++q) {
        const Clock::time_point before = Clock::now();
        const size_t count = index_->Search(setup_.query(q), k, rows.data());
        latencies_us.push_back(SecondsSince(before) * 1e6);
        if (first) found_[q].assign(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count));
      }
    }
    const double seconds = SecondsSince(start);
    const double cpu_seconds = CpuSeconds() - cpu;
    const size_t searches = latencies_us.size();
    std::sort(latencies_us.begin(), latencies_us.end());
    answer << "{\"seconds\":" << seconds << ",\"cpuSeconds\":" << cpu_seconds << ",\"searches\":" << searches
           << ",\"p50Us\":" << latencies_us[searches / 2]
           << ",\"p99Us\":" << latencies_us[searches * 99 / 100] << "}";
  }

  void Found(std::ostream& answer) {
    answer << "[";
    for (size_t q = 0; q < found_.size(); ++q) {
      answer << (q == 0 ? "[" : ",[");
      for (size_t i = 0; i < found_[q].size(); ++i) answer << (i == 0 ? "" : ",") << found_[q][i];
      answer << "]";
    }
    answer << "]";
  }

  void Reload(std::ostream& answer) {
    const size_t k = std::min<size_t>(10, setup_.rows());
    std::vector<uint32_t> before(k), after(k);

    index_->Search(setup_.query(0), k, before.data());
    index_ = std::make_unique<Index>(setup_);
    const Clock::time_point start = Clock::now();
    index_->Load(path_);
    index_->Search(setup_.query(0), k, after.data());
    const double seconds = SecondsSince(start);
    index_->SetEf(ef_);
    index_->Search(setup_.query(0), k, after.data());
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    answer << "{\"seconds\":" << seconds << ",\"same\":" << (before == after ? "true" : "false") << "}";
  }

  const Setup setup_;
  std::unique_ptr<Index> index_;
  size_t ef_ = 10;  // of the last search
  std::vector<std::vector<uint32_t>> found_;
  const std::string path_ =
      (std::filesystem::temp_directory_path() / ("omendb-bench-peer-" + std::to_string(std::rand()) + "-" +
                                                 std::to_string(Clock::now().time_since_epoch().count())))
          .string();
};

}  // namespace bench

#endif  // OMENDB_TESTS_BENCH_NATIVE_PEER_PROTOCOL_H_
