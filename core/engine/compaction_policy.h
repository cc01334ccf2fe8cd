// Which segments are to be merged. Policy only: merging is SegmentList's, storing them the checkpoint's.
//
// Two reasons: a segment of which much is left over space, and many small neighbors (size-tiered, as in
// O'Neil et al. 1996 and its descendants). A segment of 1 MiB or more is rewritten for the first reason only,
// so a row is written at most once per tier below that, and large uploads are written once.
#ifndef OMENDB_ENGINE_COMPACTION_POLICY_H_
#define OMENDB_ENGINE_COMPACTION_POLICY_H_

#include <cstdint>
#include <span>

namespace omendb {

struct SegmentSize {
  uint64_t bytes = 0;  // of all rows
  uint32_t rows = 0;
  uint32_t holes = 0;  // rows of which nothing is kept
};

struct MergeChoice {
  uint32_t first = 0;
  uint32_t count = 0;  // 0: nothing is to be merged
};

// True when its holes are worth rewriting the rest.
[[nodiscard]] bool MostlyHoles(const SegmentSize& segment);
// The next merge, given sealed segments in order of their rows.
[[nodiscard]] MergeChoice ChooseMerge(std::span<const SegmentSize> segments);

}  // namespace omendb

#endif  // OMENDB_ENGINE_COMPACTION_POLICY_H_
