#include "index/flat.h"

#include "index/generated_rows.h"
#include "seed.h"

namespace omendb {
namespace {

// The public distance in double; smaller is nearer.
double OracleDistance(Metric metric, const float* a, const float* b, uint32_t dimensions) {
  double dot = 0, aa = 0, bb = 0, squares = 0, absolutes = 0;
  for (uint32_t d = 0; d < dimensions; ++d) {
    const double x = static_cast<double>(a[d]);
    const double y = static_cast<double>(b[d]);
    dot += x * y;
    aa += x * x;
    bb += y * y;
    squares += (x - y) * (x - y);
    absolutes += std::fabs(x - y);
  }
  switch (metric) {
    case Metric::kL2:
      return squares;
    case Metric::kCosine:
      return 1 - dot / std::sqrt(aa * bb);
    case Metric::kDot:
      return -dot;
    case Metric::kL1:
      break;
  }
  return absolutes;
}

class FlatTest : public ::testing::TestWithParam<Metric> {};
INSTANTIATE_TEST_SUITE_P(Metrics, FlatTest,
                         ::testing::Values(Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1),
                         [](const auto& test) { return NameOf(test.param); });

TEST_P(FlatTest, FindsWhatBruteForceInDoubleFinds) {
  OMENDB_TRACE_SEED();
  RowStore store = MakeStore(Shape::kClustered, GetParam(), 700, 10, 37, TestSeed());
  for (uint32_t i = 0; i < 100; ++i) store.deleted().Set(i * 7);
  for (uint32_t q = 0; q < store.query_count(); ++q) {
    std::vector<double> distances;
    for (uint32_t i = 0; i < store.count(); ++i) {
      if (store.deleted().Test(i)) continue;
      distances.push_back(OracleDistance(GetParam(), store.query(q), store.row(i), store.dimensions()));
    }
    std::sort(distances.begin(), distances.end());
    const std::vector<Neighbor> hits = ExactHits(store, q, 20);
    ASSERT_EQ(hits.size(), 20U);
    for (size_t i = 0; i < hits.size(); ++i) {
      EXPECT_FALSE(store.deleted().Test(hits[i].ordinal()));
      const double bound = 1e-5 * (1 + std::fabs(distances[i]));
      EXPECT_NEAR(static_cast<double>(hits[i].distance()), distances[i], bound) << "hit " << i;
    }
  }
}

TEST(FlatTest, LooksAtTheRangeItIsGivenAndNothingElse) {
  OMENDB_TRACE_SEED();
  const RowStore store = MakeStore(Shape::kUniform, Metric::kL2, 300, 1, 8, TestSeed());
  auto exact = store.Exact();
  exact->SetVector(store.query(0), 1);
  for (uint32_t first : {0U, 1U, 63U, 64U, 299U, 300U}) {
    for (uint32_t last : {first, 64U, 128U, 299U, 300U}) {
      if (last < first) continue;
      TopK top;
      ASSERT_TRUE(top.Reset(1000).ok());
      SearchFlat(*exact, first, last, store.deleted(), top);
      EXPECT_EQ(top.size(), last - first);
      for (Neighbor hit : top.Sorted()) EXPECT_TRUE(hit.ordinal() >= first && hit.ordinal() < last);
    }
  }
}

}  // namespace
}  // namespace omendb
