#include "base/prng.h"

#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(Prng, GivesThePublishedSequence) {
  Prng prng(1234567);
  EXPECT_EQ(prng.Next(), 6457827717110365317U);
  EXPECT_EQ(prng.Next(), 3203168211198807973U);
  EXPECT_EQ(prng.Next(), 9817491932198370423U);
}

TEST(Prng, StaysBelowItsBoundAndReachesAllOfIt) {
  Prng prng(42);
  uint32_t seen[7] = {};
  for (int i = 0; i < 7000; ++i) {
    uint32_t value = prng.Below(7);
    ASSERT_LT(value, 7U);
    ++seen[value];
    double uniform = prng.Uniform();
    ASSERT_GE(uniform, 0);
    ASSERT_LT(uniform, 1);
  }
  for (uint32_t count : seen) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(prng.Below(1), 0U);
  for (int i = 0; i < 100; ++i) EXPECT_LT(prng.Below(0xffffffffU), 0xffffffffU);
}

}  // namespace
}  // namespace omendb
