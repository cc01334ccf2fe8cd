// What a RaBitQ quantizer stores, and what it makes of bytes that it did not store; the tags of all kinds.
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "allocation_faults.h"
#include "gtest/gtest.h"
#include "quantize/quantizer_rows.h"
#include "quantize/rabitq_codes.h"

namespace omendb {
namespace {

constexpr size_t kTagBytes = 4;
constexpr size_t kCenterOffset = 16;
constexpr uint32_t kDimensions = 70;

class StoredRabitq : public ::testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    Prng prng(5);
    rows_ = std::make_unique<Rows>(Metric::kL2, kDimensions, 50,
                                   [&](uint32_t, uint32_t) { return Normal(prng); });
    ASSERT_TRUE(rows_->Train(quantizer_).ok());
    ASSERT_TRUE(quantizer_.Serialize(stored_).ok());
  }
  [[nodiscard]] std::vector<uint8_t> Encoded(const RabitqQuantizer& quantizer, uint32_t row) const {
    std::vector<float> room(quantizer.room_floats());
    std::vector<uint8_t> code(quantizer.row_bytes());
    quantizer.Encode(rows_->row(row), 1, room.data(), code.data());
    return code;
  }
  // A quantizer that has learned something stays what it was.
  void ExpectCorrupt(ByteSpan bytes) {
    Reader reader(bytes.subspan(kTagBytes));
    const std::vector<uint8_t> before = Encoded(quantizer_, 7);
    EXPECT_EQ(quantizer_.Deserialize(reader).code(), Code::kCorruption);
    EXPECT_EQ(Encoded(quantizer_, 7), before);
  }

  std::unique_ptr<Rows> rows_;
  RabitqQuantizer quantizer_{Metric::kL2, kDimensions, GetParam(), 99};
  Bytes stored_;
};

TEST_P(StoredRabitq, ComesBackWithTheSameRotationAndCodes) {
  RabitqQuantizer loaded(Metric::kL2, kDimensions, GetParam(), 0);
  Reader reader(stored_.span().subspan(kTagBytes));
  ASSERT_TRUE(loaded.Deserialize(reader).ok());
  EXPECT_EQ(reader.remaining(), 0U);
  for (uint32_t row = 0; row < rows_->count(); ++row)
    EXPECT_EQ(Encoded(loaded, row), Encoded(quantizer_, row));
}

TEST_P(StoredRabitq, EveryTruncationIsCorruption) {
  for (size_t size = kTagBytes; size < stored_.size(); ++size) ExpectCorrupt(stored_.span().first(size));
}

TEST_P(StoredRabitq, OtherDimensionsAreCorruption) {
  StoreAt<uint32_t>(stored_.data() + kTagBytes, kDimensions + 1);
  ExpectCorrupt(stored_.span());
}

TEST_P(StoredRabitq, CentersThatNoRowsHaveAreCorruption) {
  for (float hostile : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity(), 3e19F, -3e19F}) {
    Bytes changed;
    ASSERT_TRUE(changed.Append(stored_.span()).ok());
    StoreAt<float>(changed.data() + kCenterOffset + size_t{4} * (kDimensions - 1), hostile);
    ExpectCorrupt(changed.span());
  }
}

TEST_P(StoredRabitq, KeepsItsStateWhenMemoryIsRefused) {
  const std::vector<uint8_t> before = Encoded(quantizer_, 3);
  for (uint64_t successes = 0;; ++successes) {
    Reader reader(stored_.span().subspan(kTagBytes));
    SetAllocationFault(AllocationFault::kForever, successes);
    const Status status = quantizer_.Deserialize(reader);
    SetAllocationFault(AllocationFault::kNone, 0);
    EXPECT_EQ(Encoded(quantizer_, 3), before);
    if (status.ok()) break;
    EXPECT_EQ(status.code(), Code::kOutOfMemory);
  }
}

TEST_P(StoredRabitq, RowsWithTermsThatNoRowHasAreRefused) {
  const std::vector<uint8_t> code = Encoded(quantizer_, 0);
  ASSERT_TRUE(quantizer_.ValidRow(code.data()));
  for (size_t term : {size_t{0}, size_t{4}}) {
    for (float hostile :
         {-1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<uint8_t> changed = code;
      StoreAt<float>(changed.data() + term, hostile);
      EXPECT_FALSE(quantizer_.ValidRow(changed.data())) << "term at " << term << ": " << hostile;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllBits, StoredRabitq, ::testing::ValuesIn(kBitCounts));

TEST(QuantizerTag, NamesOneKindOfOneMetric) {
  for (uint32_t kind = 1; kind <= static_cast<uint32_t>(kQuantizationLast); ++kind) {
    const auto quantization = static_cast<Quantization>(kind);
    if (quantization == Quantization::kAuto) continue;
    for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
      const uint32_t tag = QuantizerTag(quantization, metric);
      const bool supported = SupportsMetric(quantization, metric);
      EXPECT_EQ(KindOfTag(tag, metric), supported ? quantization : Quantization::kNone);
      for (Metric other : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
        if (other != metric) EXPECT_EQ(KindOfTag(tag, other), Quantization::kNone);
      }
    }
  }
}

}  // namespace
}  // namespace omendb
