#include "engine/rerank.h"

#include <algorithm>

namespace omendb {
namespace {

constexpr uint32_t kRerankBlock = 16;

// Candidates that are compared before it is asked whether more are needed.
uint32_t RerankedAtLeast(uint32_t k) { return k + std::max(k, 16U); }

// Compares at most kRerankBlock candidates; returns by how much the distance that one was found with exceeds
// its true one at most (0 when none does). A function of its own, called often: see flat.cc.
float RerankBlock(const Scorer& exact, std::span<const Neighbor> candidates, const uint32_t* numbers,
                  TopK& top) {
  uint32_t ordinals[kRerankBlock];
  float distances[kRerankBlock];
  const auto count = static_cast<uint32_t>(candidates.size());
  for (uint32_t i = 0; i < count; ++i) ordinals[i] = candidates[i].ordinal();
  exact.Distances(ordinals, count, distances);
  float excess_max = 0;
  for (uint32_t i = 0; i < count; ++i) {
    top.Offer(Neighbor(distances[i], numbers == nullptr ? ordinals[i] : numbers[ordinals[i]]));
    excess_max = std::max(excess_max, candidates[i].distance() - distances[i]);
  }
  return excess_max;
}

}  // namespace

void Rerank(const Scorer& exact, Scorer& walked, std::span<const Neighbor> candidates, uint32_t k,
            const uint32_t* numbers, TopK& top) {
  float excess_max = 0;
  for (size_t start = 0; start < candidates.size(); start += kRerankBlock) {
    if (start >= RerankedAtLeast(k) && top.full()) {
      const Neighbor next = candidates[start];
      const float bound = walked.ErrorBound(next.ordinal(), next.distance());
      if (next.distance() - (bound < 0 ? 2 * excess_max : bound) > top.worst().distance()) return;
    }
    const size_t count = std::min<size_t>(kRerankBlock, candidates.size() - start);
    excess_max = std::max(excess_max, RerankBlock(exact, candidates.subspan(start, count), numbers, top));
  }
}

}  // namespace omendb
