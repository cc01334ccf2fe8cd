// The scorer that goes with a quantizer, whatever its kind.
#ifndef OMENDB_INDEX_CODE_SCORER_H_
#define OMENDB_INDEX_CODE_SCORER_H_

#include "base/allocation.h"
#include "base/chunked_rows.h"
#include "index/scorer.h"
#include "quantize/quantizer.h"

namespace omendb {

// `rows`: quantizer.row_bytes() bytes per ordinal, all encoded by `quantizer`, which is trained and of
// `metric`. Both outlive the scorer; after training anew make a new one. OUT_OF_MEMORY.
Result<Owned<Scorer>> MakeCodeScorer(const Quantizer& quantizer, const ChunkedRows& rows, Metric metric);

}  // namespace omendb

#endif  // OMENDB_INDEX_CODE_SCORER_H_
