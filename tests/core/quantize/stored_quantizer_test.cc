// What a scalar quantizer stores, and what it makes of bytes that it did not store. The kinds' tags and
// RaBitQ's own: stored_rabitq_test.cc.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "allocation_faults.h"
#include "gtest/gtest.h"
#include "quantize/quantizer_rows.h"
#include "quantize/scalar_quantizer.h"

namespace omendb {
namespace {

// The tag in front says which quantizer to read; it is not the quantizer's to check.
constexpr size_t kTagBytes = 4;

class StoredQuantizer : public ::testing::TestWithParam<Metric> {
 protected:
  void SetUp() override {
    Prng prng(3);
    Rows rows(GetParam(), kDimensions, 100, [&](uint32_t, uint32_t) { return Normal(prng); });
    ASSERT_TRUE(rows.Train(quantizer_).ok());
    ASSERT_TRUE(quantizer_.Serialize(stored_).ok());
  }
  // Nothing is learned from the bytes.
  void ExpectCorrupt(ByteSpan bytes, uint32_t dimensions = kDimensions) {
    ScalarQuantizer quantizer(GetParam(), dimensions);
    Reader reader(bytes.subspan(kTagBytes));
    EXPECT_EQ(quantizer.Deserialize(reader).code(), Code::kCorruption);
    EXPECT_EQ(quantizer.memory_bytes(), 0U);
  }
  static constexpr uint32_t kDimensions = 21;
  ScalarQuantizer quantizer_{GetParam(), kDimensions};
  Bytes stored_;
};

TEST_P(StoredQuantizer, ComesBackWithTheSameCodesAndDistances) {
  ScalarQuantizer loaded(GetParam(), kDimensions);
  Reader reader(stored_.span().subspan(kTagBytes));
  ASSERT_TRUE(loaded.Deserialize(reader).ok());
  EXPECT_TRUE(reader.done());
  Prng prng(4);
  Rows rows(GetParam(), kDimensions, 10, [&](uint32_t, uint32_t) { return Normal(prng); });
  size_t bytes = ScalarQuantizer::RowBytes(kDimensions);
  std::vector<uint8_t> first(bytes);
  std::vector<uint8_t> second(bytes);
  ScalarQuantizer::Query query;
  ScalarQuantizer::Query loaded_query;
  ASSERT_TRUE(quantizer_.ReserveQuery(&query).ok());
  ASSERT_TRUE(loaded.ReserveQuery(&loaded_query).ok());
  for (uint32_t i = 0; i < rows.count(); ++i) {
    quantizer_.Encode(rows.row(i), rows.inverse_norm(i), nullptr, first.data());
    loaded.Encode(rows.row(i), rows.inverse_norm(i), nullptr, second.data());
    EXPECT_EQ(first, second);
    quantizer_.PrepareQueryFromRow(first.data(), &query);
    loaded.PrepareQueryFromRow(first.data(), &loaded_query);
    EXPECT_EQ(quantizer_.Distance(query, first.data()), loaded.Distance(loaded_query, first.data()));
  }
  EXPECT_EQ(loaded.memory_bytes(), quantizer_.memory_bytes());
  Bytes again;
  ASSERT_TRUE(loaded.Serialize(again).ok());
  ASSERT_EQ(again.size(), stored_.size());
  EXPECT_EQ(std::memcmp(again.data(), stored_.data(), again.size()), 0);
}

TEST_P(StoredQuantizer, RefusesEveryTruncation) {
  for (size_t size = kTagBytes; size < stored_.size(); ++size) ExpectCorrupt(stored_.span().first(size));
}

TEST_P(StoredQuantizer, RefusesOtherDimensions) {
  ExpectCorrupt(stored_.span(), kDimensions - 1);
  ExpectCorrupt(stored_.span(), kDimensions + 1);
}

TEST_P(StoredQuantizer, RefusesCentersAndStepsThatCannotBe) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  for (uint32_t d : {0U, kDimensions - 1}) {
    uint8_t* center = stored_.data() + 8 + size_t{d} * 4;
    auto kept_center = LoadAt<float>(center);
    for (float bad : {kInfinity, -kInfinity, kNaN, 3e38F}) {
      StoreAt(center, bad);
      ExpectCorrupt(stored_.span());
    }
    StoreAt(center, kept_center);
    uint8_t* step = stored_.data() + 8 + size_t{kDimensions + d} * 4;
    auto kept_step = LoadAt<float>(step);
    for (float bad : {kInfinity, kNaN, 0.0F, -1.0F, 1e-40F, 3e38F}) {
      StoreAt(step, bad);
      ExpectCorrupt(stored_.span());
    }
    StoreAt(step, kept_step);
  }
}

TEST_P(StoredQuantizer, KnowsRowsThatItCanHaveEncoded) {
  Prng prng(5);
  Rows rows(GetParam(), kDimensions, 50,
            [&](uint32_t i, uint32_t) { return Normal(prng) * (i % 5 == 0 ? 1e17 : 1); });
  const size_t bytes = ScalarQuantizer::RowBytes(kDimensions);
  std::vector<uint8_t> row(bytes, 0);
  EXPECT_TRUE(quantizer_.ValidRow(row.data())) << "all zeros";
  for (uint32_t i = 0; i < rows.count(); ++i) {
    quantizer_.Encode(rows.row(i), rows.inverse_norm(i), nullptr, row.data());
    EXPECT_TRUE(quantizer_.ValidRow(row.data())) << i;
  }
  const std::vector<uint8_t> valid = row;
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (size_t term : {0U, 4U}) {
      StoreAt(row.data() + term, bad);
      EXPECT_FALSE(quantizer_.ValidRow(row.data()));
      row = valid;
    }
  }
  for (size_t unused = 8; unused < ScalarQuantizer::kCodesOffset; ++unused) {
    row[unused] = 1;
    EXPECT_FALSE(quantizer_.ValidRow(row.data()));
    row = valid;
  }
  for (size_t code = ScalarQuantizer::kCodesOffset; code < bytes; ++code) {
    row[code] = 0x80;
    EXPECT_FALSE(quantizer_.ValidRow(row.data()));
    row = valid;
  }
}

TEST_P(StoredQuantizer, LoadsNothingOnRefusedMemoryAndLeaksNothing) {
  uint64_t refused = FailEachAllocation([this] {
    ScalarQuantizer quantizer(GetParam(), kDimensions);
    Reader reader(stored_.span().subspan(kTagBytes));
    Status status = quantizer.Deserialize(reader);
    if (!status.ok()) EXPECT_EQ(quantizer.memory_bytes(), 0U);
    return status;
  });
  EXPECT_GE(refused, 4U);
}

INSTANTIATE_TEST_SUITE_P(Metrics, StoredQuantizer, ::testing::ValuesIn(kMetrics));

}  // namespace
}  // namespace omendb
