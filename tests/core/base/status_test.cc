#include "omendb/status.h"

#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(Status, NamesEveryCodeAsJavaScriptSpellsIt) {
  const std::pair<Code, const char*> kNames[] = {
      {Code::kOk, "OK"},
      {Code::kInvalidArgument, "INVALID_ARGUMENT"},
      {Code::kDimensionMismatch, "DIMENSION_MISMATCH"},
      {Code::kInvalidVector, "INVALID_VECTOR"},
      {Code::kDuplicateId, "DUPLICATE_ID"},
      {Code::kLimitExceeded, "LIMIT_EXCEEDED"},
      {Code::kOutOfMemory, "OUT_OF_MEMORY"},
      {Code::kCorruption, "CORRUPTION"},
      {Code::kUnsupportedVersion, "UNSUPPORTED_VERSION"},
      {Code::kNotFound, "NOT_FOUND"},
      {Code::kSchemaMismatch, "SCHEMA_MISMATCH"},
      {Code::kLocked, "LOCKED"},
      {Code::kReadOnly, "READ_ONLY"},
      {Code::kClosed, "CLOSED"},
      {Code::kAborted, "ABORTED"},
      {Code::kStorageFailed, "STORAGE_FAILED"},
      {Code::kQuotaExceeded, "QUOTA_EXCEEDED"},
      {Code::kConflict, "CONFLICT"},
      {Code::kEngineFailed, "ENGINE_FAILED"},
      {Code::kUnsupported, "UNSUPPORTED"},
      {Code::kEvicted, "EVICTED"},
      {Code::kNotRetained, "NOT_RETAINED"},
  };
  ASSERT_EQ(std::size(kNames), size_t{kCodeCount});
  std::set<std::string> seen;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    EXPECT_EQ(static_cast<size_t>(kNames[i].first), i);
    EXPECT_STREQ(CodeName(kNames[i].first), kNames[i].second);
    EXPECT_TRUE(seen.insert(kNames[i].second).second);
  }
  EXPECT_STREQ(CodeName(static_cast<Code>(kCodeCount)), "UNKNOWN");
}

TEST(Status, BuildsAMessageFromPieces) {
  Status status =
      Status::Error(Code::kDimensionMismatch, "expected ", 384U, " floats, found ", -7, "; ", true);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kDimensionMismatch);
  EXPECT_EQ(status.message(), "expected 384 floats, found -7; 1");
}

TEST(Status, WritesTheExtremesOfIntegers) {
  EXPECT_EQ(Status::Error(Code::kConflict, std::numeric_limits<int64_t>::min()).message(),
            "-9223372036854775808");
  EXPECT_EQ(Status::Error(Code::kConflict, std::numeric_limits<uint64_t>::max()).message(),
            "18446744073709551615");
  EXPECT_EQ(Status::Error(Code::kConflict, 0).message(), "0");
}

TEST(Status, CutsALongMessage) {
  std::string name(500, 'x');
  Status status = Status::Error(Code::kNotFound, "no collection ", std::string_view(name), " here");
  EXPECT_EQ(status.message().size(), Status::kMessageCapacity - 1);
  EXPECT_EQ(status.message().substr(0, 15), "no collection x");
}

TEST(Status, IsOkByDefaultAndSurvivesCopies) {
  EXPECT_TRUE(Status::Ok().ok());
  EXPECT_EQ(Status().message(), "");
  Status status = Status::Error(Code::kLocked, "by another");
  Status copy = status;
  EXPECT_EQ(copy.code(), Code::kLocked);
  EXPECT_EQ(copy.message(), "by another");
}

Result<int> Half(int value) {
  if (value % 2 != 0) return Status::Error(Code::kInvalidArgument, value, " is odd");
  return value / 2;
}

Status QuarterInto(int value, int* quarter) {
  OMENDB_ASSIGN(int half, Half(value));
  OMENDB_ASSIGN(*quarter, Half(half));
  return Status::Ok();
}

TEST(Result, CarriesAValueOrTheReasonWhyNot) {
  int quarter = 0;
  EXPECT_TRUE(QuarterInto(12, &quarter).ok());
  EXPECT_EQ(quarter, 3);
  Status odd = QuarterInto(6, &quarter);
  EXPECT_EQ(odd.code(), Code::kInvalidArgument);
  EXPECT_EQ(odd.message(), "3 is odd");
  EXPECT_EQ(quarter, 3);
}

}  // namespace
}  // namespace omendb
