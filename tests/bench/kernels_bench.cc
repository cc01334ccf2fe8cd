// Time of every distance kernel and of the quantizer's steps, beside what the machine's memory can deliver,
// as JSON.
//
//   kernels_bench > kernels.json           (tests/bench/kernels.ts runs it natively and as wasm)
//
// Each kernel compares one query with rows of four working sets: in the first and in the second level of
// cache it is bound by instructions; beyond all caches, one row after the other or in random order as a graph
// walk asks for them, by memory. `read` is a loop that only reads the same bytes: the roof that no kernel can
// be above for long. Each figure is the least of many rounds, each shorter than a time slice: other work only
// ever adds time.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>

#include "base/array.h"
#include "base/crc32c.h"
#include "base/prng.h"
#include "distance/kernels.h"
#include "quantize/scalar_quantizer.h"

namespace omendb {
namespace {

// What a kernel compares rows with, in each element type that one takes.
struct Query {
  Array<float> floats;
  Array<int16_t> wide;
  Array<int8_t> bytes;
};

// One line per member of KernelSet. `run` compares the query with `kernel.rows` rows.
struct Kernel {
  const char* name;
  size_t element_bits;  // of a row
  uint32_t rows;        // of one call
  double (*run)(const KernelSet& set, const Query& query, const uint8_t* const* rows, size_t count);
};

const float* Floats(const uint8_t* row) { return reinterpret_cast<const float*>(row); }
const int8_t* Codes(const uint8_t* row) { return reinterpret_cast<const int8_t*>(row); }

using Rows = const uint8_t* const*;

template <auto kMember>
double Packed(const KernelSet& set, const Query& query, Rows rows, size_t count) {
  int32_t dots[4];
  (set.*kMember)(query.bytes.data(), rows, count, dots);
  return static_cast<double>(dots[0]) + dots[1] + dots[2] + dots[3];
}

template <auto kMember>
double Widen(const KernelSet& set, const Query& /*query*/, Rows rows, size_t count) {
  float floats[1536];
  (set.*kMember)(rows[0], count, floats);
  return static_cast<double>(floats[count - 1]);
}

constexpr Kernel kKernels[] = {
    {"dot_f32", 32, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.dot_f32(query.floats.data(), Floats(rows[0]), count));
     }},
    {"squared_l2_f32", 32, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.squared_l2_f32(query.floats.data(), Floats(rows[0]), count));
     }},
    {"l1_f32", 32, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.l1_f32(query.floats.data(), Floats(rows[0]), count));
     }},
    {"dot_i16_i8", 8, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.dot_i16_i8(query.wide.data(), Codes(rows[0]), count));
     }},
    {"dot_i16_i8_x4", 8, 4,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       const int8_t* four[4] = {Codes(rows[0]), Codes(rows[1]), Codes(rows[2]), Codes(rows[3])};
       int32_t dots[4];
       set.dot_i16_i8_x4(query.wide.data(), four, count, dots);
       return static_cast<double>(dots[0]) + dots[1] + dots[2] + dots[3];
     }},
    {"dot_i8", 8, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.dot_i8(query.bytes.data(), Codes(rows[0]), count));
     }},
    {"squared_l2_i8", 8, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.squared_l2_i8(query.bytes.data(), Codes(rows[0]), count));
     }},
    {"l1_i8", 8, 1,
     [](const KernelSet& set, const Query& query, Rows rows, size_t count) {
       return static_cast<double>(set.l1_i8(query.bytes.data(), Codes(rows[0]), count));
     }},
    {"dot_i8_u1_x4", 1, 4, Packed<&KernelSet::dot_i8_u1_x4>},
    {"dot_i8_u2_x4", 2, 4, Packed<&KernelSet::dot_i8_u2_x4>},
    {"dot_i8_u4_x4", 4, 4, Packed<&KernelSet::dot_i8_u4_x4>},
    {"dot_i8_u7_x4", 8, 4, Packed<&KernelSet::dot_i8_u7_x4>},
    {"widen_f16", 16, 1, Widen<&KernelSet::widen_f16>},
    {"widen_i8", 8, 1, Widen<&KernelSet::widen_i8>},
    {"widen_bits", 1, 1, Widen<&KernelSet::widen_bits>},
};

struct WorkingSet {
  const char* name;
  size_t bytes;
  bool random;
  int rounds;
};

constexpr size_t kBeyondCache = size_t{384} << 20;
constexpr WorkingSet kWorkingSets[] = {
    {"L1", 16 << 10, false, 300},
    {"L2", 512 << 10, false, 100},
    {"memory", kBeyondCache, false, 600},
    {"memory, random rows", kBeyondCache, true, 600},
};
constexpr uint32_t kRowsPerRound = 512;
constexpr uint32_t kDimensions[] = {384, 1536};

// Where results go, so that no measured call is left out.
volatile double sink = 0;
bool first_line = true;

void PrintFigure(const char* set, const char* kernel, uint32_t dimensions, const char* where,
                 double ns_per_row, size_t row_bytes) {
  std::printf(
      "%s\n  {\"set\": \"%s\", \"kernel\": \"%s\", \"dimensions\": %u, \"workingSet\": \"%s\", "
      "\"nsPerRow\": %.2f, \"bytesPerSecond\": %.0f}",
      first_line ? "" : ",", set, kernel, dimensions, where, ns_per_row,
      static_cast<double>(row_bytes) / ns_per_row * 1e9);
  first_line = false;
}

// call() does a round and says how many rows it had.
template <typename Round>
double NanosecondsPerRow(int rounds, Round round) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const uint32_t rows = round();
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count() / rows);
  }
  return best;
}

// The rows of a working set in the order they are asked for, round after round, so that a set beyond all
// caches is gone through from end to end before a row comes again.
class RowOrder {
 public:
  Status Fill(const uint8_t* bytes, size_t row_bytes, const WorkingSet& where) {
    const uint32_t count = std::max<uint32_t>(8, static_cast<uint32_t>(where.bytes / row_bytes) / 8 * 8);
    OMENDB_TRY(rows_.Resize(count));
    for (uint32_t i = 0; i < count; ++i) rows_[i] = bytes + i * row_bytes;
    Prng prng(1);
    if (where.random) {
      for (uint32_t i = count; i-- > 1;) std::swap(rows_[i], rows_[prng.Below(i + 1)]);
    }
    next_ = 0;
    return Status::Ok();
  }
  // Of the next `count` rows; count divides 8.
  Rows Next(uint32_t count) {
    Rows rows = rows_.data() + next_;
    next_ = next_ + count == rows_.size() ? 0 : next_ + count;
    return rows;
  }

 private:
  Array<const uint8_t*> rows_;
  size_t next_ = 0;
};

// Sums a row in registers of 128 bits, which every instruction set measured here has, over eight partial
// sums.
uint64_t ReadRow(const uint8_t* row, size_t bytes) {
  using Words = uint64_t __attribute__((vector_size(16)));
  constexpr size_t kStep = 8 * sizeof(Words);
  Words sums[8] = {};
  for (size_t at = 0; at + kStep <= bytes; at += kStep) {
    for (size_t i = 0; i < 8; ++i) {
      Words words;
      std::memcpy(&words, row + at + i * sizeof(Words), sizeof(words));
      sums[i] += words;
    }
  }
  uint64_t sum = 0;
  for (const Words& each : sums) sum += each[0] + each[1];
  return sum;
}

Status MeasureRead(const Bytes& bytes, uint32_t dimensions, const WorkingSet& where) {
  const size_t row_bytes = dimensions * sizeof(float);
  RowOrder order;
  OMENDB_TRY(order.Fill(bytes.data(), row_bytes, where));
  const double ns = NanosecondsPerRow(where.rounds, [&] {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < kRowsPerRound; ++i) sum += ReadRow(order.Next(1)[0], row_bytes);
    sink = sink + static_cast<double>(sum);
    return kRowsPerRound;
  });
  PrintFigure("read", "read", dimensions, where.name, ns, row_bytes);
  return Status::Ok();
}

Status MeasureKernel(const KernelSet& set, const Kernel& kernel, const Query& query, const Bytes& bytes,
                     uint32_t dimensions, const WorkingSet& where) {
  const size_t row_bytes = dimensions * kernel.element_bits / 8;
  RowOrder order;
  OMENDB_TRY(order.Fill(bytes.data(), row_bytes, where));
  const double ns = NanosecondsPerRow(where.rounds, [&] {
    double sum = 0;
    for (uint32_t i = 0; i < kRowsPerRound; i += kernel.rows) {
      sum += kernel.run(set, query, order.Next(kernel.rows), dimensions);
    }
    sink = sink + sum;
    return kRowsPerRound;
  });
  PrintFigure(set.name, kernel.name, dimensions, where.name, ns, row_bytes);
  return Status::Ok();
}

Status MeasureQuantizer(const Query& query_rows, uint32_t dimensions) {
  constexpr uint32_t kRows = 64;
  constexpr int kRounds = 300;
  Prng prng(2);
  Array<float> floats;
  OMENDB_TRY(floats.Resize(size_t{kRows} * dimensions));
  for (float& value : floats) value = static_cast<float>(prng.Uniform());
  Array<const float*> rows;
  Array<float> inverse_norms;
  for (uint32_t row = 0; row < kRows; ++row) {
    OMENDB_TRY(rows.Push(floats.data() + size_t{row} * dimensions));
    OMENDB_TRY(inverse_norms.Push(1));
  }
  ScalarQuantizer quantizer(Metric::kL2, dimensions);
  OMENDB_TRY(quantizer.Train(rows.span(), inverse_norms.span()));
  const size_t row_bytes = quantizer.row_bytes();
  Bytes codes;
  OMENDB_TRY(codes.Resize(row_bytes * kRows));
  ScalarQuantizer::Query query;
  OMENDB_TRY(quantizer.ReserveQuery(&query));
  const auto measure = [&](const char* name, size_t bytes, auto step) {
    const double ns = NanosecondsPerRow(kRounds, [&] {
      double sum = 0;
      for (uint32_t row = 0; row < kRows; ++row) sum += static_cast<double>(step(row));
      sink = sink + sum;
      return kRows;
    });
    PrintFigure("sq8", name, dimensions, "L2", ns, bytes);
  };
  measure("encode", dimensions * sizeof(float), [&](uint32_t row) {
    quantizer.Encode(rows[row], 1, nullptr, codes.data() + row * row_bytes);
    return codes[row * row_bytes];
  });
  measure("prepare_query_from_row", row_bytes, [&](uint32_t row) {
    quantizer.PrepareQueryFromRow(codes.data() + row * row_bytes, &query);
    return query.weights[0];
  });
  measure("prepare_query", dimensions * sizeof(float), [&](uint32_t) {
    quantizer.PrepareQuery(query_rows.floats.data(), 1, &query);
    return query.offset;
  });
  measure("distance", row_bytes,
          [&](uint32_t row) { return quantizer.Distance(query, codes.data() + row * row_bytes); });
  return Status::Ok();
}

void MeasureChecksum(Bytes& bytes) {
  constexpr size_t kBlockBytes = 4096;
  const double ns = NanosecondsPerRow(300, [&] {
    sink = sink + static_cast<double>(Crc32c(bytes.span().first(kBlockBytes)));
    return 1U;
  });
  PrintFigure("checksum", "crc32c", 0, "L1", ns, kBlockBytes);
}

Status Run() {
  Prng prng(1);
  Bytes bytes;
  OMENDB_TRY(bytes.Resize(kBeyondCache));
  Query query;
  constexpr uint32_t kMost = 1536;
  OMENDB_TRY(query.floats.Resize(kMost));
  OMENDB_TRY(query.wide.Resize(kMost));
  OMENDB_TRY(query.bytes.Resize(kMost));
  for (float& value : query.floats) value = static_cast<float>(prng.Uniform());
  for (int16_t& value : query.wide) value = static_cast<int16_t>(prng.Below(2000));
  for (int8_t& value : query.bytes) value = static_cast<int8_t>(prng.Next());
  // Floats of ordinary size, whose bytes are codes as good as any.
  for (size_t i = 0; i < kBeyondCache; i += sizeof(float)) {
    const float value = query.floats[i / sizeof(float) % kMost];
    std::memcpy(bytes.data() + i, &value, sizeof(value));
  }
  std::printf("[");
  for (uint32_t dimensions : kDimensions) {
    for (const WorkingSet& where : kWorkingSets) {
      OMENDB_TRY(MeasureRead(bytes, dimensions, where));
      for (const KernelSet* set : AvailableKernelSets()) {
        for (const Kernel& kernel : kKernels) {
          OMENDB_TRY(MeasureKernel(*set, kernel, query, bytes, dimensions, where));
        }
      }
    }
    OMENDB_TRY(MeasureQuantizer(query, dimensions));
  }
  MeasureChecksum(bytes);
  std::printf("\n]\n");
  return Status::Ok();
}

}  // namespace
}  // namespace omendb

int main() {
  omendb::Status status = omendb::Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", omendb::CodeName(status.code()));
  return status.ok() ? 0 : 1;
}
