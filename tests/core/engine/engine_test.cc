// What the engine does, behavior by behavior.
#include <cmath>

#include "test_database.h"

namespace omendb::test {
namespace {

CollectionOptions Options(uint32_t dimensions, Metric metric = Metric::kL2) {
  CollectionOptions options;
  options.dimensions = dimensions;
  options.metric = metric;
  return options;
}

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database_.Open().ok());
    ASSERT_TRUE(database_.Create("notes", Options(2)).ok());
    notes_ = engine().FindCollection("notes");
  }
  Engine& engine() { return database_.engine(); }
  static Row MakeRow(const std::string& id, float x, const std::string& metadata = "") {
    return {id, {x, 0}, metadata};
  }

  Storage storage_;
  Database database_{&storage_};
  CollectionId notes_ = 0;
};

TEST_F(EngineTest, TellsItsCollectionsInOrderOfCreation) {
  CollectionOptions options = Options(7, Metric::kDot);
  options.degree = 32;
  options.seed = 5;
  ASSERT_TRUE(database_.Create("b", options).ok());
  ASSERT_TRUE(database_.Create("a", Options(3)).ok());
  EXPECT_EQ(engine().CollectionCount(), 3U);
  EXPECT_EQ(engine().CollectionName(engine().CollectionAt(1)).value(), "b");
  EXPECT_EQ(engine().CollectionName(engine().CollectionAt(2)).value(), "a");
  EXPECT_EQ(engine().CollectionOptionsOf(engine().FindCollection("b")).value(), options);
  CollectionId dropped = engine().FindCollection("b");
  ASSERT_TRUE(database_.Drop(dropped).ok());
  EXPECT_EQ(engine().FindCollection("b"), 0U);
  ASSERT_TRUE(database_.Create("b", options).ok());
  EXPECT_NE(engine().FindCollection("b"), dropped);
}

TEST_F(EngineTest, IdsComeBackAsTheyWereGivenAndAreThreeKinds) {
  std::vector<Row> rows = {MakeRow(NumberId(1), 1),         MakeRow(BigintId(1), 2),
                           MakeRow(StringId("1"), 3),       MakeRow(NumberId(-9007199254740991), 4),
                           MakeRow(BigintId(INT64_MIN), 5), MakeRow(StringId("\xf0\x9f\x8d\x8a"), 6)};
  ASSERT_TRUE(database_.Upsert(notes_, rows).ok());
  EXPECT_EQ(database_.ListAll(notes_), rows);
  for (const Row& row : rows) EXPECT_EQ(database_.Get(notes_, {row.id})[0], row);
}

TEST_F(EngineTest, UpsertReplacesAndDeleteRemoves) {
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(1), 1, "{}"), MakeRow(NumberId(2), 2)}).ok());
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(1), 7)}).ok());
  EXPECT_EQ(engine().Count(notes_).value(), 2U);
  EXPECT_EQ(database_.Get(notes_, {NumberId(1)})[0], MakeRow(NumberId(1), 7));
  uint32_t deleted = 0;
  ASSERT_TRUE(database_.Delete(notes_, {NumberId(1), NumberId(1), NumberId(9)}, &deleted).ok());
  EXPECT_EQ(deleted, 1U);
  EXPECT_EQ(database_.Get(notes_, {NumberId(1)})[0], std::nullopt);
  std::vector<Hit> hits = database_.Search(notes_, {0, 0}, 10);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].row, MakeRow(NumberId(2), 2));
}

TEST_F(EngineTest, WithinAFrameTheLaterOperationWins) {
  ASSERT_TRUE(engine().BeginFrame().ok());
  ASSERT_TRUE(database_.AddUpsert(notes_, {MakeRow(NumberId(1), 1), MakeRow(NumberId(2), 1)}).ok());
  ASSERT_TRUE(database_.AddDelete(notes_, {NumberId(1), NumberId(2), NumberId(3)}).ok());
  ASSERT_TRUE(database_.AddUpsert(notes_, {MakeRow(NumberId(2), 2), MakeRow(NumberId(3), 2)}).ok());
  ASSERT_TRUE(database_.AddUpsert(notes_, {MakeRow(NumberId(3), 3)}).ok());
  EXPECT_EQ(engine().Count(notes_).value(), 0U);  // nothing shows before it is applied
  ASSERT_TRUE(database_.Commit().ok());
  EXPECT_EQ(engine().AppliedCount(0), 2U);
  EXPECT_EQ(engine().AppliedCount(1), 2U);
  EXPECT_EQ(engine().AppliedCount(2), 2U);
  EXPECT_EQ(engine().AppliedCount(3), 1U);
  EXPECT_EQ(engine().AppliedCount(4), 0U);
  EXPECT_EQ(database_.ListAll(notes_), (std::vector<Row>{MakeRow(NumberId(2), 2), MakeRow(NumberId(3), 3)}));
}

TEST_F(EngineTest, ACreateAndADropInOneFrameReuseTheName) {
  ASSERT_TRUE(engine().BeginFrame().ok());
  ASSERT_TRUE(engine().FrameDrop(notes_).ok());
  ASSERT_TRUE(engine().FrameCreate("notes", Options(5)).ok());
  ASSERT_TRUE(engine().FrameCreate("more", Options(6)).ok());
  ASSERT_TRUE(database_.Commit().ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(engine().CollectionCount(), 2U);
    EXPECT_EQ(engine().CollectionOptionsOf(engine().FindCollection("notes")).value().dimensions, 5U);
    EXPECT_EQ(engine().Count(notes_).status().code(), Code::kNotFound);
    database_.Crash();
    ASSERT_TRUE(database_.Open().ok());
  }
}

TEST_F(EngineTest, DistancesArePgvectors) {
  const std::pair<Metric, double> expected[] = {{Metric::kL2, std::sqrt(20.0)},
                                                {Metric::kCosine, 1 - 11 / std::sqrt(5.0 * 25.0)},
                                                {Metric::kDot, -11.0},
                                                {Metric::kL1, 4 + 2}};
  for (auto [metric, distance] : expected) {
    std::string name = "m" + std::to_string(static_cast<int>(metric));
    ASSERT_TRUE(database_.Create(name, Options(2, metric)).ok());
    CollectionId id = engine().FindCollection(name);
    ASSERT_TRUE(database_.Upsert(id, {{NumberId(1), {3, 4}, ""}}).ok());
    std::vector<float> query = {1, 2};
    if (metric == Metric::kL2) query = {1, 0};
    if (metric == Metric::kL1) query = {-1, 6};
    EXPECT_NEAR(database_.Search(id, query, 1)[0].distance, distance, 1e-6);
  }
}

TEST_F(EngineTest, TiesComeInOrderOfInsertionAndKBeyondTheRowsGivesAll) {
  std::vector<Row> rows;
  for (int i = 0; i < 20; ++i) rows.push_back(MakeRow(NumberId(19 - i), 5));
  ASSERT_TRUE(database_.Upsert(notes_, rows).ok());
  std::vector<Hit> hits = database_.Search(notes_, {5, 0}, 1000);
  ASSERT_EQ(hits.size(), 20U);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(hits[i].row, rows[i]);
  EXPECT_TRUE(database_.Search(notes_, {0, 0}, 3, false, 0)[0].row.vector.empty());
}

TEST_F(EngineTest, AnEmptyCollectionAnswersWithNothing) {
  EXPECT_TRUE(database_.Search(notes_, {1, 1}, 5).empty());
  EXPECT_TRUE(database_.ListAll(notes_).empty());
  EXPECT_EQ(database_.Get(notes_, {}).size(), 0U);
  ASSERT_TRUE(database_.Upsert(notes_, {}).ok());
  ASSERT_TRUE(database_.Delete(notes_, {}).ok());
  EXPECT_EQ(engine().Work(100).value().remaining, 0U);
}

TEST_F(EngineTest, SeveralQueriesAnswerAsOneByOne) {
  std::vector<Row> rows;
  for (int i = 0; i < 50; ++i) rows.push_back(MakeRow(NumberId(i), static_cast<float>(i), "{\"i\":1}"));
  ASSERT_TRUE(database_.Upsert(notes_, rows).ok());
  float queries[6] = {3.2F, 0, 40.1F, 0, -7, 0};
  SearchRequest request{.collection = notes_, .queries = queries, .query_count = 3, .k = 4};
  auto answer = engine().Search(request);
  ASSERT_TRUE(answer.ok());
  std::vector<std::vector<Hit>> hits = DecodeHits(answer.value());
  ASSERT_EQ(hits.size(), 3U);
  for (size_t query = 0; query < 3; ++query) {
    std::vector<Hit> alone = database_.Search(notes_, {queries[2 * query], 0}, 4, false, kIncludeMetadata);
    ASSERT_EQ(hits[query].size(), alone.size());
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(hits[query][i].row, alone[i].row);
  }
}

TEST_F(EngineTest, AListingEndsItsPageBeforeItGrowsPastMemory) {
  std::vector<Row> rows;
  for (int i = 0; i < 20; ++i) rows.push_back(MakeRow(NumberId(i), 1, std::string(kMetadataBytesMax, ' ')));
  ASSERT_TRUE(database_.Upsert(notes_, rows).ok());
  auto page = engine().List(notes_, 0, 1000, kIncludeMetadata);
  ASSERT_TRUE(page.ok());
  EXPECT_LT(page.value().size(), size_t{10} << 20);
  EXPECT_EQ(database_.ListAll(notes_, 1000), rows);
}

TEST_F(EngineTest, CursorsGoOnAfterARowWhateverIsWritten) {
  std::vector<Row> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(MakeRow(NumberId(i), 1));
  ASSERT_TRUE(database_.Upsert(notes_, rows).ok());
  uint64_t cursor = engine().CursorAfter(notes_, EncodeIds({NumberId(4)})).value();
  ASSERT_TRUE(database_.Delete(notes_, {NumberId(4), NumberId(5)}).ok());
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(77), 1)}).ok());
  auto page = engine().List(notes_, cursor, 2, 0);
  ASSERT_TRUE(page.ok());
  std::vector<Row> listed = DecodeRows(page.value().subspan(16));
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].id, NumberId(6));
}

TEST_F(EngineTest, ADiscardedFrameLeavesNoTrace) {
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(1), 1)}).ok());
  uint64_t sequence = engine().sequence();
  ASSERT_TRUE(engine().BeginFrame().ok());
  ASSERT_TRUE(database_.AddUpsert(notes_, {MakeRow(NumberId(1), 2), MakeRow(NumberId(2), 2)}).ok());
  ASSERT_TRUE(database_.AddDelete(notes_, {NumberId(1)}).ok());
  ASSERT_TRUE(engine().FrameCreate("other", Options(3)).ok());
  ASSERT_TRUE(engine().SealFrame().ok());
  std::string name(engine().FrameName());
  engine().DiscardFrame();
  EXPECT_FALSE(engine().IsReferenced(name));
  EXPECT_EQ(engine().FindCollection("other"), 0U);
  EXPECT_EQ(engine().sequence(), sequence);
  EXPECT_EQ(database_.ListAll(notes_), (std::vector<Row>{MakeRow(NumberId(1), 1)}));
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(2), 5)}).ok());
  EXPECT_EQ(engine().sequence(), sequence + 1);
  EXPECT_EQ(database_.ListAll(notes_), (std::vector<Row>{MakeRow(NumberId(1), 1), MakeRow(NumberId(2), 5)}));
}

TEST_F(EngineTest, CheckpointsLetTheWalGoAndWriteOnlyWhatChanged) {
  std::vector<Row> rows;
  for (int i = 0; i < 3000; ++i)
    rows.push_back(MakeRow(NumberId(i), static_cast<float>(i), std::string(900, 'm')));
  ASSERT_TRUE(database_.Upsert(notes_, rows).ok());
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_EQ(engine().UncheckpointedWalObjects(), 2U);
  EXPECT_GT(engine().UncheckpointedWalBytes(), 3000U * 900);
  EXPECT_EQ(engine().UncheckpointedGraphRows(), 3000U);
  ASSERT_TRUE(database_.Checkpoint().ok());
  EXPECT_EQ(engine().UncheckpointedWalObjects(), 0U);
  EXPECT_EQ(engine().UncheckpointedWalBytes(), 0U);
  EXPECT_EQ(engine().UncheckpointedGraphRows(), 0U);
  std::map<std::string, ByteVector> first = storage_.objects;
  ASSERT_TRUE(database_.Checkpoint().ok());
  // Nothing changed: only the manifest is new.
  uint32_t kept = 0;
  for (const auto& [name, bytes] : storage_.objects) kept += first.contains(name) ? 1U : 0U;
  EXPECT_EQ(kept, first.size() - 1);
  EXPECT_EQ(storage_.objects.size(), first.size());
  database_.Crash();
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_EQ(database_.ListAll(notes_), rows);
  EXPECT_EQ(engine().Stats(notes_).value().indexed_rows, 3000U);
  // All that is left to do is to measure what the codes cost, which changes nothing that is stored.
  const uint64_t version = engine().UncheckpointedGraphRows();
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_EQ(engine().UncheckpointedGraphRows(), version);
}

TEST_F(EngineTest, FramesAppliedDuringACheckpointStayInTheWal) {
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(1), 1), MakeRow(NumberId(2), 2)}).ok());
  ASSERT_TRUE(database_.Create("gone", Options(2)).ok());
  CollectionId gone = engine().FindCollection("gone");
  ASSERT_TRUE(database_.Upsert(gone, {MakeRow(NumberId(1), 1)}).ok());
  ASSERT_TRUE(engine().BeginCheckpoint().ok());
  ASSERT_TRUE(database_.Delete(notes_, {NumberId(1)}).ok());
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(3), 3)}).ok());
  ASSERT_TRUE(database_.Drop(gone).ok());
  for (;;) {
    auto more = engine().NextCheckpointObject();
    ASSERT_TRUE(more.ok());
    if (!more.value()) break;
    std::span<const uint8_t> object = engine().CheckpointObject();
    storage_.objects[std::string(engine().CheckpointObjectName())] = {object.begin(), object.end()};
    EXPECT_TRUE(engine().IsReferenced(engine().CheckpointObjectName()));
  }
  auto head = engine().EncodeHead();
  ASSERT_TRUE(head.ok());
  storage_.head = ByteVector(head.value().begin(), head.value().end());
  engine().FinishCheckpoint();
  EXPECT_EQ(engine().UncheckpointedWalObjects(), 3U);
  database_.Crash();
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_EQ(engine().FindCollection("gone"), 0U);
  EXPECT_EQ(database_.ListAll(notes_), (std::vector<Row>{MakeRow(NumberId(2), 2), MakeRow(NumberId(3), 3)}));
}

TEST_F(EngineTest, AnAbortedCheckpointLeavesOrphansOnly) {
  ASSERT_TRUE(database_.Upsert(notes_, {MakeRow(NumberId(1), 1)}).ok());
  ASSERT_TRUE(engine().BeginCheckpoint().ok());
  ASSERT_TRUE(engine().NextCheckpointObject().value());
  std::string name(engine().CheckpointObjectName());
  EXPECT_TRUE(engine().IsReferenced(name));
  engine().AbortCheckpoint();
  EXPECT_FALSE(engine().IsReferenced(name));
  EXPECT_EQ(engine().UncheckpointedWalObjects(), 2U);
  ASSERT_TRUE(database_.Checkpoint().ok());  // fails on a name that is used twice
}

}  // namespace
}  // namespace omendb::test
