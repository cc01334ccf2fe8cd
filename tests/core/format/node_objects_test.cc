// Objects of a graph's nodes and of their codes, for every kind of codes.
#include <algorithm>
#include <functional>
#include <limits>
#include <string>

#include "allocation_faults.h"
#include "base/coding.h"
#include "format/codes_object.h"
#include "format/nodes_object.h"
#include "format/sample_objects.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

const Origin kOrigin = Origin::Stored("d");

struct ReadNodes {
  TrainingState training;
  Owned<Quantizer> quantizer;
  Array<uint32_t> rows;
  Array<uint32_t> checksums;
};

Status Decode(const Bytes& object, const CollectionOptions& options, ReadNodes& read,
              uint32_t nodes = kSampleNodes, uint32_t row_count = kSampleRows) {
  return DecodeNodes(object.span(), options, nodes, row_count, kOrigin, &read.training, &read.quantizer,
                     &read.rows, &read.checksums);
}
Status Decode(const Bytes& object, Quantization quantization, ReadNodes& read, uint32_t nodes = kSampleNodes,
              uint32_t row_count = kSampleRows) {
  return Decode(object, SampleOptions(quantization), read, nodes, row_count);
}

// The object after a change of its body, behind valid checksums.
Bytes Changed(const Bytes& sample, ObjectKind kind, const std::function<void(uint8_t*)>& change) {
  auto body = DecodeObject(sample.span(), kind, kOrigin);
  EXPECT_TRUE(body.ok());
  Bytes object;
  EXPECT_TRUE(BeginObject(object).ok());
  EXPECT_TRUE(object.Append(body.value()).ok());
  change(object.data() + kObjectHeaderBytes);
  EXPECT_TRUE(FinishObject(kind, object).ok());
  return object;
}

Code DecodedRows(const std::vector<uint32_t>& rows, uint32_t row_count = kSampleRows) {
  Bytes object;
  EXPECT_TRUE(EncodeNodes({}, nullptr, rows, {}, object).ok());
  ReadNodes read;
  return Decode(object, Quantization::kNone, read, static_cast<uint32_t>(rows.size()), row_count).code();
}

TEST(NodesObject, EveryNodeIsFreeOrOfARowOfItsOwn) {
  EXPECT_EQ(DecodedRows({}), Code::kOk);
  EXPECT_EQ(DecodedRows({6, 5, kNoStoredRow, kNoStoredRow, 0}), Code::kOk);
  EXPECT_EQ(DecodedRows({0, 7}), Code::kCorruption);
  EXPECT_EQ(DecodedRows({0, 0xfffffffe}), Code::kCorruption);
  EXPECT_EQ(DecodedRows({3, 1, 3}), Code::kCorruption);
  EXPECT_EQ(DecodedRows({0}, 0), Code::kCorruption);
  EXPECT_EQ(DecodedRows({kNoStoredRow}, 0), Code::kOk);
}

TEST(NodesObject, WithoutQuantizationThereIsNoQuantizer) {
  ReadNodes plain;
  ASSERT_TRUE(Decode(SampleNodes(Quantization::kNone), Quantization::kNone, plain).ok());
  EXPECT_EQ(plain.quantizer, nullptr);
  EXPECT_EQ(std::vector<uint32_t>(plain.rows.begin(), plain.rows.end()), SampleNodeRows());
}

class NodesOfKind : public ::testing::TestWithParam<NamedKind> {};
class CodesOfKind : public ::testing::TestWithParam<NamedKind> {};
constexpr auto kNameOfKind = [](const ::testing::TestParamInfo<NamedKind>& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Kinds, NodesOfKind, ::testing::ValuesIn(kCodeKinds), kNameOfKind);
INSTANTIATE_TEST_SUITE_P(Kinds, CodesOfKind, ::testing::ValuesIn(kCodeKinds), kNameOfKind);

TEST_P(NodesOfKind, RowsAndQuantizerComeBack) {
  const Quantization kind = GetParam().kind;
  for (Quantization asked : {kind, Quantization::kAuto}) {
    ReadNodes read;
    Status status = Decode(SampleNodes(kind), asked, read);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(read.training.trained_rows, 4U);
    EXPECT_EQ(read.training.new_rows, 3U);
    ASSERT_NE(read.quantizer, nullptr);
    EXPECT_EQ(read.quantizer->kind(), kind);
    EXPECT_EQ(read.quantizer->memory_bytes(), SampleQuantizer(kind)->memory_bytes());
    EXPECT_EQ(std::vector<uint32_t>(read.rows.begin(), read.rows.end()), SampleNodeRows());
  }
}

TEST_P(NodesOfKind, AgreeWithTheManifest) {
  const Quantization kind = GetParam().kind;
  Bytes object = SampleNodes(kind);
  ReadNodes read;
  EXPECT_EQ(Decode(object, kind, read, kSampleNodes + 1).code(), Code::kCorruption);
  EXPECT_EQ(Decode(object, kind, read, kSampleNodes - 1).code(), Code::kCorruption);
  EXPECT_EQ(Decode(object, kind, read, kSampleNodes, kSampleRows - 1).code(), Code::kCorruption);
  EXPECT_EQ(Decode(object, Quantization::kNone, read).code(), Code::kCorruption);
  for (const NamedKind& other : kCodeKinds) {
    if (other.kind == kind) continue;
    EXPECT_EQ(Decode(object, other.kind, read).code(), Code::kCorruption) << "not " << other.name;
  }
  for (Quantization asked : {kind, Quantization::kAuto}) {
    EXPECT_EQ(Decode(SampleNodes(Quantization::kNone), asked, read).code(), Code::kCorruption);
    for (uint32_t dimensions : {kSampleDimensions - 1, kSampleDimensions + 1}) {
      CollectionOptions other = SampleOptions(asked);
      other.dimensions = dimensions;
      EXPECT_EQ(Decode(object, other, read).code(), Code::kCorruption) << dimensions;
    }
    for (Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL1}) {
      CollectionOptions other = SampleOptions(asked);
      other.metric = metric;
      EXPECT_EQ(Decode(object, other, read).code(), Code::kCorruption) << "a quantizer of l2";
    }
  }
}

TEST_P(NodesOfKind, EveryOtherTagIsCorruption) {
  const Bytes sample = SampleNodes(GetParam().kind);
  const uint32_t right = QuantizerTag(GetParam().kind, Metric::kL2);
  for (size_t byte = 0; byte < 4; ++byte) {
    for (uint32_t value = 0; value < 256; ++value) {
      const uint32_t tag = (right & ~(0xffU << (8 * byte))) | value << (8 * byte);
      Bytes object = Changed(sample, ObjectKind::kNodes, [&](uint8_t* body) { StoreAt(body + 8, tag); });
      ReadNodes read;
      const Code code = Decode(object, GetParam().kind, read).code();
      EXPECT_EQ(code, tag == right ? Code::kOk : Code::kCorruption) << tag;
      // Another kind may be one of these bytes, but not of this length or not what was asked for.
      if (KindOfTag(tag, Metric::kL2) != Quantization::kNone) continue;
      EXPECT_EQ(Decode(object, Quantization::kAuto, read).code(), Code::kCorruption) << tag;
    }
  }
}

TEST_P(NodesOfKind, RefusedMemoryIsAStatusAndLeaksNothing) {
  Bytes object = SampleNodes(GetParam().kind);
  EXPECT_GE(FailEachAllocation([&] {
              ReadNodes read;
              return Decode(object, GetParam().kind, read);
            }),
            4U);
}

TEST(QuantizerTag, NamesOneKindAndMetric) {
  for (uint32_t kind = 1; kind <= static_cast<uint32_t>(kQuantizationLast); ++kind) {
    const auto named = static_cast<Quantization>(kind);
    if (named == Quantization::kAuto) continue;
    for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
      const uint32_t tag = QuantizerTag(named, metric);
      EXPECT_EQ(KindOfTag(tag, metric), SupportsMetric(named, metric) ? named : Quantization::kNone);
      for (Metric other : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
        if (other != metric) EXPECT_EQ(KindOfTag(tag, other), Quantization::kNone);
      }
    }
  }
  // A tag of SQ8 was its metric alone before there were other kinds.
  EXPECT_EQ(QuantizerTag(Quantization::kSq8, Metric::kDot), static_cast<uint32_t>(Metric::kDot));
}

Code DecodedCodes(Quantization kind, const std::function<void(uint8_t*)>& change) {
  Bytes object = Changed(SampleCodes(kind), ObjectKind::kCodes, change);
  return DecodeCodes(object.span(), kSampleNodes, *SampleQuantizer(kind), kOrigin).status().code();
}

TEST_P(CodesOfKind, ComeBackAndAgreeWithTheManifest) {
  const Quantization kind = GetParam().kind;
  Bytes object = SampleCodes(kind);
  Owned<Quantizer> quantizer = SampleQuantizer(kind);
  const size_t row_bytes = quantizer->row_bytes();
  auto codes = DecodeCodes(object.span(), kSampleNodes, *quantizer, kOrigin);
  ASSERT_TRUE(codes.ok()) << codes.status().message();
  std::vector<float> room(quantizer->room_floats());
  Bytes expected;
  ASSERT_TRUE(expected.Resize(row_bytes).ok());
  quantizer->Encode(SampleVectors().data() + size_t{3} * kSampleDimensions, 1, room.data(), expected.data());
  EXPECT_EQ(std::memcmp(codes.value() + 3 * row_bytes, expected.data(), row_bytes), 0);
  for (uint32_t nodes : {kSampleNodes - 1, kSampleNodes + 1}) {
    EXPECT_EQ(DecodeCodes(object.span(), nodes, *quantizer, kOrigin).status().code(), Code::kCorruption);
  }
  Owned<Quantizer> wider = MakeQuantizer(kind, Metric::kL2, kSampleDimensions + 64, 5);
  ASSERT_NE(wider, nullptr);
  EXPECT_EQ(DecodeCodes(object.span(), kSampleNodes, *wider, kOrigin).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodedCodes(kind, [](uint8_t*) {}), Code::kOk);
  for (size_t reserved = 8; reserved < 16; ++reserved) {
    EXPECT_EQ(DecodedCodes(kind, [&](uint8_t* body) { body[reserved] = 1; }), Code::kCorruption);
  }
}

TEST_P(CodesOfKind, TermsThatNoQuantizerMakesAreCorruption) {
  const Quantization kind = GetParam().kind;
  const size_t row_bytes = SampleQuantizer(kind)->row_bytes();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (size_t node = 0; node < kSampleNodes; ++node) {
    const size_t row = 16 + node * row_bytes;
    for (float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
      for (size_t term : {0U, 4U}) {
        EXPECT_EQ(DecodedCodes(kind, [&](uint8_t* body) { StoreAt(body + row + term, bad); }),
                  Code::kCorruption);
      }
    }
  }
}

TEST(CodesObject, Sq8CodesThatNoQuantizerMakesAreCorruption) {
  const size_t row_bytes = SampleQuantizer()->row_bytes();
  for (size_t node = 0; node < kSampleNodes; ++node) {
    const size_t row = 16 + node * row_bytes;
    EXPECT_EQ(DecodedCodes(Quantization::kSq8, [&](uint8_t* body) { body[row + 15] = 1; }), Code::kCorruption)
        << "unused bytes";
    for (size_t code = 0; code < kSampleDimensions; ++code) {
      EXPECT_EQ(DecodedCodes(Quantization::kSq8, [&](uint8_t* body) { body[row + 16 + code] = 0x80; }),
                Code::kCorruption);
      EXPECT_EQ(DecodedCodes(Quantization::kSq8, [&](uint8_t* body) { body[row + 16 + code] = 0x81; }),
                Code::kOk);
    }
  }
}

TEST(CodesObject, RabitqCodesOfEightBitsAreCorruption) {
  const size_t row_bytes = SampleQuantizer(Quantization::kRabitq7)->row_bytes();
  for (size_t node = 0; node < kSampleNodes; ++node) {
    for (size_t code = 0; code < 64; ++code) {
      uint8_t stored = 0;
      const auto put = [&](uint8_t* body) { body[16 + node * row_bytes + 8 + code] = stored; };
      stored = 0x80;
      EXPECT_EQ(DecodedCodes(Quantization::kRabitq7, put), Code::kCorruption);
      stored = 0x7f;
      EXPECT_EQ(DecodedCodes(Quantization::kRabitq7, put), Code::kOk);
    }
  }
}

TEST(CodesObject, CountsWhoseProductWrapsAreCorruption) {
  // 2^28 rows of 16 bytes, of which 2^32 bytes wrap to none.
  Owned<Quantizer> quantizer = MakeQuantizer(Quantization::kRabitq1, Metric::kL2, 64, 1);
  ASSERT_NE(quantizer, nullptr);
  ASSERT_EQ(quantizer->row_bytes(), 16U);
  for (uint32_t nodes : {0x10000000U, 0xf0000000U, 0xffffffffU}) {
    Bytes object;
    ASSERT_TRUE(BeginCodes(nodes, 16, object).ok());
    ASSERT_TRUE(FinishObject(ObjectKind::kCodes, object).ok());
    EXPECT_EQ(DecodeCodes(object.span(), nodes, *quantizer, kOrigin).status().code(), Code::kCorruption);
  }
}

}  // namespace
}  // namespace omendb
