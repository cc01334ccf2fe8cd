#include "base/chunked_rows.h"

#include "allocation_faults.h"
#include "base/coding.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(ChunkedRows, RowsNeverMoveAndNeverOverlap) {
  for (size_t stride : {size_t{1}, size_t{12}, size_t{16}, size_t{1552}, ChunkedRows::kChunkBytes + 4}) {
    ChunkedRows rows(stride);
    uint8_t* first = nullptr;
    uint32_t count = stride > 4096 ? 5 : 3000;
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_TRUE(rows.Reserve(i + 1).ok());
      rows.Resize(i + 1);
      std::memset(rows.row(i), static_cast<int>(i % 251), stride);
      if (i == 0) first = rows.row(0);
    }
    EXPECT_EQ(rows.row(0), first);
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(rows.row(i)[0], i % 251);
      ASSERT_EQ(rows.row(i)[stride - 1], i % 251);
      if (stride % 16 == 0) ASSERT_EQ(reinterpret_cast<uintptr_t>(rows.row(i)) % 16, 0U);
    }
  }
}

TEST(ChunkedRows, GivesBackChunksWithoutRows) {
  size_t before = AllocatedBytes();
  ChunkedRows rows(1024);
  ASSERT_TRUE(rows.Reserve(1000).ok());
  rows.Resize(1000);
  size_t full = rows.memory_bytes();
  EXPECT_GE(full, 1000U * 1024);
  EXPECT_GE(AllocatedBytes() - before, 1000U * 1024);
  rows.Resize(1);
  rows.ShrinkToFit();
  EXPECT_LE(rows.memory_bytes(), full / 2);
  rows.Resize(0);
  rows.ShrinkToFit();
  rows.Clear();
  EXPECT_EQ(AllocatedBytes(), before);
}

TEST(ChunkedRows, MovesItsContentAndItsShape) {
  ChunkedRows rows(8);
  ASSERT_TRUE(rows.Reserve(2).ok());
  rows.Resize(2);
  StoreAt<uint64_t>(rows.row(1), 77);
  ChunkedRows moved = std::move(rows);
  EXPECT_EQ(LoadAt<uint64_t>(moved.row(1)), 77U);
  EXPECT_EQ(moved.size(), 2U);
  ChunkedRows target(16);
  target = std::move(moved);
  EXPECT_EQ(target.stride_bytes(), 8U);
  EXPECT_EQ(LoadAt<uint64_t>(target.row(1)), 77U);
}

TEST(ChunkedRows, IsUnchangedWhenGrowthIsRefused) {
  uint64_t refused = FailEachAllocation([] {
    ChunkedRows rows(4096);
    for (uint32_t i = 0; i < 300; ++i) {
      Status status = rows.Reserve(i + 1);
      if (!status.ok()) {
        EXPECT_EQ(rows.size(), i);
        if (i > 0) EXPECT_EQ(LoadAt<uint32_t>(rows.row(i - 1)), i - 1);
        return status;
      }
      rows.Resize(i + 1);
      StoreAt<uint32_t>(rows.row(i), i);
    }
    return Status::Ok();
  });
  EXPECT_GT(refused, 4U);
}

TEST(ChunkedRows, RefusesMoreRowsThanMemoryHas) {
  ChunkedRows rows(4096);
  SetAllocationFault(AllocationFault::kForever, 20);
  Status status = rows.Reserve(2'000'000'000);
  SetAllocationFault(AllocationFault::kNone, 0);
  EXPECT_EQ(status.code(), Code::kOutOfMemory);
  EXPECT_EQ(rows.size(), 0U);
}

}  // namespace
}  // namespace omendb
