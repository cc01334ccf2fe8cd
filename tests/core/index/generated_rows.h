// Generated vector sets, and what an index needs of them: floats, inverse norms, codes, scorers.
#ifndef OMENDB_TESTS_CORE_INDEX_GENERATED_ROWS_H_
#define OMENDB_TESTS_CORE_INDEX_GENERATED_ROWS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/prng.h"
#include "distance/metric.h"
#include "gtest/gtest.h"
#include "index/code_scorer.h"
#include "index/f32_scorer.h"
#include "index/flat.h"
#include "index/hnsw_build.h"

namespace omendb {

// Every kind of codes.
inline constexpr Quantization kCodeKinds[] = {Quantization::kSq8, Quantization::kRabitq1,
                                              Quantization::kRabitq2, Quantization::kRabitq4,
                                              Quantization::kRabitq7};

enum class Shape : uint8_t {
  kClustered,   // overlapping Gaussian clusters, variances decaying over the dimensions
  kUniform,     // a cube
  kDuplicates,  // half of all rows are one of four vectors, the rest clustered
  kAllEqual,
  kSortedByCluster,  // far clusters, one after the other
  kUnequalLengths,   // every direction alike, lengths log-normal: under l2 the short ones are near to all
};

inline std::string NameOf(Shape shape) {
  constexpr const char* kNames[] = {"Clustered", "Uniform",         "Duplicates",
                                    "AllEqual",  "SortedByCluster", "UnequalLengths"};
  return kNames[static_cast<size_t>(shape)];
}
inline std::string NameOf(Metric metric) {
  constexpr const char* kNames[] = {"L2", "Cosine", "Dot", "L1"};
  return kNames[static_cast<size_t>(metric)];
}

inline std::string NameOf(Quantization quantization) {
  constexpr const char* kNames[] = {"F32", "Sq8", "Auto", "Rabitq1", "Rabitq2", "Rabitq4", "Rabitq7"};
  return kNames[static_cast<size_t>(quantization)];
}

inline double Gaussian(Prng& prng) {
  const double radius = std::sqrt(-2 * std::log(1 - prng.Uniform()));
  return radius * std::cos(6.283185307179586 * prng.Uniform());
}

// `count` rows, then `queries` more from the same distribution.
inline std::vector<std::vector<float>> Generate(Shape shape, uint32_t count, uint32_t queries,
                                                uint32_t dimensions, uint64_t seed) {
  Prng prng(seed);
  const uint32_t clusters = 20;
  const double spread = shape == Shape::kSortedByCluster ? 6 : 1;
  std::vector<std::vector<float>> centers(clusters, std::vector<float>(dimensions));
  for (auto& center : centers) {
    for (uint32_t d = 0; d < dimensions; ++d)
      center[d] = static_cast<float>(spread * Gaussian(prng) / std::sqrt(1.0 + d));
  }
  std::vector<std::vector<float>> rows;
  for (uint32_t i = 0; i < count + queries; ++i) {
    std::vector<float> row(dimensions);
    uint32_t cluster = prng.Below(clusters);
    if (shape == Shape::kSortedByCluster && i < count)
      cluster = static_cast<uint32_t>(uint64_t{i} * clusters / count);
    const bool is_duplicate =
        shape == Shape::kAllEqual || (shape == Shape::kDuplicates && i < count && prng.Below(2) == 0);
    const double length = shape == Shape::kUnequalLengths ? std::exp(0.4 * Gaussian(prng)) : 0;
    for (uint32_t d = 0; d < dimensions; ++d) {
      if (shape == Shape::kUnequalLengths) {
        row[d] = static_cast<float>(length * Gaussian(prng));
        continue;
      }
      const double value = shape == Shape::kUniform ? prng.Uniform() * 2 - 1
                                                    : static_cast<double>(centers[cluster][d]) +
                                                          0.6 * Gaussian(prng) / std::sqrt(1.0 + d);
      row[d] = static_cast<float>(value);
    }
    if (is_duplicate) row = centers[shape == Shape::kAllEqual ? 0 : cluster % 4];
    rows.push_back(std::move(row));
  }
  return rows;
}

// Rows in the forms that indexes read, and the queries that came with them.
class RowStore {
 public:
  RowStore(Metric metric, const std::vector<std::vector<float>>& rows, uint32_t query_count)
      : metric_(metric),
        dimensions_(static_cast<uint32_t>(rows[0].size())),
        count_(static_cast<uint32_t>(rows.size()) - query_count),
        vectors_(dimensions_ * sizeof(float)),
        queries_(rows.begin() + static_cast<std::ptrdiff_t>(count_), rows.end()) {
    EXPECT_TRUE(vectors_.Reserve(count_).ok());
    EXPECT_TRUE(inverse_norms_.Resize(count_).ok());
    EXPECT_TRUE(deleted_.Resize(count_).ok());
    vectors_.Resize(count_);
    for (uint32_t i = 0; i < count_; ++i) {
      EXPECT_TRUE(CheckVector(metric, rows[i].data(), dimensions_, &inverse_norms_[i]).ok());
      std::memcpy(vectors_.row(i), rows[i].data(), dimensions_ * sizeof(float));
    }
    for (const auto& query : queries_) {
      float inverse_norm = 0;
      EXPECT_TRUE(CheckVector(metric, query.data(), dimensions_, &inverse_norm).ok());
      query_inverse_norms_.push_back(inverse_norm);
    }
  }

  [[nodiscard]] Metric metric() const { return metric_; }
  [[nodiscard]] uint32_t dimensions() const { return dimensions_; }
  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] uint32_t query_count() const { return static_cast<uint32_t>(queries_.size()); }
  [[nodiscard]] const float* row(uint32_t i) const { return reinterpret_cast<const float*>(vectors_.row(i)); }
  [[nodiscard]] float inverse_norm(uint32_t i) const { return inverse_norms_[i]; }
  [[nodiscard]] const float* query(uint32_t i) const { return queries_[i].data(); }
  [[nodiscard]] float query_inverse_norm(uint32_t i) const { return query_inverse_norms_[i]; }
  // Made when first asked for: trained on all rows, which are all encoded.
  [[nodiscard]] const ChunkedRows& codes(Quantization kind) const { return CodesOf(kind).rows; }
  [[nodiscard]] const Quantizer& quantizer(Quantization kind) const { return *CodesOf(kind).quantizer; }
  Bitmap& deleted() { return deleted_; }
  [[nodiscard]] const Bitmap& deleted() const { return deleted_; }

  [[nodiscard]] Owned<F32Scorer> Exact() const {
    return MakeOwned<F32Scorer>(vectors_, inverse_norms_, metric_, dimensions_);
  }
  [[nodiscard]] Owned<Scorer> MakeScorer(Quantization quantization) const {
    if (quantization == Quantization::kNone) return Exact();
    const Codes& codes = CodesOf(quantization);
    auto scorer = MakeCodeScorer(*codes.quantizer, codes.rows, metric_);
    EXPECT_TRUE(scorer.ok());
    return std::move(scorer.value());
  }

  // Another row in a slot whose row is gone.
  void Replace(uint32_t i, const std::vector<float>& row) {
    EXPECT_TRUE(deleted_.Test(i)) << "row " << i << " is still there";
    EXPECT_TRUE(CheckVector(metric_, row.data(), dimensions_, &inverse_norms_[i]).ok());
    std::memcpy(vectors_.row(i), row.data(), dimensions_ * sizeof(float));
    for (auto& [kind, codes] : codes_) EncodeRow(i, *codes);
    deleted_.Unset(i);
  }

 private:
  struct Codes {
    Owned<Quantizer> quantizer;
    ChunkedRows rows;
    std::vector<float> room;
  };

  [[nodiscard]] const Codes& CodesOf(Quantization kind) const {
    std::unique_ptr<Codes>& codes = codes_[kind];
    if (codes) return *codes;
    Owned<Quantizer> quantizer = MakeQuantizer(kind, metric_, dimensions_, 7);
    const size_t row_bytes = quantizer->row_bytes();
    const size_t room_floats = quantizer->room_floats();
    codes.reset(new Codes{std::move(quantizer), ChunkedRows(row_bytes), std::vector<float>(room_floats)});
    std::vector<const float*> sample;
    for (uint32_t i = 0; i < count_; ++i) sample.push_back(row(i));
    EXPECT_TRUE(codes->quantizer->Train(sample, inverse_norms_.span()).ok());
    EXPECT_TRUE(codes->rows.Reserve(count_).ok());
    codes->rows.Resize(count_);
    for (uint32_t i = 0; i < count_; ++i) EncodeRow(i, *codes);
    return *codes;
  }
  void EncodeRow(uint32_t i, Codes& codes) const {
    codes.quantizer->Encode(row(i), inverse_norms_[i], codes.room.data(), codes.rows.row(i));
  }

  Metric metric_;
  uint32_t dimensions_;
  uint32_t count_;
  ChunkedRows vectors_;
  mutable std::map<Quantization, std::unique_ptr<Codes>> codes_;
  Array<float> inverse_norms_;
  Bitmap deleted_;
  std::vector<std::vector<float>> queries_;
  std::vector<float> query_inverse_norms_;
};

inline RowStore MakeStore(Shape shape, Metric metric, uint32_t count, uint32_t queries, uint32_t dimensions,
                          uint64_t seed) {
  return {metric, Generate(shape, count, queries, dimensions, seed), queries};
}

// A graph over all rows of a store, with what built it.
struct BuiltGraph {
  BuiltGraph(const RowStore& given_store, Quantization quantization, uint32_t degree = 16,
             uint32_t ef_construction = 100)
      : store(given_store),
        query(store.MakeScorer(quantization)),
        pair(store.MakeScorer(quantization)),
        graph(degree, 42),
        builder(graph, *query, *pair, scratch, ef_construction) {}

  // A row that is deleted by then becomes a node that nothing leads to.
  void AddUpTo(uint32_t size) {
    while (graph.size() < size) {
      const uint32_t node = graph.size();
      const bool is_hole = store.deleted().Test(node);
      ASSERT_TRUE((is_hole ? graph.AddNode(0) : builder.Add(node, store.deleted())).ok());
    }
  }

  // The k nearest live rows: found with ef, compared again exactly.
  std::vector<uint32_t> Search(uint32_t query_index, uint32_t k, uint32_t ef) {
    query->SetVector(store.query(query_index), store.query_inverse_norm(query_index));
    EXPECT_TRUE(SearchHnsw(graph, *query, store.deleted(), ef, scratch).ok());
    auto exact = store.Exact();
    exact->SetVector(store.query(query_index), store.query_inverse_norm(query_index));
    std::vector<Neighbor> found;
    for (Neighbor neighbor : scratch.results.unsorted()) {
      found.emplace_back(exact->Distance(neighbor.ordinal()), neighbor.ordinal());
    }
    std::sort(found.begin(), found.end());
    std::vector<uint32_t> hits;
    for (size_t i = 0; i < found.size() && i < k; ++i) hits.push_back(found[i].ordinal());
    return hits;
  }

  const RowStore& store;
  Owned<Scorer> query;
  Owned<Scorer> pair;
  HnswGraph graph;
  HnswScratch scratch;
  HnswBuilder builder;
};

inline std::vector<Neighbor> ExactHits(const RowStore& store, uint32_t query_index, uint32_t k) {
  auto exact = store.Exact();
  exact->SetVector(store.query(query_index), store.query_inverse_norm(query_index));
  TopK top;
  EXPECT_TRUE(top.Reset(k).ok());
  std::vector<uint32_t> numbers(store.count());
  std::iota(numbers.begin(), numbers.end(), 0U);
  SearchFlat(*exact, store.deleted(), numbers.data(), top);
  const auto sorted = top.Sorted();
  return {sorted.begin(), sorted.end()};
}

// The row nearest to a query, deleted ones among them.
inline uint32_t NearestEver(const RowStore& store, uint32_t query_index) {
  auto exact = store.Exact();
  exact->SetVector(store.query(query_index), store.query_inverse_norm(query_index));
  Neighbor nearest(exact->Distance(0), 0);
  for (uint32_t i = 1; i < store.count(); ++i) nearest = std::min(nearest, Neighbor(exact->Distance(i), i));
  return nearest.ordinal();
}

// Share of exact hits found over all queries, or those that `is_asked` takes; a hit as near as the k-th exact
// one counts (ties).
inline double MeanRecall(
    BuiltGraph& built, uint32_t k, uint32_t ef,
    const std::function<bool(uint32_t query_index)>& is_asked = [](uint32_t) { return true; }) {
  uint32_t right = 0;
  uint32_t wanted = 0;
  for (uint32_t q = 0; q < built.store.query_count(); ++q) {
    if (!is_asked(q)) continue;
    const std::vector<Neighbor> exact = ExactHits(built.store, q, k);
    auto scorer = built.store.Exact();
    scorer->SetVector(built.store.query(q), built.store.query_inverse_norm(q));
    const std::vector<uint32_t> hits = built.Search(q, k, ef);
    EXPECT_EQ(hits.size(), exact.size()) << "hits of query " << q;
    wanted += static_cast<uint32_t>(exact.size());
    for (uint32_t hit : hits) {
      EXPECT_FALSE(built.store.deleted().Test(hit));
      if (scorer->Distance(hit) <= exact.back().distance()) ++right;
    }
  }
  return wanted == 0 ? 1 : static_cast<double>(right) / wanted;
}

// What HnswGraph promises of itself; "" or the first promise broken.
inline std::string BrokenInvariant(const HnswGraph& graph) {
  if (graph.size() == 0 && graph.entry() != kNoNode) return "entry of an empty graph";
  if (graph.entry() == kNoNode) {
    if (graph.entry_level() != 0) return "level of no entry";
  } else {
    if (graph.entry() >= graph.size()) return "entry out of range";
    if (graph.entry_level() != graph.LevelOf(graph.entry())) return "entry level";
  }
  for (uint32_t node = 0; node < graph.size(); ++node) {
    if (graph.LevelOf(node) > kLevelMax) return "level";
    for (uint32_t level = 0; level <= graph.LevelOf(node); ++level) {
      const auto links = graph.Links(node, level);
      if (links.size() > graph.max_links(level)) return "too many links";
      std::vector<uint32_t> sorted(links.begin(), links.end());
      std::sort(sorted.begin(), sorted.end());
      if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return "a link twice";
      for (uint32_t link : sorted) {
        if (link >= graph.size() || link == node) return "a link out of range or to itself";
        if (graph.LevelOf(link) < level) return "a link to a node without that level";
      }
    }
  }
  return "";
}

// Live nodes that no path at level 0 leads to from the entry.
inline uint32_t UnreachableNodes(const HnswGraph& graph, const Bitmap& deleted) {
  std::vector<bool> seen(graph.size());
  std::vector<uint32_t> stack;
  if (graph.entry() != kNoNode) {
    stack.push_back(graph.entry());
    seen[graph.entry()] = true;
  }
  while (!stack.empty()) {
    const uint32_t node = stack.back();
    stack.pop_back();
    for (uint32_t link : graph.Links(node, 0)) {
      if (!seen[link]) stack.push_back(link);
      seen[link] = true;
    }
  }
  uint32_t unreachable = 0;
  for (uint32_t node = 0; node < graph.size(); ++node)
    unreachable += !seen[node] && !deleted.Test(node) ? 1 : 0;
  return unreachable;
}

// Live nodes that no other node links to at level 0.
inline uint32_t NodesWithoutLinksToThem(const HnswGraph& graph, const Bitmap& deleted) {
  std::vector<bool> linked(graph.size());
  for (uint32_t node = 0; node < graph.size(); ++node) {
    for (uint32_t link : graph.Links(node, 0)) linked[link] = true;
  }
  uint32_t without = 0;
  for (uint32_t node = 0; node < graph.size(); ++node)
    without += !linked[node] && !deleted.Test(node) ? 1 : 0;
  return without;
}

inline std::vector<uint8_t> Serialized(const HnswGraph& graph) {
  Bytes bytes;
  EXPECT_TRUE(graph.Serialize(bytes).ok());
  return {bytes.begin(), bytes.end()};
}

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_INDEX_GENERATED_ROWS_H_
