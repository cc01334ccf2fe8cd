#include "base/allocation.h"

#include <cstring>
#include <limits>

#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(Allocation, IsAlignedAndCounted) {
  size_t before = AllocatedBytes();
  for (size_t bytes : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{4096}, size_t{1} << 20}) {
    void* pointer = AllocateBytes(bytes);
    ASSERT_NE(pointer, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pointer) % kCacheLineBytes, 0U);
    EXPECT_GE(AllocatedBytes(), before + bytes);
    std::memset(pointer, 0xff, bytes);
    FreeBytes(pointer);
    EXPECT_EQ(AllocatedBytes(), before);
  }
  FreeBytes(nullptr);
  EXPECT_EQ(AllocatedBytes(), before);
}

TEST(Allocation, AnswersNullForMoreThanThereIs) {
  size_t before = AllocatedBytes();
  for (size_t bytes : {std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max() - 63,
                       std::numeric_limits<size_t>::max() / 2, std::numeric_limits<size_t>::max() / 2 + 1}) {
    void* pointer = AllocateBytes(bytes);
    // wasm32 really has 2 GiB to give.
    if (sizeof(size_t) == 8) EXPECT_EQ(pointer, nullptr) << bytes;
    FreeBytes(pointer);
  }
  EXPECT_EQ(AllocateBytes(std::numeric_limits<size_t>::max()), nullptr);
  EXPECT_EQ(AllocatedBytes(), before);
}

TEST(Allocation, AnswersNullWhenMemoryRunsOutAndRecovers) {
  if (sizeof(size_t) == 8) GTEST_SKIP() << "a 64-bit machine's memory is not to be filled by a test";
  // 4 GiB of address space: at most 7 blocks of 512 MiB.
  void* blocks[8] = {};
  size_t before = AllocatedBytes();
  int count = 0;
  while (count < 8 && (blocks[count] = AllocateBytes(size_t{512} << 20)) != nullptr) ++count;
  EXPECT_LT(count, 8);
  EXPECT_GT(count, 0);
  for (int i = 0; i < count; ++i) FreeBytes(blocks[i]);
  EXPECT_EQ(AllocatedBytes(), before);
  void* again = AllocateBytes(1024);
  EXPECT_NE(again, nullptr);
  FreeBytes(again);
}

TEST(Allocation, FailsOnceWherePlanned) {
  SetAllocationFault(AllocationFault::kOnce, 1);
  void* first = AllocateBytes(8);
  void* second = AllocateBytes(8);
  void* third = AllocateBytes(8);
  SetAllocationFault(AllocationFault::kNone, 0);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(second, nullptr);
  EXPECT_NE(third, nullptr);
  FreeBytes(first);
  FreeBytes(third);
}

TEST(Allocation, FailsForEverWherePlanned) {
  SetAllocationFault(AllocationFault::kForever, 0);
  EXPECT_EQ(AllocateBytes(8), nullptr);
  EXPECT_EQ(AllocateBytes(8), nullptr);
  EXPECT_EQ(MakeOwned<int>(3), nullptr);
  SetAllocationFault(AllocationFault::kNone, 0);
  EXPECT_NE(MakeOwned<int>(3), nullptr);
}

TEST(Allocation, OwnedObjectsAreDestroyed) {
  struct Counted {
    explicit Counted(int* alive) : alive_(alive) { ++*alive_; }
    ~Counted() { --*alive_; }
    int* alive_;
  };
  size_t before = AllocatedBytes();
  int alive = 0;
  {
    Owned<Counted> object = MakeOwned<Counted>(&alive);
    ASSERT_NE(object, nullptr);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(AllocatedBytes(), before);
}

}  // namespace
}  // namespace omendb
