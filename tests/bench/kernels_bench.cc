// Time of each kernel set and of the quantizer's steps, in nanoseconds per vector.
//
// The rows fit the second-level cache, so this measures instructions, not memory. Each figure is the least
// of many rounds, each shorter than a time slice: the machine's other work only ever adds time.
#include <chrono>
#include <cstdio>
#include <limits>

#include "base/array.h"
#include "base/crc32c.h"
#include "base/prng.h"
#include "distance/kernels.h"
#include "quantize/scalar_quantizer.h"

namespace omendb {
namespace {

constexpr uint32_t kRows = 64;
constexpr uint32_t kRepeats = 3;
constexpr int kRounds = 300;

// Where results go, so that no measured call is left out.
volatile double sink = 0;

template <typename Call>
double NanosecondsPerRow(Call call) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < kRounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    double sum = 0;
    for (uint32_t repeat = 0; repeat < kRepeats; ++repeat) {
      for (uint32_t row = 0; row < kRows; ++row) sum += static_cast<double>(call(row));
    }
    std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - start;
    sink = sink + sum;
    double per_row = elapsed.count() / (kRows * kRepeats);
    best = per_row < best ? per_row : best;
  }
  return best;
}

struct Vectors {
  Array<float> floats;
  Array<int16_t> wide;
  Array<int8_t> bytes;

  Status Fill(uint32_t dimensions) {
    Prng prng(1);
    OMENDB_TRY(floats.Resize(size_t{kRows} * dimensions));
    OMENDB_TRY(wide.Resize(dimensions));
    OMENDB_TRY(bytes.Resize(size_t{kRows} * dimensions));
    for (float& value : floats) value = static_cast<float>(prng.Uniform());
    for (int16_t& value : wide) value = static_cast<int16_t>(prng.Below(2000));
    for (int8_t& value : bytes) value = static_cast<int8_t>(prng.Next());
    return Status::Ok();
  }
};

void MeasureKernels(const KernelSet& kernels, const Vectors& vectors, uint32_t dimensions) {
  const float* query = vectors.floats.data();
  auto floats = [&](uint32_t row) { return query + size_t{row} * dimensions; };
  auto bytes = [&](uint32_t row) { return vectors.bytes.data() + size_t{row} * dimensions; };
  std::printf(
      "%-14s %6u %9.1f %9.1f %9.1f %12.1f %9.1f\n", kernels.name, dimensions,
      NanosecondsPerRow([&](uint32_t row) { return kernels.dot_f32(query, floats(row), dimensions); }),
      NanosecondsPerRow([&](uint32_t row) { return kernels.squared_l2_f32(query, floats(row), dimensions); }),
      NanosecondsPerRow([&](uint32_t row) { return kernels.l1_f32(query, floats(row), dimensions); }),
      NanosecondsPerRow(
          [&](uint32_t row) { return kernels.dot_i16_i8(vectors.wide.data(), bytes(row), dimensions); }),
      NanosecondsPerRow([&](uint32_t row) { return kernels.l1_i8(bytes(0), bytes(row), dimensions); }));
}

Status MeasureQuantizer(const Vectors& vectors, uint32_t dimensions) {
  Array<const float*> rows;
  Array<float> inverse_norms;
  for (uint32_t row = 0; row < kRows; ++row) {
    OMENDB_TRY(rows.Push(vectors.floats.data() + size_t{row} * dimensions));
    OMENDB_TRY(inverse_norms.Push(1));
  }
  ScalarQuantizer quantizer(Metric::kL2, dimensions);
  OMENDB_TRY(quantizer.Train(rows.span(), inverse_norms.span()));
  size_t row_bytes = ScalarQuantizer::RowBytes(dimensions);
  Bytes codes;
  OMENDB_TRY(codes.Resize(row_bytes * kRows));
  ScalarQuantizer::Query query;
  OMENDB_TRY(quantizer.ReserveQuery(&query));
  double encode = NanosecondsPerRow([&](uint32_t row) {
    quantizer.Encode(rows[row], 1, nullptr, codes.data() + row * row_bytes);
    return codes[row * row_bytes];
  });
  double prepare = NanosecondsPerRow([&](uint32_t row) {
    quantizer.PrepareQuery(rows[row], 1, &query);
    return query.offset;
  });
  double prepare_row = NanosecondsPerRow([&](uint32_t row) {
    quantizer.PrepareQueryFromRow(codes.data() + row * row_bytes, &query);
    return query.weights[0];
  });
  double distance = NanosecondsPerRow(
      [&](uint32_t row) { return quantizer.Distance(query, codes.data() + row * row_bytes); });
  std::printf("%-14s %6u %9.1f %9.1f %9.1f %12.1f\n", "sq8", dimensions, encode, prepare, prepare_row,
              distance);
  return Status::Ok();
}

Status MeasureChecksum() {
  Bytes bytes;
  OMENDB_TRY(bytes.Resize(4096));
  double per_block = NanosecondsPerRow([&](uint32_t row) {
    bytes[0] = static_cast<uint8_t>(row);
    return Crc32c(bytes.span());
  });
  std::printf("crc32c: %.2f GB/s in blocks of 4 KiB\n", static_cast<double>(bytes.size()) / per_block);
  return Status::Ok();
}

Status Run() {
  std::printf("ns per vector  dims   dot f32    l2 f32    l1 f32   i16 x i8 dot    l1 i8\n");
  for (uint32_t dimensions : {384U, 1536U}) {
    Vectors vectors;
    OMENDB_TRY(vectors.Fill(dimensions));
    for (const KernelSet* kernels : AvailableKernelSets()) MeasureKernels(*kernels, vectors, dimensions);
  }
  std::printf("\nns per vector  dims    encode   prepare  from row     distance\n");
  for (uint32_t dimensions : {384U, 1536U}) {
    Vectors vectors;
    OMENDB_TRY(vectors.Fill(dimensions));
    OMENDB_TRY(MeasureQuantizer(vectors, dimensions));
  }
  std::printf("\n");
  return MeasureChecksum();
}

}  // namespace
}  // namespace omendb

int main() {
  omendb::Status status = omendb::Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", omendb::CodeName(status.code()));
  return status.ok() ? 0 : 1;
}
