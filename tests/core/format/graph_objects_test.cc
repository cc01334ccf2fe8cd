// Objects of a graph's links and of a collection's history: births and deaths.
#include <limits>

#include "base/coding.h"
#include "format/history_object.h"
#include "format/links_object.h"
#include "format/sample_objects.h"
#include "gtest/gtest.h"

namespace omendb {
namespace {

const Origin kOrigin = Origin::Stored("d");

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
