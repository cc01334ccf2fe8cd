// Graph answers through the public API: recall, compaction, cursors, determinism.
#include <cstring>

#include "../seed.h"
#include "graph_recall.h"
#include "test_database.h"
#include "vector_sets.h"

namespace omendb::test {
namespace {

constexpr uint32_t kRows = 3000;
constexpr uint32_t kQueries = 60;

class GraphTest : public testing::Test {
 protected:
  void Open(const VectorSet& set, Quantization quantization = Quantization::kSq8) {
    ASSERT_TRUE(database_.Open().ok());
    CollectionOptions options;
    options.dimensions = static_cast<uint32_t>(set.rows[0].size());
    options.metric = set.metric;
    options.quantization = quantization;
    ASSERT_TRUE(database_.Create("c", options).ok());
  }
  Engine& engine() { return database_.engine(); }

  Storage storage_;
  Database database_{&storage_};
};

class Recall : public testing::TestWithParam<size_t> {};

TEST_P(Recall, IsAbove95PercentWithDefaultsAlsoAfterHalfIsDeletedAndCompacted) {
  OMENDB_TRACE_SEED();
  VectorSet set = MakeVectorSet(VectorSetShapes()[GetParam()], kRows, kQueries, TestSeed());
  SCOPED_TRACE(set.name);
  Storage storage;
  Database database(&storage);
  ASSERT_TRUE(database.Open().ok());
  CollectionOptions options;
  options.dimensions = static_cast<uint32_t>(set.rows[0].size());
  options.metric = set.metric;
  ASSERT_TRUE(database.Create("c", options).ok());
  std::vector<Row> rows = RowsOf(set);
  // In two halves with work between, so that the quantizer meets data it was not trained on.
  ASSERT_TRUE(database.Upsert(1, {rows.begin(), rows.begin() + kRows / 2}).ok());
  ASSERT_TRUE(database.Finish().ok());
  ASSERT_TRUE(database.Upsert(1, {rows.begin() + kRows / 2, rows.end()}).ok());
  EXPECT_GE(RecallAt10(database, 1, set), 0.95);  // half graph, half flat
  ASSERT_TRUE(database.Finish().ok());
  ASSERT_EQ(database.engine().Stats(1).value().indexed_rows, kRows);
  EXPECT_GE(RecallAt10(database, 1, set), 0.95);

  std::vector<std::string> ids;
  for (uint32_t i = 0; i < kRows; i += 2) ids.push_back(NumberId(i));
  ASSERT_TRUE(database.Delete(1, ids).ok());
  EXPECT_GE(RecallAt10(database, 1, set), 0.95);  // through tombstones
  ASSERT_TRUE(database.Finish().ok());
  ASSERT_EQ(database.engine().Stats(1).value().deleted_rows, 0U);
  ASSERT_EQ(database.engine().Stats(1).value().indexed_rows, kRows / 2);
  EXPECT_GE(RecallAt10(database, 1, set), 0.95);
  ASSERT_TRUE(database.Checkpoint().ok());
  database.Crash();
  ASSERT_TRUE(database.Open().ok());
  ASSERT_EQ(database.engine().Stats(1).value().indexed_rows, kRows / 2);
  EXPECT_GE(RecallAt10(database, 1, set), 0.95);
}

INSTANTIATE_TEST_SUITE_P(Sets, Recall, testing::Range<size_t>(0, VectorSetShapes().size()));

TEST_F(GraphTest, SearchOnF32FindsTheSameWithoutCodes) {
  OMENDB_TRACE_SEED();
  VectorSet set = MakeVectorSet(VectorSetShapes()[3], 2000, 40, TestSeed());
  Open(set, Quantization::kNone);
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_EQ(engine().Stats(1).value().code_bytes, 0U);
  EXPECT_EQ(engine().Stats(1).value().indexed_rows, 2000U);
  EXPECT_GE(RecallAt10(database_, 1, set), 0.95);
}

TEST_F(GraphTest, CompactionKeepsAnswersAndGivesMemoryBack) {
  OMENDB_TRACE_SEED();
  VectorSet set = MakeVectorSet({.name = "plain", .dimensions = 64}, 6000, 30, TestSeed());
  Open(set);
  std::vector<Row> rows = RowsOf(set);
  for (Row& row : rows) row.metadata = "{\"text\":\"" + std::string(100, 'x') + "\"}";
  ASSERT_TRUE(database_.Upsert(1, rows).ok());
  ASSERT_TRUE(database_.Finish().ok());
  CollectionStats full = engine().Stats(1).value();
  size_t memory_full = Engine::MemoryBytes();
  std::vector<std::string> ids;
  std::vector<Row> kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % 4 != 0) {
      ids.push_back(rows[i].id);
    } else {
      kept.push_back(rows[i]);
    }
  }
  ASSERT_TRUE(database_.Delete(1, ids).ok());
  std::vector<std::vector<Hit>> before;
  for (const auto& query : set.queries) before.push_back(database_.Search(1, query, 20, true));
  ASSERT_TRUE(database_.Finish().ok());
  CollectionStats after = engine().Stats(1).value();
  EXPECT_EQ(after.live_rows, 1500U);
  EXPECT_EQ(after.deleted_rows, 0U);
  EXPECT_EQ(after.indexed_rows, 1500U);
  EXPECT_LT(after.vector_bytes, full.vector_bytes / 2);
  EXPECT_LT(after.code_bytes, full.code_bytes / 2 + (size_t{256} << 10));
  EXPECT_LT(after.metadata_bytes, full.metadata_bytes / 2);
  EXPECT_LT(after.id_bytes, full.id_bytes / 2);
  uint64_t given_back = full.vector_bytes - after.vector_bytes + full.code_bytes - after.code_bytes +
                        full.link_bytes - after.link_bytes + full.id_bytes - after.id_bytes +
                        full.metadata_bytes - after.metadata_bytes;
  EXPECT_LT(Engine::MemoryBytes(), memory_full - given_back * 9 / 10);
  EXPECT_EQ(database_.ListAll(1), kept);
  for (size_t i = 0; i < before.size(); ++i) {
    std::vector<Hit> hits = database_.Search(1, set.queries[i], 20, true);
    ASSERT_EQ(hits.size(), before[i].size());
    for (size_t hit = 0; hit < hits.size(); ++hit) {
      EXPECT_EQ(hits[hit].row, before[i][hit].row);
      EXPECT_EQ(hits[hit].distance, before[i][hit].distance);
    }
  }
  EXPECT_EQ(database_.Get(1, {kept[700].id})[0], kept[700]);
}

TEST_F(GraphTest, ACollectionThatShrinksBelowAGraphsUseGivesTheGraphUp) {
  OMENDB_TRACE_SEED();
  VectorSet set = MakeVectorSet({.name = "plain", .dimensions = 8}, 3000, 10, TestSeed());
  Open(set);
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  ASSERT_TRUE(database_.Finish().ok());
  std::vector<std::string> ids;
  for (int i = 0; i < 2990; ++i) ids.push_back(NumberId(i));
  ASSERT_TRUE(database_.Delete(1, ids).ok());
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_EQ(engine().Stats(1).value().indexed_rows, 0U);
  EXPECT_EQ(engine().Stats(1).value().deleted_rows, 0U);
  EXPECT_EQ(RecallAt10(database_, 1, set), 1);
  // Everything goes, and it grows again.
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_EQ(engine().Stats(1).value().live_rows, 3000U);
  EXPECT_EQ(engine().Stats(1).value().indexed_rows, 3000U);
  EXPECT_GE(RecallAt10(database_, 1, set), 0.95);
}

TEST_F(GraphTest, ACursorSurvivesWritesAndEveryCompaction) {
  OMENDB_TRACE_SEED();
  VectorSet set = MakeVectorSet({.name = "plain", .dimensions = 4}, 6000, 1, TestSeed());
  Open(set);
  std::vector<Row> rows = RowsOf(set);
  ASSERT_TRUE(database_.Upsert(1, rows).ok());
  auto page = engine().List(1, 0, 1501, 0);
  ASSERT_TRUE(page.ok());
  uint64_t cursor = 0;
  std::memcpy(&cursor, page.value().data(), 8);
  auto delete_some = [&](uint32_t first, uint32_t step) {
    std::vector<std::string> ids;
    for (uint32_t i = first; i < 6000; i += step) ids.push_back(NumberId(i));
    ASSERT_TRUE(database_.Delete(1, ids).ok());
    ASSERT_TRUE(database_.Finish().ok());
    ASSERT_EQ(engine().Stats(1).value().deleted_rows, 0U);
  };
  delete_some(0, 2);
  page = engine().List(1, cursor, 3, 0);
  ASSERT_TRUE(page.ok());
  std::vector<Row> listed = DecodeRows(page.value().subspan(16));
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].id, NumberId(1501));
  EXPECT_EQ(listed[1].id, NumberId(1503));
  delete_some(1, 4);
  page = engine().List(1, cursor, 3, 0);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(DecodeRows(page.value().subspan(16))[0].id, NumberId(1503));
  EXPECT_EQ(engine().List(1, uint64_t{1} << 40, 3, 0).status().code(), Code::kInvalidArgument);
}

TEST(Determinism, TheSameOperationsGiveTheSameAnswersHoweverWorkIsSliced) {
  OMENDB_TRACE_SEED();
  VectorSet set = MakeVectorSet(VectorSetShapes()[1], 2500, 30, TestSeed());
  std::vector<Row> rows = RowsOf(set);
  std::vector<std::vector<Hit>> answers[2];
  for (uint32_t run = 0; run < 2; ++run) {
    Storage storage;
    Database database(&storage);
    ASSERT_TRUE(database.Open().ok());
    CollectionOptions options;
    options.dimensions = static_cast<uint32_t>(set.rows[0].size());
    ASSERT_TRUE(database.Create("c", options).ok());
    for (size_t start = 0; start < rows.size(); start += 500) {
      auto first = rows.begin() + static_cast<ptrdiff_t>(start);
      ASSERT_TRUE(database.Upsert(1, {first, first + 500}).ok());
    }
    for (;;) {
      auto work = database.engine().Work(run == 0 ? 37 : 100'000);
      ASSERT_TRUE(work.ok());
      if (work.value().remaining == 0) break;
    }
    for (const auto& query : set.queries) answers[run].push_back(database.Search(1, query, 10, false, 0));
  }
  for (size_t i = 0; i < answers[0].size(); ++i) {
    ASSERT_EQ(answers[0][i].size(), answers[1][i].size());
    for (size_t hit = 0; hit < answers[0][i].size(); ++hit) {
      EXPECT_EQ(answers[0][i][hit].row, answers[1][i][hit].row);
      EXPECT_EQ(answers[0][i][hit].distance, answers[1][i][hit].distance);
    }
  }
}

}  // namespace
}  // namespace omendb::test
