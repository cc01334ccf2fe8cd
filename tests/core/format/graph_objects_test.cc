// Objects of a graph and of a collection's history: nodes, codes, links, births and deaths.
#include <cmath>
#include <functional>
#include <limits>

#include "allocation_faults.h"
#include "base/coding.h"
#include "format/codes_object.h"
#include "format/history_object.h"
#include "format/links_object.h"
#include "format/nodes_object.h"
#include "format/sample_objects.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

const Origin kOrigin = Origin::Stored("d");

struct ReadNodes {
  TrainingState training;
  ScalarQuantizer quantizer;
  Array<uint32_t> rows;
};

Status Decode(const Bytes& object, Quantization quantization, ReadNodes& read, uint32_t nodes = kSampleNodes,
              uint32_t row_count = kSampleRows) {
  return DecodeNodes(object.span(), SampleOptions(quantization), nodes, row_count, kOrigin, &read.training,
                     &read.quantizer, &read.rows);
}

Code DecodedRows(const std::vector<uint32_t>& rows, uint32_t row_count = kSampleRows) {
  Bytes object;
  EXPECT_TRUE(EncodeNodes({}, nullptr, rows, object).ok());
  ReadNodes read;
  return Decode(object, Quantization::kNone, read, static_cast<uint32_t>(rows.size()), row_count).code();
}

TEST(NodesObject, RowsAndQuantizerComeBack) {
  ReadNodes read;
  Status status = Decode(SampleNodes(Quantization::kSq8), Quantization::kSq8, read);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(read.training.trained_rows, 4U);
  EXPECT_EQ(read.training.new_rows, 3U);
  EXPECT_TRUE(read.quantizer.trained());
  EXPECT_EQ(std::vector<uint32_t>(read.rows.begin(), read.rows.end()), SampleNodeRows());

  ReadNodes plain;
  ASSERT_TRUE(Decode(SampleNodes(Quantization::kNone), Quantization::kNone, plain).ok());
  EXPECT_FALSE(plain.quantizer.trained());
  EXPECT_EQ(std::vector<uint32_t>(plain.rows.begin(), plain.rows.end()), SampleNodeRows());
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

TEST(NodesObject, AgreesWithTheManifest) {
  Bytes object = SampleNodes(Quantization::kSq8);
  ReadNodes read;
  EXPECT_EQ(Decode(object, Quantization::kSq8, read, kSampleNodes + 1).code(), Code::kCorruption);
  EXPECT_EQ(Decode(object, Quantization::kSq8, read, kSampleNodes - 1).code(), Code::kCorruption);
  EXPECT_EQ(Decode(object, Quantization::kSq8, read, kSampleNodes, kSampleRows - 1).code(),
            Code::kCorruption);
  EXPECT_EQ(Decode(object, Quantization::kNone, read).code(), Code::kCorruption);
  EXPECT_EQ(Decode(SampleNodes(Quantization::kNone), Quantization::kSq8, read).code(), Code::kCorruption);
  CollectionOptions other = SampleOptions();
  other.dimensions += 1;
  EXPECT_EQ(DecodeNodes(object.span(), other, kSampleNodes, kSampleRows, kOrigin, &read.training,
                        &read.quantizer, &read.rows)
                .code(),
            Code::kCorruption);
}

TEST(NodesObject, RefusedMemoryIsAStatusAndLeaksNothing) {
  Bytes object = SampleNodes(Quantization::kSq8);
  EXPECT_GE(FailEachAllocation([&] {
              ReadNodes read;
              return Decode(object, Quantization::kSq8, read);
            }),
            4U);
}

// The sample codes after a change of their body.
Code DecodedCodes(const std::function<void(uint8_t*)>& change) {
  Bytes sample = SampleCodes();
  auto body = DecodeObject(sample.span(), ObjectKind::kCodes, kOrigin);
  EXPECT_TRUE(body.ok());
  Bytes object;
  EXPECT_TRUE(BeginObject(object).ok());
  EXPECT_TRUE(object.Append(body.value()).ok());
  change(object.data() + kObjectHeaderBytes);
  EXPECT_TRUE(FinishObject(ObjectKind::kCodes, object).ok());
  return DecodeCodes(object.span(), kSampleNodes, ScalarQuantizer::RowBytes(kSampleDimensions), kOrigin)
      .status()
      .code();
}

TEST(CodesObject, CodesComeBackAndAgreeWithTheManifest) {
  Bytes object = SampleCodes();
  const size_t row_bytes = ScalarQuantizer::RowBytes(kSampleDimensions);
  auto codes = DecodeCodes(object.span(), kSampleNodes, row_bytes, kOrigin);
  ASSERT_TRUE(codes.ok()) << codes.status().message();
  Bytes expected;
  ASSERT_TRUE(expected.Resize(row_bytes).ok());
  SampleQuantizer().Encode(SampleVectors().data() + size_t{3} * kSampleDimensions, 1, expected.data());
  EXPECT_EQ(std::memcmp(codes.value() + 3 * row_bytes, expected.data(), row_bytes), 0);
  EXPECT_EQ(DecodeCodes(object.span(), kSampleNodes + 1, row_bytes, kOrigin).status().code(),
            Code::kCorruption);
  EXPECT_EQ(DecodeCodes(object.span(), kSampleNodes - 1, row_bytes, kOrigin).status().code(),
            Code::kCorruption);
  EXPECT_EQ(DecodeCodes(object.span(), kSampleNodes, row_bytes + 16, kOrigin).status().code(),
            Code::kCorruption);
  EXPECT_EQ(DecodedCodes([](uint8_t*) {}), Code::kOk);
  EXPECT_EQ(DecodedCodes([](uint8_t* body) { body[8] = 1; }), Code::kCorruption) << "reserved";
}

TEST(CodesObject, CodesThatNoQuantizerMakesAreCorruption) {
  const size_t row_bytes = ScalarQuantizer::RowBytes(kSampleDimensions);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (size_t node = 0; node < kSampleNodes; ++node) {
    const size_t row = 16 + node * row_bytes;
    for (float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
      for (size_t term : {0U, 4U}) {
        EXPECT_EQ(DecodedCodes([&](uint8_t* body) { StoreAt(body + row + term, bad); }), Code::kCorruption);
      }
    }
    EXPECT_EQ(DecodedCodes([&](uint8_t* body) { body[row + 15] = 1; }), Code::kCorruption) << "unused bytes";
    for (size_t code = 0; code < kSampleDimensions; ++code) {
      EXPECT_EQ(DecodedCodes([&](uint8_t* body) { body[row + 16 + code] = 0x80; }), Code::kCorruption);
      EXPECT_EQ(DecodedCodes([&](uint8_t* body) { body[row + 16 + code] = 0x81; }), Code::kOk);
    }
  }
}

TEST(CodesObject, CountsWhoseProductWrapsAreCorruption) {
  for (auto [nodes, row_bytes] : {std::pair<uint32_t, size_t>{0x80000000, 32}, {0xffffffff, 0xfffffff0}}) {
    Bytes object;
    ASSERT_TRUE(BeginCodes(nodes, row_bytes, object).ok());
    ASSERT_TRUE(FinishObject(ObjectKind::kCodes, object).ok());
    EXPECT_EQ(DecodeCodes(object.span(), nodes, row_bytes, kOrigin).status().code(), Code::kCorruption);
  }
}

Code DecodedLinks(ByteSpan bytes, uint32_t nodes = kSampleNodes) {
  CollectionOptions options = SampleOptions();
  HnswGraph graph(options.degree, options.seed);
  Status status = DecodeLinks(bytes, options, nodes, kOrigin, &graph);
  EXPECT_EQ(graph.size(), status.ok() ? nodes : 0U);
  return status.code();
}

TEST(LinksObject, PartsTogetherAreTheGraph) {
  Bytes whole = SampleLinkBytes();
  for (size_t cut = 1; cut < whole.size(); ++cut) {
    Bytes gathered;
    for (ByteSpan part : {whole.span().first(cut), whole.span().subspan(cut)}) {
      Bytes object;
      ASSERT_TRUE(EncodeLinksPart(part, object).ok());
      auto read = DecodeLinksPart(object.span(), kOrigin);
      ASSERT_TRUE(read.ok());
      ASSERT_TRUE(gathered.Append(read.value()).ok());
    }
    ASSERT_EQ(DecodedLinks(gathered.span()), Code::kOk);
  }
  CollectionOptions options = SampleOptions();
  HnswGraph graph(options.degree, options.seed);
  ASSERT_TRUE(DecodeLinks(whole.span(), options, kSampleNodes, kOrigin, &graph).ok());
  EXPECT_EQ(graph.entry(), 3U);
  EXPECT_EQ(graph.Links(0, 0).size(), 2U);
  EXPECT_EQ(graph.Links(5, 0).size(), 0U);
}

TEST(LinksObject, EveryFaultIsCorruptionThatNamesTheObject) {
  Bytes whole = SampleLinkBytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(DecodedLinks(ByteSpan(whole.span()).first(size)), Code::kCorruption) << size;
  }
  EXPECT_EQ(DecodedLinks(whole.span(), kSampleNodes + 1), Code::kCorruption);
  EXPECT_EQ(DecodedLinks(whole.span(), 0), Code::kCorruption);
  ASSERT_TRUE(whole.Push(0).ok());
  EXPECT_EQ(DecodedLinks(whole.span()), Code::kCorruption);
  CollectionOptions options = SampleOptions();
  options.degree = 5;
  HnswGraph graph(options.degree, options.seed);
  Status status =
      DecodeLinks(SampleLinkBytes().span(), options, kSampleNodes, Origin::Stored("d0001"), &graph);
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_EQ(status.message().substr(0, 14), "d0001, byte 32");
}

TEST(LinksObject, AnEmptyPartIsCorruption) {
  Bytes object;
  ASSERT_TRUE(BeginObject(object).ok());
  ASSERT_TRUE(FinishObject(ObjectKind::kLinks, object).ok());
  EXPECT_EQ(DecodeLinksPart(object.span(), kOrigin).status().code(), Code::kCorruption);
}

Code DecodedHistory(const std::vector<Birth>& births, const std::vector<Death>& deaths,
                    uint32_t rows = kSampleRows, uint64_t sequence = kSampleSequence) {
  Bytes object;
  EXPECT_TRUE(EncodeHistory(births, deaths, object).ok());
  Array<Birth> read_births;
  Array<Death> read_deaths;
  Status status = DecodeHistory(object.span(), rows, sequence, kOrigin, &read_births, &read_deaths);
  if (status.ok()) {
    EXPECT_EQ(std::vector<Birth>(read_births.begin(), read_births.end()), births);
    EXPECT_EQ(std::vector<Death>(read_deaths.begin(), read_deaths.end()), deaths);
  }
  return status.code();
}

TEST(HistoryObject, BirthsRiseAndCoverTheRows) {
  constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(DecodedHistory({}, {}, 0), Code::kOk);
  EXPECT_EQ(DecodedHistory({{0, 4}, {3, 2}, {77, 1}}, {}), Code::kOk);
  EXPECT_EQ(DecodedHistory({{0, 4}, {3, 2}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{0, 4}, {3, 4}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{0, 7}, {3, 0}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{3, 4}, {3, 3}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{4, 4}, {3, 3}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{0, 4}, {78, 3}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{0, 4}, {77, 2}, {77, 1}}, {}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({{0, 0xffffffff}, {1, 8}}, {}), Code::kCorruption) << "wraps 32 bits";
  EXPECT_EQ(DecodedHistory({{0, 4}, {kHuge, 3}}, {}, kSampleRows, kHuge), Code::kOk);
  EXPECT_EQ(DecodedHistory({{kHuge, 4}, {0, 3}}, {}, kSampleRows, kHuge), Code::kCorruption);
}

TEST(HistoryObject, DeathsAreInOrderAndOfDifferentRows) {
  const std::vector<Birth> births = {{0, kSampleRows}};
  EXPECT_EQ(DecodedHistory(births, {{6, 1}, {0, 1}, {3, 77}}), Code::kOk);
  EXPECT_EQ(DecodedHistory(births, {{7, 1}}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory(births, {{0xffffffff, 1}}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory(births, {{6, 2}, {0, 1}}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory(births, {{6, 1}, {6, 2}}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory(births, {{6, 78}}), Code::kCorruption);
  EXPECT_EQ(DecodedHistory({}, {{0, 1}}, 0), Code::kCorruption);
}

TEST(HistoryObject, CountsAreHeldAgainstTheBody) {
  for (auto [births, deaths] : {std::pair<uint32_t, uint32_t>{0xffffffff, 0xffffffff},
                                {0x10000000, 0},
                                {0, 0x10000000},
                                {2, 0},
                                {0, 0}}) {
    Bytes object;
    ASSERT_TRUE(BeginObject(object).ok());
    ASSERT_TRUE(PutNumber(object, births).ok());
    ASSERT_TRUE(PutNumber(object, deaths).ok());
    ASSERT_TRUE(object.Resize(object.size() + 16).ok());
    ASSERT_TRUE(FinishObject(ObjectKind::kHistory, object).ok());
    Array<Birth> read_births;
    Array<Death> read_deaths;
    EXPECT_EQ(DecodeHistory(object.span(), 1, 1, kOrigin, &read_births, &read_deaths).code(),
              Code::kCorruption);
  }
}

}  // namespace
}  // namespace omendb
