// The database of tests/golden/v1/, told as the commits that made it. The program that wrote the files
// carries them out; the test only compares. Rows are integers by formula, so tests/js/api/golden.test.ts can
// say the same in another language.
//
// The files stay as they are for ever, so nothing here changes either: a row that is made in another way is
// no longer the one that is stored.
#ifndef OMENDB_TESTS_CORE_ENGINE_GOLDEN_DATABASE_H_
#define OMENDB_TESTS_CORE_ENGINE_GOLDEN_DATABASE_H_

#include "crash_simulation.h"

namespace omendb::test {

inline constexpr int kGoldenArticles = 1100;  // of the first upsert
inline constexpr int kGoldenPlaces = 1100;    // of the upsert whose vectors stay in its frame

struct GoldenOperation {
  enum class Kind : uint8_t { kCreate, kDrop, kUpsert, kDelete };
  Kind kind = Kind::kCreate;
  std::string collection;
  CollectionOptions options = {};     // of a create
  std::vector<Row> rows = {};         // of an upsert
  std::vector<std::string> ids = {};  // of a delete
  std::optional<Token> token = {};
};

struct GoldenCommit {
  uint64_t time_ms = 0;
  std::vector<GoldenOperation> operations;
};

// By sequence, from 1 on.
std::vector<GoldenCommit> GoldenCommits();
// What was done after a commit, beside the commits themselves.
inline constexpr uint64_t kGoldenOldest = 5;     // after this one, everything older was forgotten
inline constexpr uint64_t kGoldenManifest = 12;  // the last one before the last checkpoint
inline constexpr uint64_t kGoldenUpload = 9;     // brought the vectors that stay in its frame

Row GoldenArticle(int number);
Row GoldenPlace(int number);

// The commits up to `sequence`, carried out on plain lists of rows in order of insertion.
Contents GoldenContents(uint64_t sequence);
struct GoldenToken {
  Token token;
  uint32_t rows = 0;  // that its write changed
};
// Of all commits, in order.
std::vector<GoldenToken> GoldenTokens();

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_GOLDEN_DATABASE_H_
