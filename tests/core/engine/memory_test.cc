// Every allocation that can be refused, refused: OUT_OF_MEMORY, the state as before, nothing leaked; and then
// the same call succeeds.
#include "refused_memory.h"
#include "test_database.h"

namespace omendb::test {
namespace {

CollectionOptions SmallOptions(Quantization quantization = Quantization::kSq8,
                               VectorType type = VectorType::kFloat32) {
  CollectionOptions options;
  options.dimensions = 3;
  options.metric = Metric::kCosine;
  options.degree = 4;
  options.ef_construction = 8;
  options.quantization = quantization;
  options.vector_type = type;
  return options;
}

// Of whole numbers up to 127.
std::vector<Row> MakeRows(int first, int count) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) {
    auto x = static_cast<float>(i * 37 % 101);
    rows.push_back(
        {NumberId(i), {1 + x, static_cast<float>(i % 13), 2}, "{\"i\":" + std::to_string(i) + "}"});
  }
  return rows;
}

TEST(OutOfMemory, WritingReadingAndCheckpoints) {
  RefuseEach([](Scenario& scenario) {
    Storage storage;
    Database database(&storage);
    std::vector<Row> rows;
    CollectionId id = 1;
    scenario.Try([&] { return database.Open(); });
    auto unchanged = [&] {
      ASSERT_EQ(database.engine().FindCollection("a"), rows.empty() ? 0U : id);
      if (!rows.empty()) ASSERT_EQ(database.ListAll(id), rows);
    };
    scenario.Try([&] { return database.Create("a", SmallOptions()); }, unchanged);
    for (int first : {0, 20}) {
      scenario.Try([&] { return database.Upsert(id, MakeRows(first, 30)); },
                   [&] { ASSERT_EQ(database.ListAll(id), rows); });
      rows.resize(static_cast<size_t>(first));
      std::vector<Row> more = MakeRows(first, 30);
      rows.insert(rows.end(), more.begin(), more.end());
    }
    scenario.Try([&] { return database.Delete(id, {NumberId(1), NumberId(2)}); }, unchanged);
    rows.erase(rows.begin() + 1, rows.begin() + 3);
    float query[3] = {1, 2, 3};
    SearchRequest request{.collection = id, .queries = query, .query_count = 1, .k = 40};
    scenario.Try([&] { return database.engine().Search(request).status(); }, unchanged);
    scenario.Try([&] { return database.engine().List(id, 0, 10, 3).status(); }, unchanged);
    scenario.Try([&] { return database.engine().Get(id, EncodeIds({NumberId(4)}), 3).status(); }, unchanged);
    scenario.Try([&] { return database.engine().CheckRowBatch(id, EncodeRows(rows, 3)); }, unchanged);
    scenario.Try([&] { return database.engine().BeginCheckpoint(); }, unchanged);
    for (bool more = true; more;) {
      scenario.Try(
          [&]() -> Status {
            OMENDB_ASSIGN(more, database.engine().NextCheckpointObject());
            return Status::Ok();
          },
          unchanged);
    }
    scenario.Try([&] { return database.engine().EncodeHead().status(); }, unchanged);
    database.engine().AbortCheckpoint();
    scenario.Try([&] { return database.Drop(id); }, unchanged);
    ASSERT_EQ(database.engine().CollectionCount(), 0U);
  });
}

TEST(OutOfMemory, OpeningWithGraphTombstonesAndWal) {
  Storage stored;
  std::vector<Row> rows;
  {
    Database database(&stored);
    ASSERT_TRUE(database.Open().ok());
    ASSERT_TRUE(database.Create("a", SmallOptions()).ok());
    ASSERT_TRUE(database.Upsert(1, MakeRows(0, 1030)).ok());
    ASSERT_TRUE(database.Finish().ok());
    ASSERT_TRUE(database.Delete(1, {NumberId(3)}).ok());
    ASSERT_TRUE(database.Checkpoint().ok());
    ASSERT_TRUE(database.Upsert(1, MakeRows(5, 1)).ok());
    rows = database.ListAll(1);
  }
  RefuseEach([&](Scenario& scenario) {
    Storage storage = stored;
    Database database(&storage);
    scenario.Try([&] { return database.Open(); });
    ASSERT_EQ(database.engine().Stats(1).value().indexed_rows, 1030U);
    float query[3] = {1, 2, 3};
    SearchRequest request{.collection = 1, .queries = query, .query_count = 1, .k = 10};
    scenario.Try([&] { return database.engine().Search(request).status(); });
    ASSERT_EQ(database.engine().Count(1).value(), rows.size());
  });
}

// Loading ends with the engine that could not; a failed call of PlanReplay or ReplayFrame can be repeated.
TEST(OutOfMemory, LoadingNeedsANewEngineAndReplayingDoesNot) {
  Storage stored;
  {
    Database database(&stored);
    ASSERT_TRUE(database.Open().ok());
    ASSERT_TRUE(database.Create("a", SmallOptions()).ok());
    ASSERT_TRUE(database.Upsert(1, MakeRows(0, 1030)).ok());
    ASSERT_TRUE(database.Finish().ok());
    ASSERT_TRUE(database.Checkpoint().ok());
    ASSERT_TRUE(database.Upsert(1, MakeRows(5, 1)).ok());
  }
  RefuseEach([&](Scenario& scenario) {
    Engine::Pointer engine;
    scenario.Try([&]() -> Status {
      OMENDB_ASSIGN(engine, Engine::Create());
      OMENDB_TRY(engine->OpenHead(*stored.head));
      for (uint32_t i = 0; i < engine->RequiredObjectCount(); ++i) {
        const ByteVector& bytes = stored.objects.at(std::string(engine->RequiredObjectName(i)));
        Status loaded = engine->LoadObject(i, bytes);
        if (!loaded.ok()) {
          EXPECT_EQ(engine->LoadObject(i, bytes).code(), Code::kInvalidArgument);
          EXPECT_FALSE(engine->FinishLoad().ok());
          return loaded;
        }
      }
      return engine->FinishLoad();
    });
    for (const auto& [name, bytes] : stored.objects) {
      if (name[0] == 'w') scenario.Try([&] { return engine->OfferWalName(name); });
    }
    scenario.Try([&] { return engine->PlanReplay(); });
    ASSERT_EQ(engine->ReplayCount(), 1U);
    const ByteVector& frame = stored.objects.at(std::string(engine->ReplayName(0)));
    scenario.Try([&] { return engine->ReplayFrame(frame); });
    ASSERT_EQ(engine->Count(1).value(), 1030U);
    ASSERT_EQ(engine->Stats(1).value().indexed_rows, 1030U);
  });
}

TEST(OutOfMemory, BackgroundWorkCanBeTriedAgain) {
  constexpr std::pair<Quantization, VectorType> kCases[] = {{Quantization::kSq8, VectorType::kFloat32},
                                                            {Quantization::kNone, VectorType::kFloat32},
                                                            {Quantization::kSq8, VectorType::kInt8},
                                                            {Quantization::kNone, VectorType::kInt8}};
  for (const auto& [quantization, type] : kCases) {
    Storage stored;
    {
      Database database(&stored);
      ASSERT_TRUE(database.Open().ok());
      ASSERT_TRUE(database.Create("a", SmallOptions(quantization, type)).ok());
      ASSERT_TRUE(database.Upsert(1, MakeRows(0, 1600)).ok());
      ASSERT_TRUE(database.Finish().ok());
      ASSERT_TRUE(database.Checkpoint().ok());
      // As many again, so that training is due; and as many deleted that compaction is.
      ASSERT_TRUE(database.Upsert(1, MakeRows(1600, 1700)).ok());
      std::vector<std::string> ids;
      for (int i = 0; i < 3300; i += 2) ids.push_back(NumberId(i));
      ASSERT_TRUE(database.Delete(1, ids).ok());
    }
    for (AllocationFault fault : {AllocationFault::kOnce, AllocationFault::kForever}) {
      bool refused = true;
      // Repairing thousands of nodes makes too many allocations to refuse every one.
      for (uint64_t successes = 0; refused; successes += 1 + successes / 4) {
        SCOPED_TRACE(testing::Message() << "after " << successes << " allocations");
        Storage storage = stored;
        Database database(&storage);
        ASSERT_TRUE(database.Open().ok());
        std::vector<Row> rows = database.ListAll(1);
        Scenario scenario(fault, successes);
        scenario.Try([&] { return database.Finish(); }, [&] { ASSERT_EQ(database.ListAll(1), rows); });
        SetAllocationFault(AllocationFault::kNone, 0);
        refused = scenario.refused();
        ASSERT_EQ(database.ListAll(1), rows);
        CollectionStats stats = database.engine().Stats(1).value();
        ASSERT_EQ(stats.deleted_rows, 0U);
        ASSERT_EQ(stats.indexed_rows, rows.size());
        ASSERT_NEAR(database.Search(1, rows[77].vector, 1)[0].distance, 0, 1e-6);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(OutOfMemory, ApplyingNeedsNoMemory) {
  Storage storage;
  Database database(&storage);
  ASSERT_TRUE(database.Open().ok());
  ASSERT_TRUE(database.Create("a", SmallOptions()).ok());
  Engine& engine = database.engine();
  for (int round = 0; round < 12; ++round) {
    ASSERT_TRUE(engine.BeginFrame().ok());
    ASSERT_TRUE(database.AddUpsert(1, MakeRows(round * 150, 200)).ok());
    ASSERT_TRUE(database.AddDelete(1, {NumberId(round * 150)}).ok());
    ASSERT_TRUE(engine.FrameCreate("other" + std::to_string(round), SmallOptions()).ok());
    if (round > 0)
      ASSERT_TRUE(engine.FrameDrop(engine.FindCollection("other" + std::to_string(round - 1))).ok());
    if (round == 9) ASSERT_TRUE(engine.Work(100'000).ok());  // rows move under an open frame
    ASSERT_TRUE(engine.SealFrame().ok());
    SetAllocationFault(AllocationFault::kForever, 0);
    engine.ApplyFrame();
    SetAllocationFault(AllocationFault::kNone, 0);
    ASSERT_EQ(engine.CollectionCount(), 2U);
  }
  EXPECT_EQ(engine.Count(1).value(), 11U * 150 + 200 - 12);
}

}  // namespace
}  // namespace omendb::test
