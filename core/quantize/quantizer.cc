#include "quantize/quantizer.h"

#include "quantize/rabitq_quantizer.h"
#include "quantize/scalar_quantizer.h"

namespace omendb {
namespace {

// Codes of a rotated row err like a normal variable only when there are enough coordinates to rotate among;
// below, a byte for each costs little (docs/decisions/0012-quantizers.md).
constexpr uint32_t kRotatedDimensionsMin = 48;

}  // namespace

Owned<Quantizer> MakeQuantizer(Quantization kind, Metric metric, uint32_t dimensions, uint64_t seed) {
  assert(SupportsMetric(kind, metric));
  if (kind == Quantization::kSq8) return MakeOwned<ScalarQuantizer>(metric, dimensions);
  return MakeOwned<RabitqQuantizer>(metric, dimensions, RabitqBits(kind), seed);
}

bool SupportsMetric(Quantization kind, Metric metric) {
  return metric != Metric::kL1 || RabitqBits(kind) == 0;
}

Quantization ChooseQuantization(const CollectionOptions& options) {
  if (options.quantization != Quantization::kAuto) return options.quantization;
  const bool rotates = SupportsMetric(Quantization::kRabitq4, options.metric);
  return rotates && options.dimensions >= kRotatedDimensionsMin ? Quantization::kRabitq4 : Quantization::kSq8;
}

Quantization WithFewerBits(Quantization kind) {
  if (kind == Quantization::kRabitq7) return Quantization::kRabitq4;
  if (kind == Quantization::kRabitq4) return Quantization::kRabitq2;
  return kind == Quantization::kRabitq2 ? Quantization::kRabitq1 : kind;
}

uint32_t QuantizerTag(Quantization kind, Metric metric) {
  // SQ8 is 0 there: its tag was the metric alone before there were other kinds.
  const uint32_t stored = kind == Quantization::kSq8 ? 0 : static_cast<uint32_t>(kind);
  return static_cast<uint32_t>(metric) | stored << 8;
}

Quantization KindOfTag(uint32_t tag, Metric metric) {
  for (uint32_t kind = 1; kind <= static_cast<uint32_t>(kQuantizationLast); ++kind) {
    const auto named = static_cast<Quantization>(kind);
    if (named != Quantization::kAuto && SupportsMetric(named, metric) && QuantizerTag(named, metric) == tag) {
      return named;
    }
  }
  return Quantization::kNone;
}

}  // namespace omendb
