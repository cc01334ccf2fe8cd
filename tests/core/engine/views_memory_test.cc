// Every allocation refused, in what came with views: snapshots, transactions, restores, uploads, and
// checkpoints and loading of all of these.
#include <algorithm>

#include "crash_simulation.h"
#include "refused_memory.h"

namespace omendb::test {
namespace {

CollectionOptions SmallOptions(uint32_t dimensions = 2) {
  CollectionOptions options;
  options.dimensions = dimensions;
  options.metric = Metric::kL2;
  options.degree = 4;
  options.ef_construction = 8;
  return options;
}

std::vector<Row> MakeRows(int first, int count, uint32_t dimensions = 2) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) {
    rows.push_back({NumberId(i), std::vector<float>(dimensions, static_cast<float>(i % 17)), "{}"});
  }
  return rows;
}

// Commits 2..6 of a collection "a", a dropped one and one that came later; and what the newest state holds.
Storage StoredHistory(Contents* newest, Contents* third) {
  Storage storage;
  Database database(&storage);
  database.keeps_history = true;
  EXPECT_TRUE(database.Open().ok());
  EXPECT_TRUE(database.Create("a", SmallOptions()).ok());
  EXPECT_TRUE(database.Create("dropped", SmallOptions()).ok());
  EXPECT_TRUE(database.Upsert(2, MakeRows(0, 3)).ok());
  EXPECT_TRUE(database.Upsert(1, MakeRows(0, 12)).ok());
  *third = ContentsOf(database.engine(), 0);
  EXPECT_TRUE(database.Delete(1, {NumberId(3), NumberId(4)}).ok());
  EXPECT_TRUE(database.Upsert(1, MakeRows(8, 8)).ok());
  EXPECT_TRUE(database.Drop(2).ok());
  EXPECT_TRUE(database.Checkpoint().ok());
  EXPECT_TRUE(database.Create("later", SmallOptions()).ok());
  *newest = ContentsOf(database.engine(), 0);
  return storage;
}
constexpr uint64_t kThird = 4;

Status SealAndApply(Database& database) {
  OMENDB_ASSIGN(std::span<const uint8_t> object, database.engine().SealFrame());
  database.storage().objects[std::string(database.engine().FrameName())] =
      ByteVector(object.begin(), object.end());
  database.engine().ApplyFrame();
  return Status::Ok();
}

TEST(OutOfMemory, ReadingPastStates) {
  Contents newest;
  Contents third;
  const Storage stored = StoredHistory(&newest, &third);
  RefuseEach([&](Scenario& scenario) {
    Storage storage = stored;
    Database database(&storage);
    database.keeps_history = true;
    scenario.Try([&] { return database.Open(); });
    Engine& engine = database.engine();
    ViewId view = 0;
    scenario.Try([&]() -> Status {
      OMENDB_ASSIGN(view, engine.OpenViewAt(kThird));
      return Status::Ok();
    });
    scenario.Try([&] { return engine.Count(1, view).status(); });
    const ByteVector ids = EncodeIds({NumberId(3), NumberId(99)});
    scenario.Try([&] { return engine.Get(2, ids, 3, view).status(); });
    scenario.Try([&] { return engine.Get(1, ids, 3, view).status(); });
    scenario.Try([&] { return engine.CollectionsIn(view).status(); });
    // Slots that come after the view was made.
    scenario.Try([&] { return database.Upsert(1, MakeRows(100, 80)); },
                 [&] { ASSERT_EQ(ContentsOf(engine, 0), newest); });
    const float query[2] = {1, 2};
    SearchRequest request{.collection = 1, .queries = query, .query_count = 1, .k = 5};
    request.view = view;
    scenario.Try([&] { return engine.Search(request).status(); });
    SetAllocationFault(AllocationFault::kNone, 0);
    ASSERT_EQ(ContentsOf(engine, view), third);
  });
}

TEST(OutOfMemory, TransactionsAreWholeOrNotThere) {
  Contents newest;
  Contents third;
  const Storage stored = StoredHistory(&newest, &third);
  RefuseEach([&](Scenario& scenario) {
    Storage storage = stored;
    Database database(&storage);
    database.keeps_history = true;
    scenario.Try([&] { return database.Open(); });
    Engine& engine = database.engine();
    ViewId transaction = 0;
    scenario.Try([&]() -> Status {
      OMENDB_ASSIGN(transaction, engine.BeginTransaction());
      return Status::Ok();
    });
    Contents written = newest;
    const auto unchanged = [&] {
      ASSERT_EQ(ContentsOf(engine, transaction), written);
      ASSERT_EQ(ContentsOf(engine, 0), newest);
    };
    std::vector<Row>& rows = written["a"];
    for (int first : {20, 14}) {
      const ByteVector batch = EncodeRows(MakeRows(first, 9), 2);
      scenario.Try([&] { return engine.TransactionUpsert(transaction, 1, batch); }, unchanged);
      for (const Row& row : MakeRows(first, 9)) {
        std::erase_if(rows, [&](const Row& other) { return other.id == row.id; });
        rows.push_back(row);
      }
    }
    const ByteVector ids = EncodeIds({NumberId(21), NumberId(0), NumberId(55)});
    scenario.Try([&] { return engine.TransactionDelete(transaction, 1, ids).status(); }, unchanged);
    std::erase_if(rows, [](const Row& row) { return row.id == NumberId(21) || row.id == NumberId(0); });
    const float query[2] = {1, 2};
    SearchRequest request{.collection = 1, .queries = query, .query_count = 1, .k = 50};
    request.view = transaction;
    scenario.Try([&] { return engine.Search(request).status(); }, unchanged);
    scenario.Try([&] { return engine.BeginFrame(); }, unchanged);
    scenario.Try([&] { return engine.FrameTransaction(transaction); },
                 [&] {
                   unchanged();
                   ASSERT_EQ(engine.SealFrame().status().code(), Code::kInvalidArgument) << "half of it";
                 });
    scenario.Try([&] { return SealAndApply(database); }, unchanged);
    SetAllocationFault(AllocationFault::kNone, 0);
    engine.CloseView(transaction);
    ASSERT_EQ(ContentsOf(engine, 0), written);
  });
}

TEST(OutOfMemory, ARefusedTransactionLeavesTheFrameToOthers) {
  Contents newest;
  Contents third;
  const Storage stored = StoredHistory(&newest, &third);
  for (uint64_t successes = 0;; ++successes) {
    Storage storage = stored;
    Database database(&storage);
    database.keeps_history = true;
    ASSERT_TRUE(database.Open().ok());
    Engine& engine = database.engine();
    const ViewId transaction = engine.BeginTransaction().value();
    for (int first : {200, 300}) {
      ASSERT_TRUE(engine.TransactionUpsert(transaction, 1, EncodeRows(MakeRows(first, 900), 2)).ok());
    }
    ASSERT_TRUE(engine.BeginFrame().ok());
    SetAllocationFault(AllocationFault::kForever, successes);
    const Status added = engine.FrameTransaction(transaction);
    SetAllocationFault(AllocationFault::kNone, 0);
    if (added.ok()) {
      EXPECT_GT(successes, 3U);
      break;
    }
    ASSERT_EQ(added.code(), Code::kOutOfMemory);
    ASSERT_TRUE(database.AddUpsert(1, MakeRows(50, 1)).ok());
    ASSERT_TRUE(database.Commit().ok());
    Contents expected = newest;
    expected["a"].push_back(MakeRows(50, 1)[0]);
    ASSERT_EQ(ContentsOf(engine, 0), expected) << "after " << successes << " allocations";
  }
}

TEST(OutOfMemory, RestoresAreWholeOrNotThere) {
  Contents newest;
  Contents third;
  const Storage stored = StoredHistory(&newest, &third);
  RefuseEach([&](Scenario& scenario) {
    Storage storage = stored;
    Database database(&storage);
    database.keeps_history = true;
    scenario.Try([&] { return database.Open(); });
    Engine& engine = database.engine();
    ViewId view = 0;
    scenario.Try([&]() -> Status {
      OMENDB_ASSIGN(view, engine.OpenViewAt(kThird));
      return Status::Ok();
    });
    const auto unchanged = [&] { ASSERT_EQ(ContentsOf(engine, 0), newest); };
    scenario.Try([&] { return engine.BeginFrame(); }, unchanged);
    scenario.Try([&] { return engine.FrameRestore(view); },
                 [&] {
                   unchanged();
                   ASSERT_EQ(engine.SealFrame().status().code(), Code::kInvalidArgument) << "half of it";
                 });
    scenario.Try([&] { return SealAndApply(database); }, unchanged);
    SetAllocationFault(AllocationFault::kNone, 0);
    Contents restored = ContentsOf(engine, 0);
    // Rows that are written again come last.
    for (Contents* contents : {&restored, &third}) {
      for (auto& [name, rows] : *contents) {
        std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
      }
    }
    ASSERT_EQ(restored, third);
  });
}

TEST(OutOfMemory, AFrameBuiltAheadLeavesTheOneBeforeItWhole) {
  Contents newest;
  Contents third;
  const Storage stored = StoredHistory(&newest, &third);
  RefuseEach([&](Scenario& scenario) {
    Storage storage = stored;
    Database database(&storage);
    database.keeps_history = true;
    scenario.Try([&] { return database.Open(); });
    Engine& engine = database.engine();
    const auto unchanged = [&] { ASSERT_EQ(ContentsOf(engine, 0), newest); };
    const auto seal = [&](std::string* name, ByteVector* object) {
      scenario.Try(
          [&]() -> Status {
            OMENDB_ASSIGN(std::span<const uint8_t> bytes, engine.SealFrame());
            *object = ByteVector(bytes.begin(), bytes.end());
            *name = engine.FrameName();
            return Status::Ok();
          },
          unchanged);
    };
    std::string names[2];
    ByteVector objects[2];
    for (int frame : {0, 1}) {
      scenario.Try([&] { return engine.BeginFrame(); }, unchanged);
      scenario.Try([&] { return database.AddUpsert(1, MakeRows(10 + 30 * frame, 40)); }, unchanged);
      scenario.Try([&] { return database.AddDelete(1, {NumberId(10 + 30 * frame), NumberId(999)}); },
                   unchanged);
      scenario.Try([&] { return engine.FrameToken({.client = 1, .request = static_cast<uint64_t>(frame)}); });
      seal(&names[frame], &objects[frame]);
    }
    // Nothing that applying needs may be missing now.
    SetAllocationFault(AllocationFault::kForever, 0);
    engine.ApplyFrame();
    engine.ApplyFrame();
    SetAllocationFault(AllocationFault::kNone, 0);
    for (int frame : {0, 1}) storage.objects[names[frame]] = objects[frame];
    const Contents applied = ContentsOf(engine, 0);
    ASSERT_EQ(engine.FindToken({.client = 1, .request = 1}).value(), 1U);
    database.Crash();
    ASSERT_TRUE(database.Open().ok());
    ASSERT_EQ(ContentsOf(database.engine(), 0), applied);
  });
}

TEST(OutOfMemory, UploadsAndWholeCheckpointsOfThem) {
  constexpr uint32_t kDimensions = 4096;
  RefuseEach([&](Scenario& scenario) {
    Storage storage;
    Database database(&storage);
    database.keeps_history = true;
    Contents contents;
    const auto unchanged = [&] { ASSERT_EQ(ContentsOf(database.engine(), 0), contents); };
    scenario.Try([&] { return database.Open(); });
    scenario.Try([&] { return database.Create("a", SmallOptions(kDimensions)); }, unchanged);
    contents["a"] = {};
    scenario.Try([&] { return database.Upsert(1, MakeRows(80, 1, kDimensions)); }, unchanged);
    scenario.Try([&] { return database.Upsert(1, MakeRows(0, 64, kDimensions)); },
                 [&] { ASSERT_EQ(database.engine().Count(1).value(), 1U); });
    contents["a"] = MakeRows(80, 1, kDimensions);
    for (const Row& row : MakeRows(0, 64, kDimensions)) contents["a"].push_back(row);
    for (bool whole : {false, true}) {
      scenario.Try([&] { return database.engine().BeginCheckpoint(whole); }, unchanged);
      for (bool more = true; more;) {
        scenario.Try([&]() -> Status {
          OMENDB_ASSIGN(more, database.engine().NextCheckpointObject());
          const std::span<const uint8_t> object = database.engine().CheckpointObject();
          if (more) {
            storage.objects[std::string(database.engine().CheckpointObjectName())] =
                ByteVector(object.begin(), object.end());
          }
          return Status::Ok();
        });
      }
      scenario.Try([&]() -> Status {
        OMENDB_ASSIGN(std::span<const uint8_t> head, database.engine().EncodeHead());
        storage.head = ByteVector(head.begin(), head.end());
        return Status::Ok();
      });
      database.engine().FinishCheckpoint();
    }
    database.Crash();
    scenario.Try([&] { return database.Open(); });
    SetAllocationFault(AllocationFault::kNone, 0);
    unchanged();
  });
}

}  // namespace
}  // namespace omendb::test
