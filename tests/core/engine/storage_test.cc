// What is stored, damaged in every way: found out, never an empty or mixed database.
#include <random>

#include "../seed.h"
#include "base/prng.h"
#include "test_database.h"

namespace omendb::test {
namespace {

// One small database with every kind of object: rows, tombstones and graph under a manifest, and a WAL tail.
class StoredDatabase {
 public:
  StoredDatabase() {
    Database database(&storage_);
    Ok(database.Open());
    CollectionOptions options;
    options.dimensions = 1;
    options.metric = Metric::kL2;
    options.degree = 4;
    options.ef_construction = 8;
    Ok(database.Create("points", options));
    points_ = database.engine().FindCollection("points");
    std::vector<Row> rows;
    for (int i = 0; i < 1040; ++i) rows.push_back({NumberId(i), {static_cast<float>(i * 7 % 1040)}, ""});
    rows[3].metadata = "{\"three\":true}";
    Ok(database.Upsert(points_, rows));
    Ok(database.Finish());
    Ok(database.Delete(points_, {NumberId(5), NumberId(6)}));
    Ok(database.Checkpoint().status());
    Ok(database.Upsert(points_, {{StringId("late"), {-4}, "{}"}}));
    Ok(database.Delete(points_, {NumberId(7)}));
    Ok(database.Create("empty", options));
    rows_ = database.ListAll(points_);
  }

  static void Ok(const Status& status) { ASSERT_TRUE(status.ok()) << status.message(); }
  [[nodiscard]] const Storage& storage() const { return storage_; }
  [[nodiscard]] CollectionId points() const { return points_; }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  Storage storage_;
  CollectionId points_ = 0;
  std::vector<Row> rows_;
};

bool IsDamage(const Status& status) {
  return status.code() == Code::kCorruption || status.code() == Code::kUnsupportedVersion;
}

// Opens a reader, so that the storage is not changed, and expects damage to be found.
void ExpectDamage(Storage& storage, const std::string& what) {
  Database database(&storage);
  Status status = database.Open(false);
  ASSERT_TRUE(IsDamage(status)) << what << ": " << CodeName(status.code()) << " " << status.message();
  ASSERT_FALSE(status.message().empty());
}

TEST(StoredObjects, LinksOfSeveralPartsAreOneGraphAgain) {
  Storage storage;
  Database database(&storage);
  ASSERT_TRUE(database.Open().ok());
  CollectionOptions options;
  options.dimensions = 24;
  options.metric = Metric::kL2;
  options.degree = 48;
  options.ef_construction = 40;
  ASSERT_TRUE(database.Create("points", options).ok());
  constexpr int kRows = 20'000;
  Prng prng(1);
  std::vector<Row> rows;
  for (int i = 0; i < kRows; ++i) {
    Row row{NumberId(i), {}, ""};
    for (int d = 0; d < 24; ++d) row.vector.push_back(static_cast<float>(prng.Below(1000)));
    rows.push_back(std::move(row));
  }
  ASSERT_TRUE(database.Upsert(1, rows).ok());
  ASSERT_TRUE(database.Finish().ok());
  ASSERT_TRUE(database.Checkpoint().ok());
  uint32_t parts = 0;
  for (const auto& [name, bytes] : storage.objects) parts += bytes[4] == 8 ? 1U : 0U;  // the kind of links
  ASSERT_GT(parts, 1U);
  const std::vector<Hit> before = database.Search(1, rows[5000].vector, 20);
  database.Crash();

  ASSERT_TRUE(database.Open().ok());
  EXPECT_EQ(database.engine().Stats(1).value().indexed_rows, static_cast<uint32_t>(kRows));
  const std::vector<Hit> after = database.Search(1, rows[5000].vector, 20);
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i].row, before[i].row);
  // Nothing of the graph changed, so nothing of it is written again.
  EXPECT_EQ(database.engine().UncheckpointedGraphRows(), 0U);
}

TEST(StoredObjects, EverySingleByteChangeAndEveryTruncationIsDetected) {
  OMENDB_TRACE_SEED();
  std::mt19937 random(static_cast<std::mt19937::result_type>(TestSeed()));
  StoredDatabase stored;
  Storage storage = stored.storage();
  // Manifest, vectors, ids, metadata, tombstones, nodes, links, codes, three frames.
  ASSERT_EQ(storage.objects.size(), 11U);
  std::vector<std::pair<std::string, ByteVector*>> all = {{"head", &*storage.head}};
  for (auto& [name, bytes] : storage.objects) all.emplace_back(name, &bytes);
  for (auto& [name, bytes] : all) {
    ByteVector whole = *bytes;
    for (size_t i = 0; i < whole.size(); ++i) {
      auto flip = static_cast<uint8_t>(1 + random() % 255);
      (*bytes)[i] = static_cast<uint8_t>(whole[i] ^ flip);
      ExpectDamage(storage, name + ", byte " + std::to_string(i) + " ^ " + std::to_string(flip));
      if (HasFatalFailure()) return;
      (*bytes)[i] = whole[i];
    }
    for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 500) {
      bytes->assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      ExpectDamage(storage, name + ", cut to " + std::to_string(size));
      if (HasFatalFailure()) return;
    }
    *bytes = whole;
    bytes->push_back(0);
    ExpectDamage(storage, name + ", one byte more");
    *bytes = whole;
  }
  Database database(&storage);
  ASSERT_TRUE(database.Open(false).ok());
  EXPECT_EQ(database.ListAll(stored.points()), stored.rows());
}

TEST(StoredObjects, AMessageNamesObjectOffsetExpectedAndFound) {
  StoredDatabase stored;
  Storage storage = stored.storage();
  for (auto& [name, bytes] : storage.objects) {
    bytes[bytes.size() / 2] ^= 0x10;
    Database database(&storage);
    Status status = database.Open(false);
    EXPECT_EQ(status.code(), Code::kCorruption);
    for (std::string_view part : {std::string_view(name), std::string_view("byte "),
                                  std::string_view("expected"), std::string_view("found")}) {
      EXPECT_NE(status.message().find(part), std::string_view::npos) << status.message();
    }
    bytes[bytes.size() / 2] ^= 0x10;
  }
}

TEST(StoredObjects, AValidObjectInAnothersPlaceIsDetected) {
  StoredDatabase stored;
  for (const auto& [name, bytes] : stored.storage().objects) {
    for (const auto& [other_name, other_bytes] : stored.storage().objects) {
      if (name == other_name) continue;
      Storage storage = stored.storage();
      storage.objects[name] = other_bytes;
      ExpectDamage(storage, name + " holds " + other_name);
    }
  }
}

TEST(StoredObjects, AMissingObjectIsDetectedButForTheLastFrame) {
  StoredDatabase stored;
  std::string last_frame = stored.storage().objects.rbegin()->first;
  for (const auto& [name, bytes] : stored.storage().objects) {
    if (name == last_frame) continue;
    Storage storage = stored.storage();
    storage.objects.erase(name);
    ExpectDamage(storage, "without " + name);
  }
}

TEST(Recovery, ReopenedDatabasesHoldTheSameAndIndexNothingAgain) {
  StoredDatabase stored;
  Storage storage = stored.storage();
  for (int round = 0; round < 3; ++round) {
    Database database(&storage);
    ASSERT_TRUE(database.Open().ok());
    EXPECT_EQ(database.engine().epoch(), static_cast<uint32_t>(round) + 2);
    EXPECT_EQ(database.ListAll(stored.points()), stored.rows());
    EXPECT_EQ(database.engine().Stats(stored.points()).value().indexed_rows, 1040U);
    EXPECT_EQ(database.Search(stored.points(), {-4}, 1)[0].row.id, StringId("late"));
    EXPECT_NE(database.engine().FindCollection("empty"), 0U);
  }
}

TEST(Recovery, AKillAfterAnyWriteOfACheckpointLosesAndMixesNothing) {
  StoredDatabase stored;
  bool lived = false;
  for (uint32_t stop_after = 0; !lived; ++stop_after) {
    Storage storage = stored.storage();
    Database database(&storage);
    ASSERT_TRUE(database.Open().ok());
    ASSERT_TRUE(
        database.Upsert(stored.points(), {{NumberId(1), {77}, ""}, {StringId("new"), {78}, ""}}).ok());
    ASSERT_TRUE(database.Finish().ok());
    std::vector<Row> rows = database.ListAll(stored.points());
    auto result = database.Checkpoint(stop_after);
    ASSERT_TRUE(result.ok());
    lived = result.value();
    if (lived) database.Crash();
    Storage before_open = storage;
    ASSERT_TRUE(database.Open().ok()) << "killed after " << stop_after << " writes";
    EXPECT_EQ(database.ListAll(stored.points()), rows);
    ASSERT_TRUE(database.Upsert(stored.points(), {{NumberId(2), {79}, ""}}).ok());
    auto again = database.Checkpoint();  // fails on a name that is used twice
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(storage.objects.size(), database.engine().StoredObjectCount());
  }
}

TEST(Recovery, AWriterThatWasFencedLeavesNothingThatCounts) {
  StoredDatabase stored;
  Storage storage = stored.storage();
  Database old_writer(&storage);
  ASSERT_TRUE(old_writer.Open().ok());
  ASSERT_TRUE(old_writer.engine().BeginFrame().ok());
  ASSERT_TRUE(old_writer.AddUpsert(stored.points(), {{StringId("fenced"), {1}, ""}}).ok());
  auto late = old_writer.engine().SealFrame();
  ASSERT_TRUE(late.ok());
  ByteVector late_bytes(late.value().begin(), late.value().end());
  std::string late_name(old_writer.engine().FrameName());

  Storage with_frame = storage;
  Database frame_writer(&with_frame);
  ASSERT_TRUE(frame_writer.Open().ok());
  ASSERT_TRUE(frame_writer.Upsert(stored.points(), {{StringId("newer"), {2}, ""}}).ok());
  Storage with_checkpoint = storage;
  Database checkpoint_writer(&with_checkpoint);
  ASSERT_TRUE(checkpoint_writer.Open().ok());
  ASSERT_TRUE(checkpoint_writer.Checkpoint().ok());
  for (Storage* after : {&with_frame, &with_checkpoint}) {
    after->objects[late_name] = late_bytes;
    Database database(after);
    ASSERT_TRUE(database.Open().ok());
    EXPECT_FALSE(after->objects.contains(late_name)) << "an orphan was kept";
    EXPECT_FALSE(database.Get(stored.points(), {StringId("fenced")})[0].has_value());
  }
}

TEST(Recovery, FramesOfAnEpochThatNobodyTookAreCorruption) {
  StoredDatabase stored;
  Storage storage = stored.storage();
  std::string last = storage.objects.rbegin()->first;
  std::string forged = "w00000009" + last.substr(9);
  storage.objects[forged] = storage.objects[last];
  Database database(&storage);
  EXPECT_EQ(database.Open().code(), Code::kCorruption);
}

TEST(Recovery, AReaderFollowsTheWal) {
  StoredDatabase stored;
  Storage storage = stored.storage();
  Database writer(&storage);
  ASSERT_TRUE(writer.Open().ok());
  Database reader(&storage);
  ASSERT_TRUE(reader.Open(false).ok());
  ASSERT_TRUE(writer.Upsert(stored.points(), {{StringId("x"), {2}, ""}}).ok());
  ASSERT_TRUE(writer.Upsert(stored.points(), {{StringId("y"), {2}, ""}}).ok());
  for (const auto& [name, bytes] : storage.objects) {
    if (name[0] == 'w') ASSERT_TRUE(reader.engine().OfferWalName(name).ok());
  }
  ASSERT_TRUE(reader.engine().PlanReplay().ok());
  ASSERT_EQ(reader.engine().ReplayCount(), 2U);
  for (uint32_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        reader.engine().ReplayFrame(storage.objects.at(std::string(reader.engine().ReplayName(i)))).ok());
  }
  EXPECT_EQ(reader.ListAll(stored.points()), writer.ListAll(stored.points()));
}

TEST(Recovery, AFrameThatCannotBeReadLeavesTheStateBeforeIt) {
  StoredDatabase stored;
  Storage storage = stored.storage();
  Database writer(&storage);
  ASSERT_TRUE(writer.Open().ok());
  Database reader(&storage);
  ASSERT_TRUE(reader.Open(false).ok());
  ASSERT_TRUE(writer.Upsert(stored.points(), {{StringId("x"), {2}, ""}}).ok());
  std::string name = storage.objects.rbegin()->first;
  ASSERT_TRUE(reader.engine().OfferWalName(name).ok());
  ASSERT_TRUE(reader.engine().PlanReplay().ok());
  ByteVector bytes = storage.objects.at(name);
  bytes[60] ^= 1;
  EXPECT_EQ(reader.engine().ReplayFrame(bytes).code(), Code::kCorruption);
  EXPECT_EQ(reader.engine().Count(stored.points()).status().code(), Code::kInvalidArgument);
  bytes[60] ^= 1;
  ASSERT_TRUE(reader.engine().ReplayFrame(bytes).ok());
  EXPECT_EQ(reader.ListAll(stored.points()), writer.ListAll(stored.points()));
}

}  // namespace
}  // namespace omendb::test
