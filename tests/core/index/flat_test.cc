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

// What a search found, as numbers in order.
std::vector<uint32_t> NumbersOf(TopK& top) {
  std::vector<uint32_t> numbers;
  for (Neighbor hit : top.Sorted()) numbers.push_back(hit.ordinal());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

TEST(FlatTest, LooksAtEveryRowThatIsThereAndNamesItByItsNumber) {
  OMENDB_TRACE_SEED();
  for (uint32_t count : {1U, 63U, 64U, 65U, 128U, 300U}) {
    RowStore store = MakeStore(Shape::kUniform, Metric::kL2, count, 1, 8, TestSeed());
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < count; ++i) numbers.push_back(10'000 - 3 * i);
    auto exact = store.Exact();
    exact->SetVector(store.query(0), 1);
    for (uint32_t step : {0U, 1U, 2U, 7U}) {
      std::vector<uint32_t> expected;
      for (uint32_t i = 0; i < count; ++i) {
        if (step != 0 && i % step == 0) store.deleted().Set(i);
        if (!store.deleted().Test(i)) expected.push_back(numbers[i]);
      }
      std::sort(expected.begin(), expected.end());
      TopK top;
      ASSERT_TRUE(top.Reset(1000).ok());
      SearchFlat(*exact, store.deleted(), numbers.data(), top);
      EXPECT_EQ(NumbersOf(top), expected) << count << " rows, every " << step << ". deleted";
      for (uint32_t i = 0; i < count; ++i) store.deleted().Unset(i);
    }
  }
}

TEST(FlatTest, LooksAtTheRowsListedAndNothingElse) {
  OMENDB_TRACE_SEED();
  Prng prng(TestSeed());
  RowStore store = MakeStore(Shape::kUniform, Metric::kL2, 300, 1, 8, TestSeed());
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < 300; ++i) numbers.push_back(10'000 - 3 * i);
  for (uint32_t i = 0; i < 300; i += 5) store.deleted().Set(i);
  auto exact = store.Exact();
  exact->SetVector(store.query(0), 1);
  for (uint32_t wanted : {0U, 1U, 63U, 64U, 65U, 200U}) {
    std::vector<uint32_t> listed;
    std::vector<uint32_t> expected;
    for (uint32_t row = prng.Below(300); listed.size() < wanted; row = (row + 7) % 300) {
      listed.push_back(row);
      if (!store.deleted().Test(row)) expected.push_back(numbers[row]);
    }
    std::sort(expected.begin(), expected.end());
    TopK top;
    ASSERT_TRUE(top.Reset(1000).ok());
    SearchListed(*exact, listed, store.deleted(), numbers.data(), top);
    EXPECT_EQ(NumbersOf(top), expected) << wanted << " rows listed";
  }
}

TEST(FlatTest, TiesGoToTheSmallerNumber) {
  const RowStore store(Metric::kL2, std::vector<std::vector<float>>(6, {1, 2}), 1);
  const std::vector<uint32_t> numbers = {50, 40, 30, 20, 10};
  auto exact = store.Exact();
  exact->SetVector(store.query(0), 1);
  TopK top;
  ASSERT_TRUE(top.Reset(2).ok());
  SearchFlat(*exact, store.deleted(), numbers.data(), top);
  EXPECT_EQ(NumbersOf(top), (std::vector<uint32_t>{10, 20}));
}

}  // namespace
}  // namespace omendb
