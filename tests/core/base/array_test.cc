#include "base/array.h"

#include <limits>

#include "allocation_faults.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(Array, PushesAndKeepsOrderWhileItGrows) {
  Array<uint32_t> array;
  EXPECT_TRUE(array.empty());
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(array.Push(i * 7).ok());
  ASSERT_EQ(array.size(), 1000U);
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(array[i], i * 7);
  EXPECT_EQ(array.back(), 999U * 7);
  array.Pop();
  EXPECT_EQ(array.back(), 998U * 7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array.data()) % kCacheLineBytes, 0U);
}

TEST(Array, ResizeZeroesWhatIsNewEvenAfterShrinking) {
  Array<uint32_t> array;
  ASSERT_TRUE(array.Resize(4).ok());
  for (uint32_t& value : array) value = 9;
  ASSERT_TRUE(array.Resize(2).ok());
  ASSERT_TRUE(array.Resize(4).ok());
  EXPECT_EQ(array[1], 9U);
  EXPECT_EQ(array[2], 0U);
  EXPECT_EQ(array[3], 0U);
}

TEST(Array, TruncateKeepsCapacityAndReleaseGivesItBack) {
  size_t before = AllocatedBytes();
  Array<uint8_t> array;
  ASSERT_TRUE(array.Resize(1000).ok());
  size_t capacity = array.capacity();
  array.Clear();
  EXPECT_EQ(array.capacity(), capacity);
  EXPECT_GT(AllocatedBytes(), before);
  array.Release();
  EXPECT_EQ(array.capacity(), 0U);
  EXPECT_EQ(AllocatedBytes(), before);
  ASSERT_TRUE(array.Push(1).ok());
}

TEST(Array, MovesItsContent) {
  Array<Bytes> nested;
  for (uint8_t i = 0; i < 20; ++i) {
    Bytes bytes;
    ASSERT_TRUE(bytes.Push(i).ok());
    ASSERT_TRUE(nested.Push(std::move(bytes)).ok());
  }
  Array<Bytes> moved = std::move(nested);
  EXPECT_TRUE(nested.empty());  // NOLINT(bugprone-use-after-move): what moving leaves behind is the point
  nested = std::move(moved);
  ASSERT_EQ(nested.size(), 20U);
  for (uint8_t i = 0; i < 20; ++i) EXPECT_EQ(nested[i][0], i);
}

TEST(Array, RefusesSizesThatOverflow) {
  Array<uint64_t> array;
  ASSERT_TRUE(array.Push(5).ok());
  EXPECT_EQ(array.Reserve(std::numeric_limits<size_t>::max() / 4).code(), Code::kOutOfMemory);
  EXPECT_EQ(array.ReserveMore(std::numeric_limits<size_t>::max()).code(), Code::kOutOfMemory);
  EXPECT_EQ(array.ReserveMore(std::numeric_limits<size_t>::max() / 8).code(), Code::kOutOfMemory);
  ASSERT_EQ(array.size(), 1U);
  EXPECT_EQ(array[0], 5U);
}

TEST(Array, IsUnchangedWhenGrowthIsRefused) {
  uint64_t refused = FailEachAllocation([] {
    Array<uint32_t> array;
    for (uint32_t i = 0; i < 100; ++i) {
      Status status = array.Push(i);
      if (!status.ok()) {
        EXPECT_EQ(array.size(), i);
        for (uint32_t j = 0; j < i; ++j) EXPECT_EQ(array[j], j);
        return status;
      }
    }
    uint32_t more[1000] = {};
    Status status = array.Append(std::span<const uint32_t>(more));
    if (!status.ok()) EXPECT_EQ(array.size(), 100U);
    return status;
  });
  EXPECT_GT(refused, 2U);
}

}  // namespace
}  // namespace omendb
