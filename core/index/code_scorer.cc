#include "index/code_scorer.h"

#include "index/rabitq_scorer.h"
#include "index/sq8_scorer.h"

namespace omendb {
namespace {

template <typename S, typename... Args>
Result<Owned<Scorer>> Make(Args&&... args) {
  Owned<S> scorer = MakeOwned<S>(std::forward<Args>(args)...);
  if (!scorer) return OutOfMemory(sizeof(S));
  OMENDB_TRY(scorer->Reserve());
  return Owned<Scorer>(std::move(scorer));
}

}  // namespace

Result<Owned<Scorer>> MakeCodeScorer(const Quantizer& quantizer, const ChunkedRows& rows, Metric metric) {
  if (quantizer.kind() == Quantization::kSq8) {
    return Make<Sq8Scorer>(rows, static_cast<const ScalarQuantizer&>(quantizer), metric);
  }
  return Make<RabitqScorer>(rows, static_cast<const RabitqQuantizer&>(quantizer));
}

}  // namespace omendb
