#include "golden_codes.h"

namespace omendb::test {
namespace {

constexpr int kPeriods[] = {61, 59, 53, 47, 43, 41, 37, 31};

// Around 0; no two rows are alike.
int Step(int number, int d) { return number * (2 * d + 3) % kPeriods[d] - kPeriods[d] / 2; }

// 130 bits, of which the last byte has 2: the number, then what looks random.
std::vector<float> Bits(int number) {
  std::vector<float> vector;
  for (int d = 0; d < 130; ++d) {
    const bool bit = d < 11 ? (number >> d & 1) != 0 : (number * (d + 5) + d * d) % 11 < 5;
    vector.push_back(bit ? 1 : 0);
  }
  return vector;
}

// Up to both ends.
std::vector<float> Bytes8(int number) {
  std::vector<float> vector;
  for (int d = 0; d < 8; ++d) vector.push_back(static_cast<float>(4 * Step(number, d)));
  if (number == 7) vector[0] = -128;
  if (number == 8) vector[0] = 127;
  return vector;
}

// Eighths; every hundredth row of halves without a leading digit (subnormal).
std::vector<float> Halves(int number) {
  const float unit = number % 100 == 9 ? 0x1p-24F : 0.125F;
  std::vector<float> vector;
  for (int d = 0; d < 8; ++d) vector.push_back(unit * static_cast<float>(Step(number, d)));
  return vector;
}

std::vector<float> Floats(int number) {
  std::vector<float> vector;
  for (int d = 0; d < 4; ++d) vector.push_back(0.25F * static_cast<float>(Step(number, d)));
  return vector;
}

CollectionOptions Options(uint32_t dimensions, Metric metric, Quantization quantization, VectorType type) {
  CollectionOptions options;
  options.dimensions = dimensions;
  options.metric = metric;
  options.quantization = quantization;
  options.degree = 4;
  options.ef_construction = 32;
  options.vector_type = type;
  return options;
}

}  // namespace

const std::vector<GoldenCodes>& GoldenCodeCollections() {
  static const std::vector<GoldenCodes> collections = {
      {"bits", Options(130, Metric::kL2, Quantization::kRabitq1, VectorType::kBinary), Bits},
      {"bytes", Options(8, Metric::kDot, Quantization::kRabitq2, VectorType::kInt8), Bytes8},
      {"halves", Options(8, Metric::kCosine, Quantization::kRabitq4, VectorType::kFloat16), Halves},
      {"floats", Options(4, Metric::kL2, Quantization::kRabitq7, VectorType::kFloat32), Floats},
  };
  return collections;
}

Row GoldenCodeRow(const GoldenCodes& collection, int number) {
  return {StringId(std::to_string(number)), collection.vector(number), ""};
}

}  // namespace omendb::test
