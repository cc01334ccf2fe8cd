// Vectors that are in storage only: what is read, what is checked, what leaves memory and what a budget
// refuses.
#include <algorithm>
#include <string>

#include "../seed.h"
#include "refused_memory.h"
#include "test_database.h"
#include "vector_sets.h"

namespace omendb::test {
namespace {

constexpr uint32_t kRows = 2000;
constexpr uint32_t kDimensions = 48;
constexpr uint64_t kVectorBytes = uint64_t{kDimensions} * sizeof(float);
constexpr uint64_t kNothingStays = 1;

VectorSet Set(uint64_t seed) {
  return MakeVectorSet({.name = "stored", .metric = Metric::kCosine, .dimensions = kDimensions}, kRows, 20,
                       seed);
}

CollectionOptions Options(Quantization quantization = Quantization::kAuto) {
  CollectionOptions options;
  options.dimensions = kDimensions;
  options.metric = Metric::kCosine;
  options.quantization = quantization;
  options.ef_construction = 60;
  return options;
}

std::vector<Row> RowsOf(const VectorSet& set, uint32_t first, uint32_t count) {
  std::vector<Row> rows;
  for (uint32_t i = first; i < first + count; ++i) rows.push_back({NumberId(i), set.rows[i], "{}"});
  return rows;
}

void Ok(const Status& status) {
  ASSERT_TRUE(status.ok()) << CodeName(status.code()) << ": " << status.message();
}

// A stored database whose rows all have nodes.
void Build(Database& database, const VectorSet& set, const CollectionOptions& options = Options()) {
  Ok(database.Open());
  Ok(database.Create("c", options));
  for (uint32_t first = 0; first < kRows; first += 500) Ok(database.Upsert(1, RowsOf(set, first, 500)));
  Ok(database.Finish());
  Ok(database.Checkpoint().status());
}

CollectionStats Stats(Database& database) { return database.engine().Stats(1).value(); }

void SetBudget(Database& database, uint64_t bytes) {
  database.memory_budget = bytes;
  database.engine().SetMemoryBudget(bytes);
}

std::vector<std::vector<Hit>> Answers(Database& database, const VectorSet& set, bool exact) {
  std::vector<std::vector<Hit>> answers;
  for (const auto& query : set.queries) answers.push_back(database.Search(1, query, 10, exact));
  return answers;
}

void ExpectSame(const std::vector<std::vector<Hit>>& a, const std::vector<std::vector<Hit>>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    for (size_t hit = 0; hit < a[i].size(); ++hit) {
      EXPECT_EQ(a[i][hit].row, b[i][hit].row);
      EXPECT_EQ(a[i][hit].distance, b[i][hit].distance);
    }
  }
}

SearchRequest RequestFor(const std::vector<float>& query, bool exact = false) {
  SearchRequest request;
  request.collection = 1;
  request.queries = query.data();
  request.query_count = 1;
  request.k = 10;
  request.exact = exact;
  return request;
}

TEST(StoredVectors, AnswerAsThoseInMemoryDo) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  const auto near = Answers(database, set, false);
  const auto nearest = Answers(database, set, true);
  EXPECT_EQ(Stats(database).vectors_in_memory, kRows);

  SetBudget(database, kNothingStays);
  ExpectSame(Answers(database, set, false), near);
  ExpectSame(Answers(database, set, true), nearest);
  const CollectionStats stats = Stats(database);
  EXPECT_EQ(stats.vectors_in_memory, 0U);
  EXPECT_GE(stats.vector_misses, 20U * 26);
  EXPECT_GE(stats.vector_evictions, uint64_t{kRows});
  const auto rows = database.Get(1, {NumberId(7), NumberId(kRows), NumberId(1999)});
  EXPECT_EQ(rows[0]->vector, set.rows[7]);
  EXPECT_FALSE(rows[1].has_value());
  EXPECT_EQ(rows[2]->vector, set.rows[1999]);
  const std::vector<Row> all = database.ListAll(1);
  ASSERT_EQ(all.size(), kRows);
  for (uint32_t i = 0; i < kRows; ++i) ASSERT_EQ(all[i].vector, set.rows[i]);
}

TEST(StoredVectors, StayInStorageWhenADatabaseIsOpened) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  const auto near = Answers(database, set, false);
  database.left_bytes_min = kRows * kVectorBytes + 1;
  Ok(database.Open());
  EXPECT_EQ(Stats(database).vectors_in_memory, kRows) << "too few bytes to leave them";

  database.left_bytes_min = kRows * kVectorBytes;
  Ok(database.Open());
  EXPECT_EQ(Stats(database).vectors_in_memory, 0U);
  ASSERT_GT(database.engine().LeftObjectCount(), 0U);
  for (uint32_t i = 0; i < database.engine().LeftObjectCount(); ++i) {
    EXPECT_TRUE(storage.objects.contains(std::string(database.engine().LeftObjectName(i))));
  }
  ExpectSame(Answers(database, set, false), near);
  EXPECT_GT(Stats(database).vectors_in_memory, 0U);
  // Without a budget the rest follows when nothing else is to be done.
  Ok(database.Finish());
  EXPECT_EQ(Stats(database).vectors_in_memory, kRows);
  EXPECT_NE(Stats(database).code_recall_loss_ppm, CollectionStats::kNotMeasured);
}

TEST(StoredVectors, OfRowsWithoutANodeAreLoaded) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Ok(database.Open());
  Ok(database.Create("c", Options()));
  Ok(database.Upsert(1, RowsOf(set, 0, 1500)));
  Ok(database.Finish());
  Ok(database.Checkpoint().status());
  Ok(database.Upsert(1, RowsOf(set, 1500, 500)));
  Ok(database.Checkpoint().status());
  database.left_bytes_min = 0;
  Ok(database.Open());
  const CollectionStats stats = Stats(database);
  EXPECT_EQ(stats.indexed_rows, 1500U);
  EXPECT_EQ(stats.vectors_in_memory, 500U);
}

TEST(StoredVectors, WithoutCodesAreLoaded) {
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set, Options(Quantization::kNone));
  database.left_bytes_min = 0;
  Ok(database.Open());
  SetBudget(database, kNothingStays);
  EXPECT_EQ(database.Search(1, set.queries[0], 10).size(), 10U);
  EXPECT_EQ(Stats(database).vectors_in_memory, kRows);
}

TEST(StoredVectors, ThatWereChangedAreCorruptionAndTheRightOnesStillCome) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  const auto near = Answers(database, set, false);
  SetBudget(database, kNothingStays);
  Engine& engine = database.engine();
  const SearchRequest request = RequestFor(set.queries[0]);
  ASSERT_EQ(engine.Search(request).status().code(), kVectorsWanted);
  const std::vector<WantedRange> wanted(engine.Wanted().begin(), engine.Wanted().end());
  ByteVector bytes;
  for (const WantedRange& range : wanted) {
    const ByteVector& object = storage.objects.at(range.object);
    const auto first = object.begin() + static_cast<ptrdiff_t>(range.offset);
    bytes.insert(bytes.end(), first, first + static_cast<ptrdiff_t>(range.bytes));
  }
  ASSERT_EQ(engine.TakeWanted(ByteVector(bytes.begin(), bytes.end() - 1)).code(), Code::kInvalidArgument);
  ByteVector changed = bytes;
  changed.front() ^= 1;
  const Status refused = engine.TakeWanted(changed);
  EXPECT_EQ(refused.code(), Code::kCorruption);
  const std::string place = std::string(wanted[0].object) + ", byte " + std::to_string(wanted[0].offset);
  EXPECT_NE(refused.message().find(place), std::string_view::npos) << refused.message();
  EXPECT_NE(refused.message().find("expected checksum"), std::string_view::npos) << refused.message();
  ExpectSame(Answers(database, set, false), near);
}

TEST(StoredVectors, AreReadAgainByCompactionAndBackups) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  SetBudget(database, kNothingStays);
  // Segments that are mostly holes are written anew, and so is everything by a whole checkpoint.
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < kRows; i += 2) ids.push_back(NumberId(i));
  Ok(database.Delete(1, ids));
  Ok(database.Finish());
  Ok(database.Checkpoint().status());
  Ok(database.Checkpoint(0xffffffffU, true).status());
  const std::vector<Row> rows = database.ListAll(1);
  ASSERT_EQ(rows.size(), kRows / 2);
  for (uint32_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i].vector, set.rows[2 * i + 1]);
  Storage backup = database.StoredCheckpoint();
  Database restored(&backup);
  Ok(restored.Open());
  EXPECT_EQ(restored.ListAll(1), rows);
}

TEST(StoredVectors, OfARowThatIsReplacedAreNotReadAgain) {
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  SetBudget(database, kNothingStays);
  Ok(database.Upsert(1, {{NumberId(5), set.queries[0], "{}"}}));
  const std::vector<Hit> hits = database.Search(1, set.queries[0], 1);
  EXPECT_EQ(hits[0].row.id, NumberId(5));
  EXPECT_EQ(database.Get(1, {NumberId(5)})[0]->vector, set.queries[0]);
}

TEST(StoredVectors, AScanGoesOnInAViewWhateverHappensInBetween) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  const auto nearest = database.Search(1, set.queries[0], 10, true);
  SetBudget(database, kNothingStays);
  const ViewId view = database.engine().OpenView().value();
  SearchRequest request = RequestFor(set.queries[0], true);
  request.view = view;
  uint32_t rounds = 0;
  for (;; ++rounds) {
    auto answer = database.engine().Search(request);
    if (answer.status().code() != kVectorsWanted) {
      Ok(answer.status());
      const auto hits = DecodeHits(answer.value()).at(0);
      ASSERT_EQ(hits.size(), nearest.size());
      for (size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(hits[i].row.id, nearest[i].row.id);
      break;
    }
    ASSERT_GT(BringWanted(database.engine(), storage), 0U);
    ASSERT_LT(rounds, 10U);
  }
  EXPECT_GE(rounds, 1U);
  // A write between being asked and being answered takes the vectors that were brought away again.
  ASSERT_EQ(database.engine().Search(request).status().code(), kVectorsWanted);
  ASSERT_GT(BringWanted(database.engine(), storage), 0U);
  Ok(database.Upsert(1, {{NumberId(1), set.queries[0], "{}"}}));
  EXPECT_EQ(database.Get(1, {NumberId(1)})[0]->vector, set.queries[0]);
  auto answer = WithVectors(database.engine(), storage, [&] { return database.engine().Search(request); });
  Ok(answer.status());
  EXPECT_EQ(DecodeHits(answer.value()).at(0)[0].row.id, nearest[0].row.id) << "the view is older";
}

TEST(MemoryBudget, LetsVectorsGoUntilItHolds) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  const uint64_t held = Engine::MemoryBytes();
  const uint64_t budget = held - kRows * kVectorBytes / 2;
  SetBudget(database, budget);
  for (uint32_t round = 0; round < 3; ++round) {
    for (const auto& query : set.queries) {
      database.Search(1, query, 10);
      EXPECT_LE(Engine::MemoryBytes(), budget);
    }
  }
  const CollectionStats stats = Stats(database);
  EXPECT_GT(stats.vectors_in_memory, 0U);
  EXPECT_LT(stats.vectors_in_memory, kRows);
  EXPECT_GT(stats.vector_hits, stats.vector_misses) << "what is asked for again and again stays";
}

TEST(MemoryBudget, RefusesWritesThatDoNotFitAndTakesDeletions) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set, Options(Quantization::kRabitq4));
  Engine& engine = database.engine();
  engine.SetMemoryBudget(Engine::MemoryBytes() / 4);
  EXPECT_EQ(engine.MakeRoom(1), Engine::Room::kNone);
  Ok(engine.BeginFrame());
  const ByteVector payload = EncodeRows(RowsOf(set, 0, 10), kDimensions);
  auto out = engine.FramePayload(static_cast<uint32_t>(payload.size()));
  Ok(out.status());
  std::copy(payload.begin(), payload.end(), out.value());
  const Status refused = engine.FrameUpsert(1);
  EXPECT_EQ(refused.code(), Code::kLimitExceeded);
  EXPECT_NE(refused.message().find("budget"), std::string_view::npos) << refused.message();
  engine.DiscardFrame();
  const ViewId transaction = engine.BeginTransaction().value();
  EXPECT_EQ(engine.TransactionUpsert(transaction, 1, payload).code(), Code::kLimitExceeded);
  engine.CloseView(transaction);
  uint32_t deleted = 0;
  Ok(database.Delete(1, {NumberId(3), NumberId(4)}, &deleted));
  EXPECT_EQ(deleted, 2U);
  EXPECT_FALSE(database.Search(1, set.queries[0], 10).empty());
}

TEST(MemoryBudget, SaysWhatMakesRoom) {
  OMENDB_TRACE_SEED();
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Ok(database.Open());
  Ok(database.Create("c", Options(Quantization::kRabitq4)));
  Ok(database.Upsert(1, RowsOf(set, 0, 1500)));
  Engine& engine = database.engine();
  engine.SetMemoryBudget(Engine::MemoryBytes());
  EXPECT_EQ(engine.MakeRoom(1000), Engine::Room::kAfterWork) << "rows wait for their codes";
  engine.SetMemoryBudget(0);
  Ok(database.Finish());
  engine.SetMemoryBudget(Engine::MemoryBytes());
  EXPECT_EQ(engine.MakeRoom(1000), Engine::Room::kAfterCheckpoint) << "no object holds their vectors";
  Ok(database.Checkpoint().status());
  EXPECT_EQ(engine.MakeRoom(1000), Engine::Room::kEnough);
}

TEST(MemoryBudget, WithoutStorageToReadKeepsVectors) {
  const VectorSet set = Set(TestSeed());
  Storage storage;
  Database database(&storage);
  Build(database, set);
  database.engine().SetMemoryBudget(kNothingStays, false);
  auto answer = database.engine().Search(RequestFor(set.queries[0]));
  Ok(answer.status());
  EXPECT_EQ(Stats(database).vectors_in_memory, kRows);
}

TEST(MemoryBudget, GivesChosenCodesFewerBits) {
  OMENDB_TRACE_SEED();
  const VectorSet set = MakeVectorSet(
      {.name = "wide", .metric = Metric::kL2, .dimensions = 512, .decay = 0.995F}, 1500, 10, TestSeed());
  CollectionOptions options = Options();
  options.dimensions = 512;
  options.metric = Metric::kL2;
  Storage storage;
  Database database(&storage);
  Ok(database.Open());
  Ok(database.Create("c", options));
  Ok(database.Upsert(1, RowsOf(set, 0, 1500)));
  Ok(database.Finish());
  Ok(database.Checkpoint().status());
  ASSERT_EQ(Stats(database).codes, Quantization::kRabitq4);
  const auto nearest = Answers(database, set, true);
  // What stays is codes, links and ids: about two thirds of it codes.
  SetBudget(database, Engine::MemoryBytes() - 1500 * options.dimensions * sizeof(float));
  Ok(database.Finish());
  EXPECT_EQ(Stats(database).codes, Quantization::kRabitq1);
  uint32_t found = 0;
  const auto near = Answers(database, set, false);
  for (size_t i = 0; i < near.size(); ++i) {
    for (const Hit& hit : near[i]) {
      found += std::any_of(nearest[i].begin(), nearest[i].end(),
                           [&](const Hit& other) { return other.row.id == hit.row.id; })
                   ? 1U
                   : 0U;
    }
  }
  EXPECT_GE(found, 90U) << "of 100";
  Ok(database.Checkpoint().status());
  Ok(database.Open());
  EXPECT_EQ(Stats(database).codes, Quantization::kRabitq1);
}

TEST(StoredVectors, SurviveEveryRefusedAllocation) {
  const VectorSet set = MakeVectorSet({.name = "small", .dimensions = 16}, 1100, 1, 7);
  CollectionOptions options;
  options.dimensions = 16;
  options.ef_construction = 16;
  Storage storage;
  {
    Database database(&storage);
    Ok(database.Open());
    Ok(database.Create("c", options));
    Ok(database.Upsert(1, RowsOf(set, 0, 1100)));
    Ok(database.Finish());
    Ok(database.Checkpoint().status());
  }
  RefuseEach([&](Scenario& scenario) {
    SetAllocationFault(AllocationFault::kNone, 0);
    Storage copy = storage;
    Database database(&copy);
    database.left_bytes_min = 0;
    database.memory_budget = kNothingStays;
    ASSERT_TRUE(database.Open().ok());
    Engine& engine = database.engine();
    scenario.Restart();
    const SearchRequest request = RequestFor(set.queries[0]);
    Status wanted;
    scenario.Try([&] {
      wanted = engine.Search(request).status();
      return wanted.code() == kVectorsWanted ? Status::Ok() : wanted;
    });
    ByteVector bytes;
    for (const WantedRange& range : engine.Wanted()) {
      const ByteVector& object = copy.objects.at(range.object);
      const auto first = object.begin() + static_cast<ptrdiff_t>(range.offset);
      bytes.insert(bytes.end(), first, first + static_cast<ptrdiff_t>(range.bytes));
    }
    scenario.Try([&] { return engine.TakeWanted(bytes); });
    scenario.Try([&] {
      Status found = engine.Search(request).status();
      return found.code() == kVectorsWanted ? Status::Ok() : found;
    });
  });
}

}  // namespace
}  // namespace omendb::test
