#include "base/coding.h"

#include <limits>

#include "allocation_faults.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(Coding, NumbersAreLittleEndianAndComeBack) {
  Bytes bytes;
  ASSERT_TRUE(PutNumber<uint32_t>(bytes, 0x01020304).ok());
  ASSERT_TRUE(PutNumber<int64_t>(bytes, std::numeric_limits<int64_t>::min()).ok());
  ASSERT_TRUE(PutNumber<float>(bytes, -1.5F).ok());
  ASSERT_EQ(bytes.size(), 16U);
  EXPECT_EQ(bytes[0], 4);
  EXPECT_EQ(bytes[3], 1);
  Reader reader(bytes.span());
  EXPECT_EQ(reader.Number<uint32_t>(), 0x01020304U);
  EXPECT_EQ(reader.Number<int64_t>(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(reader.Number<float>(), -1.5F);
  EXPECT_TRUE(reader.done());
}

TEST(Reader, FailsForEverAfterAReadPastTheEnd) {
  const uint8_t kBytes[6] = {1, 2, 3, 4, 5, 6};
  Reader reader(kBytes);
  EXPECT_EQ(reader.Number<uint8_t>(), 1);
  EXPECT_EQ(reader.Number<uint64_t>(), 0U);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.Number<uint8_t>(), 0);
  EXPECT_TRUE(reader.Take(0).empty());
  EXPECT_FALSE(reader.done());
}

TEST(Reader, RefusesHostileCounts) {
  const uint8_t kBytes[8] = {};
  for (uint64_t count : {uint64_t{9}, std::numeric_limits<uint64_t>::max(), uint64_t{1} << 32}) {
    Reader reader(kBytes);
    (void)reader.Number<uint8_t>();
    EXPECT_TRUE(reader.Take(count).empty());
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Reader, AlignsWithinTheBuffer) {
  const uint8_t kBytes[20] = {};
  Reader reader(kBytes);
  reader.Align(16);
  EXPECT_EQ(reader.offset(), 0U);
  (void)reader.Number<uint8_t>();
  reader.Align(16);
  EXPECT_EQ(reader.offset(), 16U);
  EXPECT_EQ(reader.remaining(), 4U);
  (void)reader.Number<uint8_t>();
  reader.Align(16);
  EXPECT_TRUE(reader.failed());
}

TEST(Coding, PutNumberLeavesTheBufferWhenMemoryIsRefused) {
  uint64_t refused = FailEachAllocation([] {
    Bytes bytes;
    Status status = PutNumber<uint32_t>(bytes, 7);
    if (!status.ok()) EXPECT_EQ(bytes.size(), 0U);
    return status;
  });
  EXPECT_EQ(refused, 1U);
}

}  // namespace
}  // namespace omendb
