// The stored database of format version 1 (tests/golden/v1/) opens, now and in every later version, and holds
// what it held when it was written.
#include <algorithm>
#include <set>

#include "format/frame.h"
#include "format/history_object.h"
#include "format/nodes_object.h"
#include "golden_database.h"
#include "golden_files.h"

namespace omendb::test {
namespace {

constexpr uint64_t kCommits = 18;

std::vector<std::string> ObjectNames() {
  std::vector<std::string> names;
  AddGoldenNames("d00000001-", {1, 2, 3, 9, 10, 11, 16, 20, 21, 22}, names);
  AddGoldenNames("d00000002-", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, names);
  AddGoldenNames("w00000001-", {9}, names);
  AddGoldenNames("w00000002-", {13, 14, 15, 16, 17, 18}, names);
  return names;
}

Storage GoldenStorage() { return ReadGolden("v1", ObjectNames()); }

void Ok(const Status& status) {
  ASSERT_TRUE(status.ok()) << CodeName(status.code()) << ": " << status.message();
}

class GoldenV1 : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    database_.keeps_history = true;
    Ok(database_.Open(GetParam()));
  }
  // Every state that is kept, every token, and what is told by number here.
  void CheckAll();

  Storage storage_ = GoldenStorage();
  Database database_{&storage_};
};

void CheckStates(Engine& engine) {
  ASSERT_EQ(engine.sequence(), kCommits);
  ASSERT_EQ(engine.OldestSequence(), kGoldenOldest);
  ASSERT_EQ(ContentsOf(engine, 0), GoldenContents(kCommits));
  const std::vector<GoldenCommit> commits = GoldenCommits();
  ASSERT_EQ(commits.size(), kCommits);
  for (size_t past = kGoldenOldest; past <= kCommits; ++past) {
    SCOPED_TRACE("the state of sequence " + std::to_string(past));
    const uint64_t time_ms = commits[past - 1].time_ms;
    EXPECT_EQ(engine.SequenceAt(time_ms).value(), past);
    EXPECT_EQ(engine.SequenceAt(time_ms + 999).value(), past);
    auto view = engine.OpenViewAt(past);
    Ok(view.status());
    ASSERT_EQ(ContentsOf(engine, view.value()), GoldenContents(past));
    engine.CloseView(view.value());
  }
  EXPECT_EQ(engine.OpenViewAt(kGoldenOldest - 1).status().code(), Code::kNotRetained);
  EXPECT_EQ(engine.SequenceAt(commits[kGoldenOldest - 2].time_ms).status().code(), Code::kNotRetained);
}

void CheckCollections(Engine& engine) {
  const std::vector<GoldenCommit> commits = GoldenCommits();
  auto view = engine.OpenViewAt(kGoldenUpload);
  Ok(view.status());
  for (size_t sequence : {size_t{1}, size_t{2}, size_t{3}, size_t{13}}) {
    const GoldenOperation& create = commits[sequence - 1].operations[0];
    SCOPED_TRACE(create.collection);
    const bool is_dropped = create.collection == "drafts";
    const CollectionId id = is_dropped ? engine.FindCollectionIn(view.value(), create.collection)
                                       : engine.FindCollection(create.collection);
    ASSERT_NE(id, 0U);
    auto options = engine.CollectionOptionsOf(id, is_dropped ? view.value() : 0);
    Ok(options.status());
    EXPECT_TRUE(options.value() == create.options);
  }
  engine.CloseView(view.value());
  EXPECT_EQ(engine.CollectionCount(), 3U);
  EXPECT_EQ(engine.FindCollection("drafts"), 0U);
  EXPECT_EQ(engine.FindCollection("scrap"), 0U);
}

void GoldenV1::CheckAll() {
  Engine& engine = database_.engine();
  CheckStates(engine);
  CheckCollections(engine);
  const std::vector<GoldenToken> tokens = GoldenTokens();
  ASSERT_EQ(tokens.size(), 8U);
  for (const GoldenToken& expected : tokens) {
    auto rows = engine.FindToken(expected.token);
    Ok(rows.status());
    EXPECT_EQ(rows.value(), expected.rows) << expected.token.client << ", " << expected.token.request;
  }
  EXPECT_EQ(engine.FindToken({.client = 10, .request = 2}).status().code(), Code::kNotFound);
  // Said once without the script.
  EXPECT_EQ(engine.Count(engine.FindCollection("articles")).value(), 1092U);
  EXPECT_EQ(engine.Count(engine.FindCollection("places")).value(), 1098U);
  EXPECT_EQ(engine.Count(engine.FindCollection("marks")).value(), 3U);
}

TEST_P(GoldenV1, HoldsEveryStateThatItHeld) {
  CheckAll();
  // Opening found nothing that is not needed, and lost nothing.
  EXPECT_EQ(storage_.objects.size(), ObjectNames().size());
  EXPECT_EQ(database_.engine().epoch(), GetParam() ? 3U : 2U);
}

TEST_P(GoldenV1, IsSearchedOnItsStoredGraphs) {
  for (const char* name : {"articles", "places"}) {
    SCOPED_TRACE(name);
    const bool is_article = std::string(name) == "articles";
    const CollectionId id = database_.engine().FindCollection(name);
    EXPECT_GE(database_.engine().Stats(id).value().indexed_rows, 1092U) << "indexed again";
    int found = 0;
    for (int number = 110; number < 1100; number += 50) {
      const Row row = is_article ? GoldenArticle(number) : GoldenPlace(number);
      std::vector<float> query = row.vector;
      const std::vector<Hit> nearest = database_.Search(id, query, 1);
      ASSERT_EQ(nearest.size(), 1U);
      EXPECT_EQ(nearest[0].row, row);
      EXPECT_NEAR(nearest[0].distance, 0, 1e-6);
      // Nothing is as far from the query as anything else.
      query[0] += 0.25F;
      query[1] += 0.125F;
      const std::vector<Hit> exact = database_.Search(id, query, 10, true);
      const std::vector<Hit> walked = database_.Search(id, query, 10);
      ASSERT_EQ(exact.size(), 10U);
      for (const Hit& hit : walked) {
        found += static_cast<int>(std::count_if(exact.begin(), exact.end(), [&](const Hit& other) {
          return other.row == hit.row && other.distance == hit.distance;
        }));
      }
    }
    EXPECT_GE(found, 196) << "of 200";
  }
  // Flat, and by a metric of its own.
  const std::vector<Hit> marks = database_.Search(database_.engine().FindCollection("marks"), {1, 2, 2}, 2);
  ASSERT_EQ(marks.size(), 2U);
  EXPECT_EQ(marks[0].row.id, NumberId(9007199254740991));
  EXPECT_EQ(marks[0].distance, 1);
  EXPECT_EQ(marks[1].row.id, StringId(std::string(1024, 'x')));
  EXPECT_EQ(marks[1].distance, 5);
}

TEST_P(GoldenV1, FindsNothingThatWasDeletedOrReplaced) {
  const CollectionId articles = database_.engine().FindCollection("articles");
  for (int number : {3, 902, 20, 22, 31}) {
    EXPECT_FALSE(database_.Get(articles, {NumberId(number)})[0].has_value());
    const std::vector<Hit> hits = database_.Search(articles, GoldenArticle(number).vector, 5);
    ASSERT_EQ(hits.size(), 5U);
    for (const Hit& hit : hits) EXPECT_NE(hit.row.id, NumberId(number));
  }
  EXPECT_EQ(database_.Get(articles, {NumberId(30)})[0]->vector, GoldenArticle(2007).vector);
  const std::vector<Hit> old = database_.Search(articles, GoldenArticle(30).vector, 1);
  EXPECT_NE(old.at(0).row.id, NumberId(30)) << "found by the vector it had before";
}

INSTANTIATE_TEST_SUITE_P(ReadersAndWriters, GoldenV1, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "writer" : "reader"; });

TEST(GoldenDatabase, IsWrittenOnAndReadAgain) {
  Storage storage = GoldenStorage();
  Database database(&storage);
  database.keeps_history = true;
  Ok(database.Open());
  const CollectionId articles = database.engine().FindCollection("articles");
  Contents expected = GoldenContents(kCommits);
  const Row added{StringId("added"), {1, 1, 1, 1, 1, 1, 1, 1}, "{}"};
  Ok(database.Upsert(articles, {added}));
  expected.at("articles").push_back(added);
  for (bool whole : {false, true}) {
    Ok(database.Finish());
    Ok(database.Checkpoint(0xffffffffU, whole).status());
    database.Crash();
    Ok(database.Open());
    ASSERT_EQ(ContentsOf(database.engine(), 0), expected);
    auto view = database.engine().OpenViewAt(kGoldenOldest);
    Ok(view.status());
    ASSERT_EQ(ContentsOf(database.engine(), view.value()), GoldenContents(kGoldenOldest));
    database.engine().CloseView(view.value());
  }
  EXPECT_EQ(storage.objects.count("w00000001-0000000000000009"), 0U) << "needed no more after a whole one";
}

TEST(GoldenDatabase, IsRestoredToAPastState) {
  Storage storage = GoldenStorage();
  Database database(&storage);
  database.keeps_history = true;
  Ok(database.Open());
  auto view = database.engine().OpenViewAt(kGoldenUpload);
  Ok(view.status());
  Ok(database.engine().BeginFrame(1'800'000'000'000));
  Ok(database.engine().FrameRestore(view.value()));
  Ok(database.Commit());
  Contents restored = ContentsOf(database.engine(), 0);
  Contents expected = GoldenContents(kGoldenUpload);
  // What comes back is inserted anew, so the order is not the one it had.
  for (Contents* contents : {&restored, &expected}) {
    for (auto& [name, rows] : *contents) {
      std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.id < b.id; });
    }
  }
  EXPECT_EQ(restored, expected);
}

// ---- That the files are worth keeping: every kind of object, every field ---------------------------------

TEST(GoldenDatabase, HasEveryKindOfObject) {
  const Storage storage = GoldenStorage();
  std::set<int> kinds = {(*storage.head)[4]};
  for (const auto& [name, bytes] : storage.objects) {
    kinds.insert(bytes[4]);
    EXPECT_EQ(bytes[6] + 256 * bytes[7], 1) << "the format version of " << name;
  }
  EXPECT_EQ(kinds, (std::set<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(GoldenDatabase, UsesEveryFieldOfTheManifest) {
  const Manifest manifest = DecodeManifest(GoldenStorage());
  EXPECT_EQ(manifest.sequence, kGoldenManifest);
  EXPECT_EQ(manifest.oldest_sequence, kGoldenOldest);
  EXPECT_EQ(manifest.commits.size(), kGoldenManifest - kGoldenOldest + 1);
  EXPECT_EQ(manifest.tokens.size(), 6U);
  ASSERT_EQ(manifest.collections.size(), 3U);
  const CollectionManifest& articles = manifest.collections[0];
  const CollectionManifest& places = manifest.collections[1];
  EXPECT_EQ(manifest.collections[2].dropped, 10U);
  EXPECT_EQ(manifest.collections[2].history.size(), 1U);
  EXPECT_GE(articles.segments.size(), 3U);
  EXPECT_EQ(articles.codes.size(), 1U);
  EXPECT_EQ(places.codes.size(), 0U);
  EXPECT_EQ(places.segments.size(), 2U);
  EXPECT_TRUE(places.segments[0].vectors[0].in_frame);
  EXPECT_FALSE(places.segments[1].vectors[0].in_frame);
  EXPECT_EQ(places.segments[0].metadata.size(), 0U);
  EXPECT_EQ(places.segments[1].metadata.size(), 1U);
  for (const CollectionManifest* each : {&articles, &places}) {
    EXPECT_EQ(each->segments[0].tombstones.size(), 1U);
    EXPECT_GT(each->segments[0].dead_rows, 0U);
    EXPECT_EQ(each->links.size(), 1U);
    EXPECT_EQ(each->nodes.size(), 1U);
    EXPECT_EQ(each->history.size(), 1U);
  }
}

TEST(GoldenDatabase, HasFreeNodesAndBirthsAndDeaths) {
  const Storage storage = GoldenStorage();
  const Manifest manifest = DecodeManifest(storage);
  const CollectionManifest& articles = manifest.collections[0];
  const std::string name(articles.nodes[0].name().text());
  TrainingState training;
  Owned<Quantizer> quantizer;
  Array<uint32_t> rows;
  Array<uint32_t> checksums;
  Ok(DecodeNodes(SpanOf(storage.objects.at(name)), articles.options, articles.graph_nodes, articles.rows(),
                 Origin::Stored(name), &training, &quantizer, &rows, &checksums));
  EXPECT_GT(std::count(rows.begin(), rows.end(), kNoStoredRow), 0);
  EXPECT_GT(training.trained_rows, 1024U);
  EXPECT_GT(training.new_rows, 0U);

  const std::string history(articles.history[0].name().text());
  Array<Birth> births;
  Array<Death> deaths;
  Ok(DecodeHistory(SpanOf(storage.objects.at(history)), articles.rows(), manifest.sequence,
                   Origin::Stored(history), &births, &deaths));
  ASSERT_GE(births.size(), 3U);
  EXPECT_EQ(births[0].sequence, 0U);
  EXPECT_GE(deaths.size(), 4U);
}

}  // namespace
}  // namespace omendb::test
