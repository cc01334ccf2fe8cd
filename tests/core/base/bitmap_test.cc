#include "base/bitmap.h"

#include <vector>

#include "allocation_faults.h"
#include "base/prng.h"
#include "gtest/gtest.h"
#include "seed.h"

namespace omendb {
namespace {

void ExpectEqual(const Bitmap& bitmap, const std::vector<bool>& model) {
  ASSERT_EQ(bitmap.size(), model.size());
  uint32_t count = 0;
  for (uint32_t i = 0; i < bitmap.size(); ++i) {
    ASSERT_EQ(bitmap.Test(i), model[i]) << "bit " << i;
    count += model[i] ? 1U : 0U;
  }
  ASSERT_EQ(bitmap.set_count(), count);
  ASSERT_EQ(bitmap.any(), count > 0);
}

TEST(Bitmap, AgreesWithAModelUnderRandomOperations) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  Bitmap bitmap;
  std::vector<bool> model;
  for (int step = 0; step < 3000; ++step) {
    uint32_t choice = prng.Below(10);
    if (choice == 0) {
      uint32_t size = prng.Below(300);
      ASSERT_TRUE(bitmap.Resize(size).ok());
      model.resize(size);
    } else if (!model.empty()) {
      uint32_t index = prng.Below(static_cast<uint32_t>(model.size()));
      if (choice < 6) {
        bitmap.Set(index);
      } else {
        bitmap.Unset(index);
      }
      model[index] = choice < 6;
    }
    ExpectEqual(bitmap, model);
  }
  Bitmap copy;
  ASSERT_TRUE(copy.CopyFrom(bitmap).ok());
  ExpectEqual(copy, model);
  Bitmap assigned;
  ASSERT_TRUE(assigned.Assign(bitmap.words(), bitmap.size()).ok());
  ExpectEqual(assigned, model);
  bitmap.Clear();
  ExpectEqual(bitmap, {});
}

TEST(Bitmap, RefusesWordsThatDoNotFitItsSize) {
  Bitmap bitmap;
  ASSERT_TRUE(bitmap.Resize(3).ok());
  bitmap.Set(1);
  uint64_t words[2] = {~uint64_t{0}, 1};
  EXPECT_EQ(bitmap.Assign(words, 64).code(), Code::kCorruption);
  EXPECT_EQ(bitmap.Assign(words, 129).code(), Code::kCorruption);
  words[1] = 2;
  EXPECT_EQ(bitmap.Assign(words, 65).code(), Code::kCorruption);
  ExpectEqual(bitmap, {false, true, false});
  words[1] = 1;
  EXPECT_TRUE(bitmap.Assign(words, 65).ok());
  EXPECT_EQ(bitmap.set_count(), 65U);
  EXPECT_TRUE(bitmap.Assign({}, 0).ok());
  EXPECT_EQ(bitmap.size(), 0U);
}

TEST(Bitmap, GrowthWithinItsReserveNeedsNoMemory) {
  Bitmap bitmap;
  ASSERT_TRUE(bitmap.Reserve(10'000).ok());
  SetAllocationFault(AllocationFault::kForever, 0);
  Status status = bitmap.Resize(10'000);
  SetAllocationFault(AllocationFault::kNone, 0);
  EXPECT_TRUE(status.ok());
}

TEST(Bitmap, IsUnchangedWhenGrowthIsRefused) {
  uint64_t refused = FailEachAllocation([] {
    Bitmap bitmap;
    Status status = bitmap.Resize(100);
    if (!status.ok()) return status;
    bitmap.Set(99);
    status = bitmap.Resize(100'000);
    if (!status.ok()) {
      EXPECT_EQ(bitmap.size(), 100U);
      EXPECT_EQ(bitmap.set_count(), 1U);
      EXPECT_TRUE(bitmap.Test(99));
      return status;
    }
    Bitmap copy;
    status = copy.CopyFrom(bitmap);
    if (!status.ok()) EXPECT_EQ(copy.size(), 0U);
    return status;
  });
  EXPECT_EQ(refused, 3U);
}

TEST(Bitmap, SqueezesBitsOutAndNeedsNoMemoryForIt) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  for (uint32_t size : {0U, 1U, 63U, 64U, 65U, 1000U}) {
    Bitmap bitmap;
    Bitmap removed;
    ASSERT_TRUE(bitmap.Resize(size).ok());
    ASSERT_TRUE(removed.Resize(size + 7).ok());
    std::vector<bool> model;
    for (uint32_t i = 0; i < size; ++i) {
      const bool bit = prng.Below(2) == 0;
      if (bit) bitmap.Set(i);
      if (prng.Below(3) == 0) {
        removed.Set(i);
      } else {
        model.push_back(bit);
      }
    }
    SetAllocationFault(AllocationFault::kForever, 0);
    bitmap.Squeeze(removed);
    SetAllocationFault(AllocationFault::kNone, 0);
    ExpectEqual(bitmap, model);
  }
}

}  // namespace
}  // namespace omendb
