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

// Candidates that may have to be compared, as far as can be told before any is: asked for together, so that
// the search is made again once, not block by block.
Status RequireLikely(Scorer& walked, std::span<const Neighbor> candidates, uint32_t k, VectorStore& vectors) {
  const size_t sure = std::min<size_t>(RerankedAtLeast(k), candidates.size());
  // The k-th nearest is at most so far away, whichever it is, if bounds hold.
  TopK farthest;
  OMENDB_TRY(farthest.Reset(k));
  bool wanted = false;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const uint32_t ordinal = candidates[i].ordinal();
    const float distance = candidates[i].distance();
    const float bound = std::max(0.0F, walked.ErrorBound(ordinal, distance));
    farthest.Offer(Neighbor(distance + bound, ordinal));
    if (i >= sure && farthest.full() && distance - bound > farthest.worst().distance()) continue;
    OMENDB_TRY(vectors.RequireOne(ordinal, VectorStore::Stay::kCached, &wanted));
  }
  return wanted ? Status::Error(kVectorsWanted, "candidates are in storage") : Status::Ok();
}

Status RequireBlock(std::span<const Neighbor> candidates, VectorStore& vectors) {
  bool wanted = false;
  for (Neighbor candidate : candidates) {
    OMENDB_TRY(vectors.RequireOne(candidate.ordinal(), VectorStore::Stay::kCached, &wanted));
  }
  return wanted ? Status::Error(kVectorsWanted, "candidates are in storage") : Status::Ok();
}

}  // namespace

Status Rerank(const Scorer& exact, Scorer& walked, std::span<const Neighbor> candidates, uint32_t k,
              const uint32_t* numbers, VectorStore* vectors, TopK& top) {
  if (vectors != nullptr && vectors->away() == 0) vectors = nullptr;
  if (vectors != nullptr) OMENDB_TRY(RequireLikely(walked, candidates, k, *vectors));
  float excess_max = 0;
  size_t start = 0;
  for (; start < candidates.size(); start += kRerankBlock) {
    if (start >= RerankedAtLeast(k) && top.full()) {
      const Neighbor next = candidates[start];
      const float bound = walked.ErrorBound(next.ordinal(), next.distance());
      if (next.distance() - (bound < 0 ? 2 * excess_max : bound) > top.worst().distance()) break;
    }
    const std::span<const Neighbor> block =
        candidates.subspan(start, std::min<size_t>(kRerankBlock, candidates.size() - start));
    if (vectors != nullptr) OMENDB_TRY(RequireBlock(block, *vectors));
    excess_max = std::max(excess_max, RerankBlock(exact, block, numbers, top));
  }
  if (vectors != nullptr) vectors->CountUse(std::min(start, candidates.size()));
  return Status::Ok();
}

}  // namespace omendb
