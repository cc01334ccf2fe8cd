#include "engine/compaction_policy.h"

namespace omendb {
namespace {

constexpr uint64_t kHolesPercent = 30;
constexpr uint32_t kRunMin = 4;
constexpr uint64_t kTierBytes[] = {uint64_t{64} << 10, uint64_t{256} << 10, uint64_t{1} << 20};

}  // namespace

bool MostlyHoles(const SegmentSize& segment) {
  return uint64_t{segment.holes} * 100 >= uint64_t{segment.rows} * kHolesPercent && segment.holes > 0;
}

MergeChoice ChooseMerge(std::span<const SegmentSize> segments) {
  for (uint32_t i = 0; i < segments.size(); ++i) {
    if (MostlyHoles(segments[i])) return {i, 1};
  }
  for (uint64_t limit : kTierBytes) {
    uint32_t run = 0;
    for (uint32_t i = 0; i < segments.size(); ++i) {
      run = segments[i].bytes < limit ? run + 1 : 0;
      const bool ends = i + 1 == segments.size() || segments[i + 1].bytes >= limit;
      if (ends && run >= kRunMin) return {i + 1 - run, run};
    }
  }
  return {};
}

}  // namespace omendb
