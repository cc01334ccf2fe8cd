// Generated vectors that behave like those people store, and recall against an exact search.
#ifndef OMENDB_TESTS_CORE_ENGINE_VECTOR_SETS_H_
#define OMENDB_TESTS_CORE_ENGINE_VECTOR_SETS_H_

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "omendb/types.h"

namespace omendb::test {

struct VectorSet {
  std::string name;
  Metric metric = Metric::kL2;
  std::vector<std::vector<float>> rows;
  std::vector<std::vector<float>> queries;
};

struct VectorSetShape {
  std::string name;
  Metric metric = Metric::kL2;
  uint32_t dimensions = 32;
  uint32_t clusters = 100;
  float spread = 0.5F;  // of a cluster, against 1 between clusters
  float decay = 0.97F;  // of the scale from one dimension to the next
  float offset = 0;     // added to every number
  bool sorted = false;  // rows come cluster by cluster
  bool unit_length = false;
  float heavy_tail = 0;  // part of the rows that is 50 times as long
};

inline VectorSet MakeVectorSet(const VectorSetShape& shape, uint32_t rows, uint32_t queries, uint64_t seed) {
  std::mt19937 random(static_cast<std::mt19937::result_type>(seed));
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<std::vector<float>> centers(shape.clusters, std::vector<float>(shape.dimensions));
  for (auto& center : centers) {
    for (float& value : center) value = normal(random);
  }
  auto make = [&](uint32_t cluster) {
    std::vector<float> vector(shape.dimensions);
    float scale = 1;
    float norm = 0;
    float length = uniform(random) < shape.heavy_tail ? 50.0F : 1.0F;
    for (uint32_t d = 0; d < shape.dimensions; ++d, scale *= shape.decay) {
      vector[d] = scale * length * (centers[cluster][d] + shape.spread * normal(random)) + shape.offset;
      norm += vector[d] * vector[d];
    }
    if (shape.unit_length) {
      for (float& value : vector) value /= std::sqrt(norm);
    }
    return vector;
  };
  VectorSet set{shape.name, shape.metric, {}, {}};
  for (uint32_t i = 0; i < rows; ++i) {
    auto cluster = shape.sorted ? static_cast<uint32_t>(uint64_t{i} * shape.clusters / rows)
                                : static_cast<uint32_t>(random() % shape.clusters);
    set.rows.push_back(make(cluster));
  }
  for (uint32_t i = 0; i < queries; ++i)
    set.queries.push_back(make(static_cast<uint32_t>(random() % shape.clusters)));
  return set;
}

// What people store, and what breaks quantizers and graphs.
inline std::vector<VectorSetShape> VectorSetShapes() {
  return {
      {.name = "text embeddings", .metric = Metric::kCosine, .dimensions = 96, .unit_length = true},
      {.name = "loose clusters", .metric = Metric::kL2, .dimensions = 48, .clusters = 20, .spread = 1},
      {.name = "uniform", .metric = Metric::kL2, .dimensions = 12, .clusters = 1, .decay = 1},
      {.name = "sorted by cluster", .metric = Metric::kL2, .sorted = true},
      {.name = "far from zero", .metric = Metric::kL2, .offset = 100},
      {.name = "far from zero, cosine", .metric = Metric::kCosine, .offset = 5},
      {.name = "heavy tail", .metric = Metric::kL2, .heavy_tail = 0.01F},
      {.name = "dot", .metric = Metric::kDot, .dimensions = 32},
      {.name = "l1", .metric = Metric::kL1, .dimensions = 24},
      {.name = "very different scales", .metric = Metric::kL2, .dimensions = 32, .decay = 0.7F},
  };
}

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_VECTOR_SETS_H_
