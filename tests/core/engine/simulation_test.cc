// Scenarios in which the process dies at every instant: what was acknowledged is there, exactly, and nothing
// else is.
#include "crash_simulation.h"

namespace omendb::test {
namespace {

CollectionOptions Options(uint32_t dimensions, Quantization quantization = Quantization::kSq8) {
  CollectionOptions options;
  options.dimensions = dimensions;
  options.metric = Metric::kL2;
  options.degree = 4;
  options.ef_construction = 8;
  options.quantization = quantization;
  return options;
}

std::vector<Row> MakeRows(int first, int count, uint32_t dimensions) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) {
    Row row{NumberId(i), std::vector<float>(dimensions),
            i % 3 == 0 ? "{\"i\":" + std::to_string(i) + "}" : ""};
    for (uint32_t d = 0; d < dimensions; ++d) {
      row.vector[d] = static_cast<float>((i * 37 + static_cast<int>(d) * 11) % 101);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> MakeIds(int first, int count, int step = 1) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back(NumberId(first + i * step));
  return ids;
}

TEST(CrashSimulation, CommitsAndCheckpoints) {
  Recording recording;
  recording.Create("a", Options(2));
  recording.Upsert("a", MakeRows(0, 20, 2));
  recording.Delete("a", MakeIds(3, 5));
  recording.Checkpoint();
  recording.Upsert("a", MakeRows(5, 10, 2));
  recording.AbortedCheckpoint();
  recording.Create("b", Options(3));
  recording.Checkpoint(false, [&] {
    recording.Upsert("b", MakeRows(0, 4, 3));
    recording.Delete("a", MakeIds(0, 2));
  });
  recording.Commit([&](Database& database) { return database.engine().FrameDrop(recording.Find("a")); });
  recording.Create("a", Options(1));
  recording.Upsert("a", MakeRows(40, 3, 1));
  recording.Checkpoint(true);
  ASSERT_GT(recording.operations(), 20U);
  recording.CheckEveryCrash();
}

TEST(CrashSimulation, HistoryRestoresAndTransactions) {
  Recording recording;
  recording.Create("a", Options(2));
  for (int i = 0; i < 5; ++i) recording.Upsert("a", MakeRows(i * 2, 6, 2));
  recording.Checkpoint();
  Engine& engine = recording.engine();
  const ViewId before = engine.OpenViewAt(3).value();
  recording.Delete("a", MakeIds(0, 8));
  recording.Commit([&](Database& database) { return database.engine().FrameDrop(recording.Find("a")); });
  recording.Create("other", Options(1));
  recording.Commit([&](Database&) { return engine.FrameRestore(before); });
  engine.CloseView(before);
  recording.Forget();
  recording.Work(1000);
  const ViewId transaction = engine.BeginTransaction().value();
  const CollectionId a = recording.Find("a");
  ASSERT_TRUE(engine.TransactionUpsert(transaction, a, EncodeRows(MakeRows(2, 3, 2), 2)).ok());
  ASSERT_EQ(engine.TransactionDelete(transaction, a, EncodeIds(MakeIds(1, 2))).value(), 2U);
  recording.Checkpoint(
      false, [&] { recording.Commit([&](Database&) { return engine.FrameTransaction(transaction); }); });
  engine.CloseView(transaction);
  recording.Upsert("a", MakeRows(1, 2, 2));
  recording.Checkpoint();
  recording.CheckEveryCrash();
}

TEST(CrashSimulation, GraphsThatAreCleanedAndSlotsThatAreTakenAgain) {
  Recording recording;
  recording.Create("a", Options(2));
  recording.Upsert("a", MakeRows(0, 1900, 2));
  recording.Work(100'000);
  recording.Checkpoint();
  recording.Delete("a", MakeIds(0, 800, 2));
  recording.Forget();
  recording.Work(900);  // in the middle of cleaning
  recording.Checkpoint();
  recording.Work(1500);
  recording.Checkpoint();
  recording.Work(100'000);
  ASSERT_EQ(recording.engine().Stats(recording.Find("a")).value().deleted_rows, 0U);
  recording.Upsert("a", MakeRows(3000, 300, 2));
  recording.Checkpoint();
  recording.Work(100'000);
  recording.Checkpoint();
  recording.CheckEveryCrash();
}

TEST(CrashSimulation, UploadsWhoseVectorsStayInTheirFrame) {
  constexpr uint32_t kDimensions = 2048;
  Recording recording;
  recording.Create("a", Options(kDimensions));
  recording.Commit([&](Database& database) -> Status {
    const CollectionId a = recording.Find("a");
    OMENDB_TRY(database.AddUpsert(a, MakeRows(900, 2, kDimensions)));
    OMENDB_TRY(database.AddUpsert(a, MakeRows(0, 130, kDimensions)));
    OMENDB_TRY(database.AddUpsert(a, MakeRows(100, 3, kDimensions)));
    return database.AddDelete(a, MakeIds(5, 3));
  });
  recording.Checkpoint();
  recording.Delete("a", MakeIds(10, 4));
  recording.Checkpoint();
  // Most of it goes, so what is left is written anew and the frame goes too.
  recording.Delete("a", MakeIds(20, 90));
  recording.Forget();
  recording.Work(100'000);
  recording.Checkpoint();
  recording.CheckEveryCrash();
}

TEST(CrashSimulation, ABackupTakesTheDatabasesPlace) {
  Recording recording;
  recording.Create("a", Options(2));
  recording.Upsert("a", MakeRows(0, 10, 2));
  recording.Checkpoint(true);
  const Storage backup = recording.Backup();
  recording.Delete("a", MakeIds(0, 5));
  recording.Create("later", Options(1));
  recording.Checkpoint();
  recording.Upsert("later", MakeRows(0, 2, 1));
  recording.TakePlaceWith(backup);
  ASSERT_EQ(recording.Find("later"), 0U);
  recording.Upsert("a", MakeRows(4, 10, 2));
  recording.Checkpoint();
  recording.CheckEveryCrash();
}

}  // namespace
}  // namespace omendb::test
