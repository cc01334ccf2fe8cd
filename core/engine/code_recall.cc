#include "engine/code_recall.h"

#include <algorithm>

#include "base/prng.h"
#include "engine/rerank.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr uint32_t kBlock = 256;

// A function of its own, called often: see flat.cc.
void OfferBlock(const Scorer& scorer, std::span<const uint32_t> ordinals, float* distances, TopK& top) {
  scorer.Distances(ordinals.data(), static_cast<uint32_t>(ordinals.size()), distances);
  for (size_t i = 0; i < ordinals.size(); ++i) top.Offer(Neighbor(distances[i], ordinals[i]));
}

}  // namespace

Status CodeRecall::MeasureNext(const RowStore& rows, const Bitmap& linked, const Bitmap& dead, Scorer& exact,
                               Scorer& coded, float* scratch) {
  const auto counts = [&](uint32_t slot) {
    return linked.Test(slot) && !dead.Test(slot) && rows.vectors().in_memory(slot);
  };
  const uint32_t slots = linked.size();
  // A row from each of kQueries stretches.
  const auto first = static_cast<uint32_t>(uint64_t{slots} * queries_ / kQueries);
  const auto end = static_cast<uint32_t>(uint64_t{slots} * (queries_ + 1) / kQueries);
  uint32_t query = first;
  while (query < end && !counts(query)) ++query;
  if (query == end) {
    ++queries_;
    return Status::Ok();
  }
  const uint32_t stride = slots / kRowsMax + 1;
  OMENDB_TRY(sample_.Reserve(slots / stride + 1));
  OMENDB_TRY(distances_.Resize(kBlock));
  sample_.Clear();
  for (uint32_t slot = Prng(query).Below(stride); slot < slots; slot += stride) {
    if (slot != query && counts(slot)) sample_.PushReserved(slot);
  }
  TopK nearest;
  TopK candidates;
  TopK found;
  OMENDB_TRY(nearest.Reset(kHits));
  OMENDB_TRY(candidates.Reset(kEfSearchDefault));
  OMENDB_TRY(found.Reset(kHits));
  const float* vector = rows.Vector(query, scratch);
  exact.SetVector(vector, rows.inverse_norm(query));
  coded.SetVector(vector, rows.inverse_norm(query));
  for (size_t start = 0; start < sample_.size(); start += kBlock) {
    const auto block =
        std::as_const(sample_).span().subspan(start, std::min<size_t>(kBlock, sample_.size() - start));
    OfferBlock(exact, block, distances_.data(), nearest);
    OfferBlock(coded, block, distances_.data(), candidates);
  }
  OMENDB_TRY(Rerank(exact, coded, candidates.Sorted(), kHits, nullptr, nullptr, found));
  const std::span<const Neighbor> hits = found.Sorted();
  for (Neighbor wanted : nearest.Sorted()) {
    ++wanted_;
    missed_ += std::ranges::find(hits, wanted) == hits.end() ? 1U : 0U;
  }
  ++queries_;
  return Status::Ok();
}

}  // namespace omendb
