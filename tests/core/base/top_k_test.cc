#include "base/top_k.h"

#include <cmath>
#include <limits>
#include <vector>

#include "allocation_faults.h"
#include "base/prng.h"
#include "gtest/gtest.h"
#include "seed.h"

namespace omendb {
namespace {

TEST(Neighbor, OrdersAllFloatsLikeNumbers) {
  float infinity = std::numeric_limits<float>::infinity();
  const float kAscending[] = {-infinity, -3e38F, -1.0F, -1e-45F, 0.0F, 1e-45F, 1e-38F, 1.0F, 3e38F, infinity};
  for (size_t i = 0; i + 1 < std::size(kAscending); ++i) {
    EXPECT_LT(Neighbor(kAscending[i], 9), Neighbor(kAscending[i + 1], 1));
  }
  for (float value : kAscending) EXPECT_EQ(Neighbor(value, 3).distance(), value);
}

TEST(Neighbor, BreaksTiesByOrdinalAndKnowsOneZero) {
  EXPECT_LT(Neighbor(1.5F, 3), Neighbor(1.5F, 4));
  EXPECT_EQ(Neighbor(-0.0F, 3), Neighbor(0.0F, 3));
  EXPECT_FALSE(std::signbit(Neighbor(-0.0F, 3).distance()));
  EXPECT_EQ(Neighbor(1.0F, 0xffffffffU).ordinal(), 0xffffffffU);
}

TEST(TopK, KeepsTheSmallestOfAnyStream) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  TopK top;
  for (int round = 0; round < 200; ++round) {
    uint32_t k = prng.Below(20) + 1;
    uint32_t count = prng.Below(60);
    ASSERT_TRUE(top.Reset(k).ok());
    std::vector<Neighbor> all;
    for (uint32_t i = 0; i < count; ++i) {
      all.emplace_back(static_cast<float>(prng.Below(10)) - 5.0F, i);
      top.Offer(all.back());
      EXPECT_EQ(top.full(), all.size() >= k);
    }
    std::sort(all.begin(), all.end());
    if (all.size() > k) all.resize(k);
    if (!all.empty()) EXPECT_EQ(top.worst(), all.back());
    std::span<const Neighbor> sorted = top.Sorted();
    ASSERT_EQ(sorted.size(), all.size());
    for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(sorted[i], all[i]);
  }
}

TEST(TopK, KeepsItsStateWhenResetIsRefused) {
  TopK top;
  ASSERT_TRUE(top.Reset(1).ok());
  top.Offer(Neighbor(1, 1));
  SetAllocationFault(AllocationFault::kForever, 0);
  Status status = top.Reset(1'000'000);
  SetAllocationFault(AllocationFault::kNone, 0);
  EXPECT_EQ(status.code(), Code::kOutOfMemory);
  EXPECT_EQ(top.size(), 1U);
  EXPECT_EQ(top.worst(), Neighbor(1, 1));
}

}  // namespace
}  // namespace omendb
