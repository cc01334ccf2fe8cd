// Every kind of quantization through the public API: recall, growth, and what is there after opening again.
#include <algorithm>
#include <string>

#include "../seed.h"
#include "graph_recall.h"
#include "quantize/rabitq_quantizer.h"
#include "test_database.h"
#include "vector_sets.h"

namespace omendb::test {
namespace {

constexpr uint32_t kRows = 2400;
constexpr uint32_t kQueries = 30;

// The part of the true neighbors that a default search finds at least. Measured over three seeds, the least
// of all sets: 0.73 with 1 bit, 0.96 with 2, 0.99 with the others.
struct Kind {
  const char* name;
  Quantization quantization;
  double recall;
};
constexpr Kind kKinds[] = {
    {"none", Quantization::kNone, 0.95},       {"sq8", Quantization::kSq8, 0.95},
    {"auto", Quantization::kAuto, 0.95},       {"rabitq1", Quantization::kRabitq1, 0.65},
    {"rabitq2", Quantization::kRabitq2, 0.92}, {"rabitq4", Quantization::kRabitq4, 0.95},
    {"rabitq7", Quantization::kRabitq7, 0.95},
};

std::vector<VectorSetShape> Shapes() {
  std::vector<VectorSetShape> shapes = VectorSetShapes();
  // A search cannot take whole clusters of these, or all that is about as near: codes have to tell.
  shapes.push_back({.name = "flat spectrum", .dimensions = 64, .clusters = 1, .decay = 1});
  shapes.push_back({.name = "few clusters", .dimensions = 96, .clusters = 4, .spread = 0.3F, .decay = 0.99F});
  shapes.push_back({.name = "padded", .metric = Metric::kCosine, .dimensions = 130, .decay = 0.99F});
  return shapes;
}

CollectionOptions OptionsFor(const VectorSet& set, Quantization quantization) {
  CollectionOptions options;
  options.dimensions = static_cast<uint32_t>(set.rows[0].size());
  options.metric = set.metric;
  options.quantization = quantization;
  options.ef_construction = 80;  // the default is index_test.cc's; this takes a third of its time
  return options;
}

std::vector<std::vector<Hit>> Answers(Database& database, const VectorSet& set, bool exact = false) {
  std::vector<std::vector<Hit>> answers;
  for (const auto& query : set.queries) answers.push_back(database.Search(1, query, 10, exact, 0));
  return answers;
}

void ExpectSame(const std::vector<std::vector<Hit>>& first, const std::vector<std::vector<Hit>>& second) {
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    ASSERT_EQ(first[i].size(), second[i].size());
    for (size_t hit = 0; hit < first[i].size(); ++hit) {
      EXPECT_EQ(first[i][hit].row, second[i][hit].row);
      EXPECT_EQ(first[i][hit].distance, second[i][hit].distance);
    }
  }
}

// Distances are those of the vectors, whatever the graph was walked on.
void ExpectExactDistances(Database& database, const VectorSet& set) {
  for (const auto& query : set.queries) {
    const std::vector<Hit> all = database.Search(1, query, 200, true, 0);
    for (const Hit& hit : database.Search(1, query, 10, false, 0)) {
      const auto same = std::ranges::find_if(all, [&](const Hit& each) { return each.row == hit.row; });
      if (same != all.end()) EXPECT_EQ(same->distance, hit.distance);
    }
  }
}

class QuantizationTest : public testing::TestWithParam<Kind> {
 protected:
  void Create(const VectorSet& set) {
    database_ = std::make_unique<Database>(&storage_);
    ASSERT_TRUE(database_->Open().ok());
    ASSERT_TRUE(database_->Create("c", OptionsFor(set, GetParam().quantization)).ok());
  }
  void ExpectCodes(const CollectionOptions& options) {
    const CollectionStats stats = database_->engine().Stats(1).value();
    const Quantization used = ChooseQuantization(options);
    EXPECT_EQ(stats.codes, used);
    EXPECT_EQ(stats.code_bytes > 0, used != Quantization::kNone);
    if (used == Quantization::kNone) return;
    EXPECT_EQ(stats.code_row_bytes, MakeQuantizer(used, options.metric, options.dimensions, 0)->row_bytes());
    EXPECT_GE(stats.code_bytes, uint64_t{stats.code_row_bytes} * stats.indexed_rows);
    EXPECT_LE(stats.code_recall_loss_ppm, 1'000'000 * (1 - GetParam().recall));
  }

  Storage storage_;
  std::unique_ptr<Database> database_;
};

TEST_P(QuantizationTest, FindsWhatIsNearOnEverySetAlsoAfterGrowthAndOpening) {
  OMENDB_TRACE_SEED();
  for (const VectorSetShape& shape : Shapes()) {
    const VectorSet set = MakeVectorSet(shape, kRows, kQueries, TestSeed());
    const CollectionOptions options = OptionsFor(set, GetParam().quantization);
    if (!SupportsMetric(options.quantization, options.metric)) {
      EXPECT_EQ(Engine::CheckOptions(options).code(), Code::kInvalidArgument);
      continue;
    }
    // So few bits are for wide rows.
    const uint32_t bits = RabitqBits(options.quantization);
    if ((bits == 1 || bits == 2) && options.dimensions <= 64) continue;
    SCOPED_TRACE(set.name);
    storage_ = {};
    ASSERT_NO_FATAL_FAILURE(Create(set));
    std::vector<Row> rows = RowsOf(set);
    ASSERT_TRUE(database_->Upsert(1, {rows.begin(), rows.begin() + kRows / 2}).ok());
    ASSERT_TRUE(database_->Finish().ok());
    ExpectCodes(options);
    EXPECT_GE(RecallAt10(*database_, 1, set), GetParam().recall) << "half of the rows";
    // As many rows again: the quantizer is trained anew.
    ASSERT_TRUE(database_->Upsert(1, {rows.begin() + kRows / 2, rows.end()}).ok());
    ASSERT_TRUE(database_->Finish().ok());
    ASSERT_EQ(database_->engine().Stats(1).value().indexed_rows, kRows);
    ExpectCodes(options);
    EXPECT_GE(RecallAt10(*database_, 1, set), GetParam().recall);
    ExpectExactDistances(*database_, set);

    const auto before = Answers(*database_, set);
    ASSERT_TRUE(database_->Checkpoint().ok());
    database_->Crash();
    ASSERT_TRUE(database_->Open().ok());
    ASSERT_EQ(database_->engine().Stats(1).value().indexed_rows, kRows);
    ExpectSame(before, Answers(*database_, set));
    ASSERT_TRUE(database_->Finish().ok());
    ExpectCodes(options);
    ExpectSame(before, Answers(*database_, set));
  }
}

TEST_P(QuantizationTest, FollowsRowsThatMoveAway) {
  OMENDB_TRACE_SEED();
  // The second lot is elsewhere and ten times as wide: codes of the first training are of no use there.
  const VectorSetShape first = {.name = "first", .dimensions = 100, .decay = 0.98F};
  VectorSet set = MakeVectorSet(first, 1200, 1, TestSeed());
  VectorSet moved = MakeVectorSet(first, 1500, kQueries, TestSeed() + 1);
  for (auto* vectors : {&moved.rows, &moved.queries}) {
    for (auto& vector : *vectors) {
      for (float& value : vector) value = 10 * value + 40;
    }
  }
  ASSERT_NO_FATAL_FAILURE(Create(set));
  ASSERT_TRUE(database_->Upsert(1, RowsOf(set)).ok());
  ASSERT_TRUE(database_->Finish().ok());
  set.rows.insert(set.rows.end(), moved.rows.begin(), moved.rows.end());
  set.queries = moved.queries;
  const std::vector<Row> rows = RowsOf(set);
  ASSERT_TRUE(database_->Upsert(1, {rows.begin() + 1200, rows.end()}).ok());
  ASSERT_TRUE(database_->Finish().ok());
  EXPECT_GE(RecallAt10(*database_, 1, set), GetParam().recall);
  ExpectExactDistances(*database_, set);
  // What is deleted is not found, and the rest is.
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < set.rows.size(); i += 3) ids.push_back(NumberId(i));
  ASSERT_TRUE(database_->Delete(1, ids).ok());
  EXPECT_GE(RecallAt10(*database_, 1, set), GetParam().recall);
  ASSERT_TRUE(database_->Finish().ok());
  EXPECT_GE(RecallAt10(*database_, 1, set), GetParam().recall);
}

TEST_P(QuantizationTest, GivesTheSameAnswersHoweverWorkIsSliced) {
  OMENDB_TRACE_SEED();
  const VectorSet set =
      MakeVectorSet({.name = "plain", .dimensions = 100, .clusters = 20, .spread = 1}, 1600, 20, TestSeed());
  std::vector<std::vector<Hit>> answers[2];
  for (uint32_t run = 0; run < 2; ++run) {
    storage_ = {};
    ASSERT_NO_FATAL_FAILURE(Create(set));
    ASSERT_TRUE(database_->Upsert(1, RowsOf(set)).ok());
    for (;;) {
      auto work = database_->engine().Work(run == 0 ? 37 : 100'000);
      ASSERT_TRUE(work.ok());
      if (work.value().remaining == 0) break;
    }
    answers[run] = Answers(*database_, set);
  }
  ExpectSame(answers[0], answers[1]);
}

INSTANTIATE_TEST_SUITE_P(Kinds, QuantizationTest, testing::ValuesIn(kKinds),
                         [](const auto& test) { return test.param.name; });

TEST(AutoQuantization, IsOneKindForEveryMetricAndWidth) {
  OMENDB_TRACE_SEED();
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
    for (uint32_t dimensions : {4U, 47U, 48U, 96U}) {
      const VectorSet set =
          MakeVectorSet({.name = "any", .metric = metric, .dimensions = dimensions}, 1100, 1, TestSeed());
      Storage storage;
      Database database(&storage);
      ASSERT_TRUE(database.Open().ok());
      const CollectionOptions options = OptionsFor(set, Quantization::kAuto);
      ASSERT_TRUE(database.Create("c", options).ok());
      ASSERT_EQ(database.engine().Stats(1).value().codes, Quantization::kNone) << "before any training";
      ASSERT_TRUE(database.Upsert(1, RowsOf(set)).ok());
      ASSERT_TRUE(database.Finish().ok());
      const CollectionStats stats = database.engine().Stats(1).value();
      EXPECT_EQ(stats.codes, ChooseQuantization(options));
      EXPECT_NE(stats.codes, Quantization::kAuto);
      EXPECT_NE(stats.codes, Quantization::kNone);
      EXPECT_TRUE(SupportsMetric(stats.codes, metric));
      EXPECT_NE(stats.code_recall_loss_ppm, CollectionStats::kNotMeasured);
      // The choice is not stored as the option.
      EXPECT_EQ(database.engine().CollectionOptionsOf(1).value().quantization, Quantization::kAuto);
    }
  }
}

}  // namespace
}  // namespace omendb::test
