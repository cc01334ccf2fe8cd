#include "golden_database.h"

#include <algorithm>

namespace omendb::test {
namespace {

using Kind = GoldenOperation::Kind;

constexpr uint64_t kFirstCommitMs = 1'700'000'000'000;  // one a second follows

CollectionOptions Options(uint32_t dimensions, Metric metric, Quantization quantization, uint16_t degree,
                          uint16_t ef_construction) {
  CollectionOptions options;
  options.dimensions = dimensions;
  options.metric = metric;
  options.quantization = quantization;
  options.degree = degree;
  options.ef_construction = ef_construction;
  return options;
}

GoldenOperation Create(const std::string& name, const CollectionOptions& options) {
  return {.kind = Kind::kCreate, .collection = name, .options = options};
}

GoldenOperation Drop(const std::string& name) { return {.kind = Kind::kDrop, .collection = name}; }

GoldenOperation Upsert(const std::string& name, const std::vector<Row>& rows,
                       std::optional<Token> token = {}) {
  return {.kind = Kind::kUpsert, .collection = name, .rows = rows, .token = token};
}

GoldenOperation Delete(const std::string& name, const std::vector<std::string>& ids,
                       std::optional<Token> token = {}) {
  return {.kind = Kind::kDelete, .collection = name, .ids = ids, .token = token};
}

std::vector<Row> Made(Row (*make)(int), int count) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) rows.push_back(make(i));
  return rows;
}

// The row of that number under another id and with other metadata.
Row As(Row row, const std::string& id, const std::string& metadata) {
  row.id = id;
  row.metadata = metadata;
  return row;
}

uint32_t Remove(std::vector<Row>& rows, const std::string& id) {
  return static_cast<uint32_t>(std::erase_if(rows, [&](const Row& row) { return row.id == id; }));
}

// Rows that it changed.
uint32_t CarryOut(const GoldenOperation& operation, Contents& contents) {
  switch (operation.kind) {
    case Kind::kCreate:
      contents[operation.collection] = {};
      return 0;
    case Kind::kDrop:
      contents.erase(operation.collection);
      return 0;
    case Kind::kUpsert: {
      std::vector<Row>& rows = contents.at(operation.collection);
      for (const Row& row : operation.rows) Remove(rows, row.id);
      rows.insert(rows.end(), operation.rows.begin(), operation.rows.end());
      return static_cast<uint32_t>(operation.rows.size());
    }
    case Kind::kDelete: {
      uint32_t removed = 0;
      for (const std::string& id : operation.ids) removed += Remove(contents.at(operation.collection), id);
      return removed;
    }
  }
  return 0;
}

}  // namespace

Row GoldenArticle(int number) {
  // Coprime periods, so that no two rows are alike.
  constexpr int kPeriods[] = {61, 59, 53, 47, 43, 41, 37, 31};
  Row row{NumberId(number), {}, ""};
  for (int d = 0; d < 8; ++d) {
    row.vector.push_back(static_cast<float>(number * (2 * d + 3) % kPeriods[d] - kPeriods[d] / 2));
  }
  if (number % 3 == 0) {
    row.metadata =
        "{\"n\":" + std::to_string(number) + ",\"even\":" + (number % 2 == 0 ? "true" : "false") + "}";
  }
  return row;
}

Row GoldenPlace(int number) {
  Row row{NumberId(number - 550), std::vector<float>(256), ""};
  row.vector[0] = static_cast<float>(number % 40);
  row.vector[1] = static_cast<float>(number / 40);
  row.vector[255] = 1;
  return row;
}

std::vector<GoldenCommit> GoldenCommits() {
  const int64_t lowest = -9223372036854775807 - 1;
  std::vector<std::vector<GoldenOperation>> commits = {
      {Create("articles", Options(8, Metric::kCosine, Quantization::kSq8, 4, 16))},
      {Create("places", Options(256, Metric::kL2, Quantization::kNone, 5, 8))},
      {Create("drafts", Options(2, Metric::kDot, Quantization::kSq8, 16, 200))},
      {Upsert("articles", Made(GoldenArticle, kGoldenArticles))},
      // Before they have nodes. Later rows take the places of five of them; the others' nodes stay free.
      {Delete("articles", {NumberId(3), NumberId(40), NumberId(41), NumberId(900), NumberId(901),
                           NumberId(902), NumberId(903)})},
      {Upsert("drafts",
              {{StringId("one"), {1, 2}, "\"first\""},
               {StringId("two"), {3, 4}, "[1,null,{\"deep\":[]}]"},
               {StringId("three"), {-5, 6}, ""}},
              Token{10, 1})},
      {Upsert("articles",
              {As(GoldenArticle(2001), StringId("a-1"),
                  "{\"title\":\"Gr\xC3\xBC\xC3\x9F"
                  "e\"}"),
               As(GoldenArticle(2002), BigintId(lowest), "0"), As(GoldenArticle(2003), NumberId(10), "{}"),
               As(GoldenArticle(2004), BigintId(10), "")},
              Token{11, 1})},
      {Delete("articles", {NumberId(20), NumberId(21), NumberId(999999)}, Token{11, 2})},
      {Upsert("places", Made(GoldenPlace, kGoldenPlaces), Token{0xffffffffffffffff, 1})},
      {Drop("drafts")},
      {Upsert("articles", {As(GoldenArticle(2005), StringId("a-1"), "{\"title\":\"changed\"}")},
              Token{11, 3}),
       Delete("articles", {NumberId(22)}, Token{11, 4}),
       Upsert("places", {As(GoldenPlace(1200), StringId("Z\xC3\xBCrich"), "{\"country\":\"CH\"}")})},
      {Delete("places", {NumberId(-550), NumberId(549)})},
      {Create("marks", Options(3, Metric::kL1, Quantization::kNone, 64, 2000))},
      {Upsert("marks",
              {{NumberId(9007199254740991), {1, 2, 3}, "true"},
               {BigintId(9223372036854775807), {-1, 0.5F, -1e18F}, ""},
               {StringId(std::string(1024, 'x')), {0, 0, 0}, "{\"longest\":true}"}},
              Token{12, 1})},
      {Upsert("articles", {As(GoldenArticle(2006), NumberId(2000), ""),
                           As(GoldenArticle(2007), NumberId(30), "{\"n\":\"thirty\"}")}),
       Delete("places", {NumberId(0), StringId("nowhere")}, Token{12, 2})},
      {Delete("articles", {NumberId(31), StringId("a-1")})},
      {Create("scrap", Options(1, Metric::kL2, Quantization::kSq8, 16, 200))},
      {Drop("scrap")},
  };
  std::vector<GoldenCommit> timed;
  for (std::vector<GoldenOperation>& operations : commits) {
    timed.push_back({kFirstCommitMs + 1000 * timed.size(), std::move(operations)});
  }
  return timed;
}

Contents GoldenContents(uint64_t sequence) {
  Contents contents;
  const std::vector<GoldenCommit> commits = GoldenCommits();
  for (size_t i = 0; i < sequence; ++i) {
    for (const GoldenOperation& operation : commits.at(i).operations) CarryOut(operation, contents);
  }
  return contents;
}

std::vector<GoldenToken> GoldenTokens() {
  std::vector<GoldenToken> tokens;
  Contents contents;
  for (const GoldenCommit& commit : GoldenCommits()) {
    for (const GoldenOperation& operation : commit.operations) {
      const uint32_t rows = CarryOut(operation, contents);
      if (operation.token.has_value()) tokens.push_back({*operation.token, rows});
    }
  }
  return tokens;
}

}  // namespace omendb::test
