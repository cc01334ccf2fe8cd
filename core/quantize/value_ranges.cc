#include "quantize/value_ranges.h"

#include <algorithm>
#include <cmath>

namespace omendb {
namespace {

// A range leaves out this share of the sample at each end before it is widened again...
constexpr double kTailShare = 0.005;
// ...by this share of its width at each end. For normally distributed values the two together give about
// 3.9 standard deviations to each side, near the least squared error of 8 bits.
constexpr double kWidening = 0.25;
// Later rows reach a little beyond what was observed, the more so the fewer were.
constexpr double kMarginShare = 0.05;
constexpr size_t kTailRowsMax = 8;
constexpr size_t kRowsToDropTail = 20;
// Dimensions looked at together: a cache line of each row.
constexpr uint32_t kBlockDimensions = 16;

size_t TailRows(size_t rows) {
  auto share = static_cast<size_t>(static_cast<double>(rows) * kTailShare);
  return std::min(std::max<size_t>(share, rows >= kRowsToDropTail ? 1 : 0), kTailRowsMax - 1);
}

// The few smallest and greatest values of one dimension, outermost first.
class Extremes {
 public:
  void Start(float value, size_t kept) {
    kept_ = kept;
    std::fill_n(smallest_, kept, value);
    std::fill_n(greatest_, kept, value);
    count_ = 1;
  }
  void Add(float value) {
    size_t filled = std::min(count_, kept_);
    ++count_;
    if (filled < kept_ || value < smallest_[kept_ - 1]) {
      size_t i = std::min(filled, kept_ - 1);
      for (; i > 0 && value < smallest_[i - 1]; --i) smallest_[i] = smallest_[i - 1];
      smallest_[i] = value;
    }
    if (filled < kept_ || value > greatest_[kept_ - 1]) {
      size_t i = std::min(filled, kept_ - 1);
      for (; i > 0 && value > greatest_[i - 1]; --i) greatest_[i] = greatest_[i - 1];
      greatest_[i] = value;
    }
  }
  [[nodiscard]] float least() const { return smallest_[0]; }
  [[nodiscard]] float greatest() const { return greatest_[0]; }
  [[nodiscard]] float lower_quantile() const { return smallest_[kept_ - 1]; }
  [[nodiscard]] float upper_quantile() const { return greatest_[kept_ - 1]; }

 private:
  size_t kept_ = 0;
  size_t count_ = 0;
  float smallest_[kTailRowsMax];
  float greatest_[kTailRowsMax];
};

struct Observations {
  Array<float> least;
  Array<float> greatest;
  Array<float> scratch;
};

void ObserveBlock(uint32_t first, uint32_t last, std::span<const float* const> rows,
                  std::span<const float> inverse_norms, ValueRanges& ranges, Observations& observed) {
  Extremes extremes[kBlockDimensions];
  size_t kept = TailRows(rows.size()) + 1;
  for (uint32_t d = first; d < last; ++d) extremes[d - first].Start(rows[0][d] * inverse_norms[0], kept);
  for (size_t i = 1; i < rows.size(); ++i) {
    for (uint32_t d = first; d < last; ++d) extremes[d - first].Add(rows[i][d] * inverse_norms[i]);
  }
  double margin_share = kMarginShare + 1.0 / static_cast<double>(rows.size());
  for (uint32_t d = first; d < last; ++d) {
    const Extremes& seen = extremes[d - first];
    double width = static_cast<double>(seen.upper_quantile()) - seen.lower_quantile();
    double margin = width * margin_share;
    double low = std::max(seen.lower_quantile() - width * kWidening, seen.least() - margin);
    double high = std::min(seen.upper_quantile() + width * kWidening, seen.greatest() + margin);
    ranges.low[d] = static_cast<float>(low);
    ranges.high[d] = static_cast<float>(high);
    observed.least[d] = seen.least();
    observed.greatest[d] = seen.greatest();
  }
}

float UpperQuartile(std::span<float> values) {
  auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 3 / 4);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// A width that is nothing special for this data; 0 when every value of every dimension is the same.
float TypicalWidth(const ValueRanges& ranges, Observations& observed) {
  size_t dimensions = ranges.low.size();
  std::span<float> widths = observed.scratch.span();
  for (size_t d = 0; d < dimensions; ++d) widths[d] = ranges.high[d] - ranges.low[d];
  float typical = UpperQuartile(widths);
  if (typical > 0) return typical;
  // Nearly all values are the same (sparse data): go by those that are not.
  size_t varied = 0;
  for (size_t d = 0; d < dimensions; ++d) {
    float width = observed.greatest[d] - observed.least[d];
    if (width > 0) widths[varied++] = width;
  }
  return varied == 0 ? 0 : UpperQuartile(widths.first(varied));
}

// Widens a narrow range towards everything that was observed, as far as the typical width.
void WidenNarrow(float typical, float least, float greatest, float* low, float* high) {
  float spare = typical - (*high - *low);
  if (spare > 0 && least < *low) {
    float used = std::min(spare, *low - least);
    *low -= used;
    spare -= used;
  }
  if (spare > 0 && greatest > *high) *high += std::min(spare, greatest - *high);
  if (*high > *low) return;
  // One value only. It decodes exactly, whatever the width; the width is for rows to come.
  float center = *low;
  float width = typical > 0 ? typical : std::max(std::fabs(center), 1.0F);
  *low = center - width / 2;
  *high = center + width / 2;
}

}  // namespace

Result<ValueRanges> LearnValueRanges(uint32_t dimensions, std::span<const float* const> rows,
                                     std::span<const float> inverse_norms) {
  ValueRanges ranges;
  Observations observed;
  OMENDB_TRY(ranges.low.Resize(dimensions));
  OMENDB_TRY(ranges.high.Resize(dimensions));
  OMENDB_TRY(observed.least.Resize(dimensions));
  OMENDB_TRY(observed.greatest.Resize(dimensions));
  OMENDB_TRY(observed.scratch.Resize(dimensions));
  for (uint32_t d = 0; d < dimensions; d += kBlockDimensions) {
    ObserveBlock(d, std::min(d + kBlockDimensions, dimensions), rows, inverse_norms, ranges, observed);
  }
  float typical = TypicalWidth(ranges, observed);
  for (uint32_t d = 0; d < dimensions; ++d) {
    WidenNarrow(typical, observed.least[d], observed.greatest[d], &ranges.low[d], &ranges.high[d]);
  }
  return ranges;
}

}  // namespace omendb
