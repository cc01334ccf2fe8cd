// The database of tests/golden/v1-codes/: every kind of RaBitQ codes and every vector type, as they were when
// they came to the format. The program that wrote the files uses this; the test only compares. Numbers are by
// formula, so tests/js/api/golden-codes.test.ts can say the same in another language.
//
// As with golden_database.h, nothing here ever changes.
#ifndef OMENDB_TESTS_CORE_ENGINE_GOLDEN_CODES_H_
#define OMENDB_TESTS_CORE_ENGINE_GOLDEN_CODES_H_

#include "test_database.h"

namespace omendb::test {

// More than are searched flat, so that there are a graph and codes.
inline constexpr int kGoldenCodeRows = 1030;
// Of the frame that came after the checkpoint.
inline constexpr int kGoldenLateRows = 6;
// For each collection one that creates it and one with its rows, then one with the late rows of all.
inline constexpr uint64_t kGoldenCodeCommits = 9;

struct GoldenCodes {
  const char* name;
  CollectionOptions options;
  std::vector<float> (*vector)(int number);
};

const std::vector<GoldenCodes>& GoldenCodeCollections();
Row GoldenCodeRow(const GoldenCodes& collection, int number);

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_GOLDEN_CODES_H_
