// A generated set as rows of a database, and how much of its true neighbors searches find.
#ifndef OMENDB_TESTS_CORE_ENGINE_GRAPH_RECALL_H_
#define OMENDB_TESTS_CORE_ENGINE_GRAPH_RECALL_H_

#include "test_database.h"
#include "vector_sets.h"

namespace omendb::test {

inline std::vector<Row> RowsOf(const VectorSet& set) {
  std::vector<Row> rows;
  for (size_t i = 0; i < set.rows.size(); ++i)
    rows.push_back({NumberId(static_cast<int64_t>(i)), set.rows[i], ""});
  return rows;
}

// The part of the exact 10 nearest that a default search finds; a tie with the tenth counts.
inline double RecallAt10(Database& database, CollectionId id, const VectorSet& set) {
  uint32_t found = 0;
  for (const std::vector<float>& query : set.queries) {
    std::vector<Hit> exact = database.Search(id, query, 10, true, 0);
    std::vector<Hit> hits = database.Search(id, query, 10, false, 0);
    EXPECT_EQ(exact.size(), hits.size());
    for (const Hit& hit : hits) found += hit.distance <= exact.back().distance ? 1U : 0U;
  }
  return found / (10.0 * static_cast<double>(set.queries.size()));
}

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_GRAPH_RECALL_H_
