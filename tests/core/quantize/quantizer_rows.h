// Rows as a quantizer is given them, for its tests.
#ifndef OMENDB_TESTS_CORE_QUANTIZE_QUANTIZER_ROWS_H_
#define OMENDB_TESTS_CORE_QUANTIZE_QUANTIZER_ROWS_H_

#include <functional>
#include <vector>

#include "base/prng.h"
#include "distance/metric.h"
#include "gtest/gtest.h"
#include "quantize/quantizer.h"

namespace omendb {

inline constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1};

inline double Normal(Prng& prng) {
  double sum = 0;
  for (int i = 0; i < 12; ++i) sum += prng.Uniform();
  return sum - 6;
}

// Rows of one collection with what the quantizer is given about them.
class Rows {
 public:
  Rows(Metric metric, uint32_t dimensions, uint32_t count,
       const std::function<double(uint32_t, uint32_t)>& value)
      : dimensions_(dimensions), values_(size_t{dimensions} * count) {
    for (uint32_t i = 0; i < count; ++i) {
      float* row = values_.data() + size_t{i} * dimensions;
      for (uint32_t d = 0; d < dimensions; ++d) row[d] = static_cast<float>(value(i, d));
      float inverse_norm = 0;
      EXPECT_TRUE(CheckVector(metric, row, dimensions, &inverse_norm).ok());
      pointers_.push_back(row);
      inverse_norms_.push_back(inverse_norm);
    }
  }
  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(pointers_.size()); }
  [[nodiscard]] const float* row(uint32_t i) const { return pointers_[i]; }
  [[nodiscard]] float inverse_norm(uint32_t i) const { return inverse_norms_[i]; }
  // As the quantizer sees it: of length 1 under cosine.
  [[nodiscard]] std::vector<double> Scaled(uint32_t i) const {
    std::vector<double> scaled(dimensions_);
    for (uint32_t d = 0; d < dimensions_; ++d) scaled[d] = double{row(i)[d]} * double{inverse_norm(i)};
    return scaled;
  }
  [[nodiscard]] std::vector<std::vector<double>> AllScaled() const {
    std::vector<std::vector<double>> all;
    for (uint32_t i = 0; i < count(); ++i) all.push_back(Scaled(i));
    return all;
  }
  Status Train(Quantizer& quantizer) const { return quantizer.Train(pointers_, inverse_norms_); }

 private:
  uint32_t dimensions_;
  std::vector<float> values_;
  std::vector<const float*> pointers_;
  std::vector<float> inverse_norms_;
};

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_QUANTIZE_QUANTIZER_ROWS_H_
