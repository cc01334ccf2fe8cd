// What a quantizer stores, and what it makes of bytes that it did not store.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "allocation_faults.h"
#include "gtest/gtest.h"
#include "quantize/quantizer_rows.h"

namespace omendb {
namespace {

class StoredQuantizer : public ::testing::TestWithParam<Metric> {
 protected:
  void SetUp() override {
    Prng prng(3);
    Rows rows(GetParam(), kDimensions, 100, [&](uint32_t, uint32_t) { return Normal(prng); });
    ASSERT_TRUE(rows.Train(GetParam(), quantizer_).ok());
    ASSERT_TRUE(quantizer_.Serialize(stored_).ok());
  }
  void ExpectCorrupt(ByteSpan bytes, Metric metric, uint32_t dimensions) {
    ScalarQuantizer quantizer;
    Reader reader(bytes);
    EXPECT_EQ(quantizer.Deserialize(reader, metric, dimensions).code(), Code::kCorruption);
    EXPECT_FALSE(quantizer.trained());
  }
  static constexpr uint32_t kDimensions = 21;
  ScalarQuantizer quantizer_;
  Bytes stored_;
};

TEST_P(StoredQuantizer, ComesBackWithTheSameCodesAndDistances) {
  ScalarQuantizer loaded;
  Reader reader(stored_.span());
  ASSERT_TRUE(loaded.Deserialize(reader, GetParam(), kDimensions).ok());
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
    quantizer_.Encode(rows.row(i), rows.inverse_norm(i), first.data());
    loaded.Encode(rows.row(i), rows.inverse_norm(i), second.data());
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
  for (size_t size = 0; size < stored_.size(); ++size) {
    ExpectCorrupt(stored_.span().first(size), GetParam(), kDimensions);
  }
}

TEST_P(StoredQuantizer, RefusesAnotherMetricOrOtherDimensions) {
  ExpectCorrupt(stored_.span(), GetParam() == Metric::kL2 ? Metric::kDot : Metric::kL2, kDimensions);
  ExpectCorrupt(stored_.span(), GetParam(), kDimensions - 1);
  ExpectCorrupt(stored_.span(), GetParam(), kDimensions + 1);
  stored_[2] = 1;  // padding is checked
  ExpectCorrupt(stored_.span(), GetParam(), kDimensions);
}

TEST_P(StoredQuantizer, RefusesCentersAndStepsThatCannotBe) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  for (uint32_t d : {0U, kDimensions - 1}) {
    uint8_t* center = stored_.data() + 8 + size_t{d} * 4;
    auto kept_center = LoadAt<float>(center);
    for (float bad : {kInfinity, -kInfinity, kNaN, 3e38F}) {
      StoreAt(center, bad);
      ExpectCorrupt(stored_.span(), GetParam(), kDimensions);
    }
    StoreAt(center, kept_center);
    uint8_t* step = stored_.data() + 8 + size_t{kDimensions + d} * 4;
    auto kept_step = LoadAt<float>(step);
    for (float bad : {kInfinity, kNaN, 0.0F, -1.0F, 1e-40F, 3e38F}) {
      StoreAt(step, bad);
      ExpectCorrupt(stored_.span(), GetParam(), kDimensions);
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
  EXPECT_TRUE(ScalarQuantizer::ValidRow(row.data(), bytes)) << "all zeros";
  for (uint32_t i = 0; i < rows.count(); ++i) {
    quantizer_.Encode(rows.row(i), rows.inverse_norm(i), row.data());
    EXPECT_TRUE(ScalarQuantizer::ValidRow(row.data(), bytes)) << i;
  }
  const std::vector<uint8_t> valid = row;
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    for (size_t term : {0U, 4U}) {
      StoreAt(row.data() + term, bad);
      EXPECT_FALSE(ScalarQuantizer::ValidRow(row.data(), bytes));
      row = valid;
    }
  }
  for (size_t unused = 8; unused < ScalarQuantizer::kCodesOffset; ++unused) {
    row[unused] = 1;
    EXPECT_FALSE(ScalarQuantizer::ValidRow(row.data(), bytes));
    row = valid;
  }
  for (size_t code = ScalarQuantizer::kCodesOffset; code < bytes; ++code) {
    row[code] = 0x80;
    EXPECT_FALSE(ScalarQuantizer::ValidRow(row.data(), bytes));
    row = valid;
  }
}

TEST_P(StoredQuantizer, LoadsNothingOnRefusedMemoryAndLeaksNothing) {
  uint64_t refused = FailEachAllocation([this] {
    ScalarQuantizer quantizer;
    Reader reader(stored_.span());
    Status status = quantizer.Deserialize(reader, GetParam(), kDimensions);
    if (!status.ok()) EXPECT_FALSE(quantizer.trained());
    return status;
  });
  EXPECT_GE(refused, 4U);
}

INSTANTIATE_TEST_SUITE_P(Metrics, StoredQuantizer, ::testing::ValuesIn(kMetrics));

}  // namespace
}  // namespace omendb
