// Random operations against a plain map and an exact search in double.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <set>

#include "../seed.h"
#include "test_database.h"

namespace omendb::test {
namespace {

double ModelDistance(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  double l2 = 0;
  double l1 = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double x = a[i];
    double y = b[i];
    dot += x * y;
    aa += x * x;
    bb += y * y;
    l2 += (x - y) * (x - y);
    l1 += std::abs(x - y);
  }
  switch (metric) {
    case Metric::kL2:
      return std::sqrt(l2);
    case Metric::kCosine:
      return 1 - dot / std::sqrt(aa * bb);
    case Metric::kDot:
      return -dot;
    case Metric::kL1:
      break;
  }
  return l1;
}

struct ModelCollection {
  std::string name;
  CollectionOptions options;
  std::map<std::string, Row> rows;
  std::map<std::string, uint64_t> order;  // of insertion
};

class Model {
 public:
  explicit Model(uint64_t seed)
      : random_(static_cast<std::mt19937::result_type>(seed)), database_(&storage_) {
    Ok(database_.Open());
    for (uint32_t i = 0; i < 3; ++i) CreateCollection();
  }

  void Step() {
    uint32_t dice = Below(1000);
    if (dice < 280) return Upsert();
    if (dice < 380) return Delete();
    if (dice < 600) return Search();
    if (dice < 700) return Get();
    if (dice < 705) return List();
    if (dice < 760) return Count();
    if (dice < 900) return Work();
    if (dice < 910) return Checkpoint(0xffffffffU);
    if (dice < 915) return Checkpoint(Below(12));
    if (dice < 925) return Reopen();
    if (dice < 945) return Discard();
    if (dice < 965) return Refused();
    if (dice < 990) return SeveralOperations();
    if (dice < 993) return ReadOnlyReopen();
    if (dice < 995) return CreateOrDrop();
    Count();
  }

  void CheckAll() {
    for (auto& [id, model] : collections_) {
      ListOf(id, model);
      SearchIn(id, model);
    }
  }

 private:
  uint32_t Below(uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_); }
  float Uniform() { return std::uniform_real_distribution<float>(-1, 1)(random_); }
  static void Ok(const Status& status) {
    ASSERT_TRUE(status.ok()) << CodeName(status.code()) << status.message();
  }

  void CreateCollection() {
    ModelCollection model;
    model.name = "c" + std::to_string(next_name_++);
    model.options.dimensions = 1 + Below(12);
    model.options.metric = static_cast<Metric>(Below(4));
    model.options.quantization = static_cast<Quantization>(Below(4) == 0 ? 0 : 1);
    model.options.degree = static_cast<uint16_t>(8 + Below(9));
    model.options.ef_construction = 40;
    Ok(database_.Create(model.name, model.options));
    CollectionId id = database_.engine().FindCollection(model.name);
    ASSERT_NE(id, 0U);
    ASSERT_FALSE(used_ids_.contains(id)) << "a collection id was used twice";
    used_ids_.insert(id);
    collections_[id] = std::move(model);
  }

  std::pair<const CollectionId, ModelCollection>& Any() {
    return *std::next(collections_.begin(),
                      static_cast<ptrdiff_t>(Below(static_cast<uint32_t>(collections_.size()))));
  }

  std::string AnyId() {
    uint32_t number = Below(2500);
    if (number % 7 == 0) return BigintId(number);
    if (number % 7 == 1) return NumberId(number);
    return StringId("row-" + std::to_string(number));
  }

  std::vector<float> AnyVector(const CollectionOptions& options) {
    std::vector<float> vector(options.dimensions);
    for (float& value : vector) value = Uniform();
    vector[0] += vector[0] < 0 ? -0.5F : 0.5F;  // never zero
    return vector;
  }

  std::vector<Row> AnyRows(const CollectionOptions& options, uint32_t count) {
    std::map<std::string, Row> rows;
    while (rows.size() < count) {
      Row row{AnyId(), AnyVector(options), ""};
      if (Below(3) != 0) row.metadata = "{\"n\":" + std::string(Below(40), '7') + "}";
      rows[row.id] = row;
    }
    std::vector<Row> list;
    for (auto& [id, row] : rows) list.push_back(row);
    std::shuffle(list.begin(), list.end(), random_);
    return list;
  }

  void ApplyUpsert(ModelCollection& model, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      model.rows[row.id] = row;
      model.order[row.id] = next_order_++;
    }
  }

  static uint32_t ApplyDelete(ModelCollection& model, const std::vector<std::string>& ids) {
    uint32_t deleted = 0;
    for (const std::string& id : ids) {
      deleted += static_cast<uint32_t>(model.rows.erase(id));
      model.order.erase(id);
    }
    return deleted;
  }

  void Upsert() {
    auto& [id, model] = Any();
    std::vector<Row> rows = AnyRows(model.options, 1 + Below(Below(10) == 0 ? 120 : 8));
    Ok(database_.Upsert(id, rows));
    ASSERT_EQ(database_.engine().AppliedCount(0), rows.size());
    ApplyUpsert(model, rows);
  }

  void Delete() {
    auto& [id, model] = Any();
    std::vector<std::string> ids;
    for (uint32_t i = Below(20); i-- > 0;) ids.push_back(AnyId());
    uint32_t deleted = 0;
    Ok(database_.Delete(id, ids, &deleted));
    ASSERT_EQ(deleted, ApplyDelete(model, ids));
  }

  void Search() {
    auto& [id, model] = Any();
    SearchIn(id, model);
  }

  void SearchIn(CollectionId id, const ModelCollection& model) {
    std::vector<float> query = AnyVector(model.options);
    bool exact = Below(2) == 0;
    uint32_t k = Below(10) == 0 ? 1 + Below(3000) : 1 + Below(20);
    std::vector<Hit> hits = database_.Search(id, query, k, exact);
    std::vector<double> distances;
    for (const auto& [row_id, row] : model.rows) {
      distances.push_back(ModelDistance(model.options.metric, query, row.vector));
    }
    std::sort(distances.begin(), distances.end());
    ASSERT_EQ(hits.size(), std::min<size_t>(k, distances.size()));
    bool flat = exact || model.rows.size() <= kFlatRowsMax;
    size_t right = 0;
    for (size_t i = 0; i < hits.size(); ++i) {
      auto stored = model.rows.find(hits[i].row.id);
      ASSERT_NE(stored, model.rows.end());
      ASSERT_EQ(stored->second, hits[i].row);
      double tolerance = 1e-5;
      ASSERT_NEAR(hits[i].distance, ModelDistance(model.options.metric, query, stored->second.vector),
                  model.options.metric == Metric::kL2 ? 1e-3 : tolerance);
      if (i > 0) ASSERT_LE(hits[i - 1].distance, hits[i].distance);
      double error = std::abs(hits[i].distance - distances[i]);
      if (flat) ASSERT_LE(error, model.options.metric == Metric::kL2 ? 1e-3 : tolerance);
      right += hits[i].distance <= distances[hits.size() - 1] + tolerance ? 1U : 0U;
    }
    found_ += right;
    asked_ += hits.size();
  }

  void Get() {
    auto& [id, model] = Any();
    std::vector<std::string> ids;
    for (uint32_t i = Below(12); i-- > 0;) ids.push_back(AnyId());
    std::vector<std::optional<Row>> rows = database_.Get(id, ids);
    ASSERT_EQ(rows.size(), ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      auto stored = model.rows.find(ids[i]);
      ASSERT_EQ(rows[i].has_value(), stored != model.rows.end());
      if (rows[i].has_value()) ASSERT_EQ(*rows[i], stored->second);
    }
  }

  void List() {
    auto& [id, model] = Any();
    ListOf(id, model);
  }

  void ListOf(CollectionId id, const ModelCollection& model) {
    std::map<uint64_t, std::string> by_order;
    for (const auto& [row_id, order] : model.order) by_order[order] = row_id;
    std::vector<Row> rows = database_.ListAll(id, 1 + Below(300));
    ASSERT_EQ(rows.size(), by_order.size());
    size_t i = 0;
    for (const auto& [order, row_id] : by_order) ASSERT_EQ(rows[i++], model.rows.at(row_id));
  }

  void Count() {
    auto& [id, model] = Any();
    auto count = database_.engine().Count(id);
    Ok(count.status());
    ASSERT_EQ(count.value(), model.rows.size());
    auto stats = database_.engine().Stats(id);
    Ok(stats.status());
    ASSERT_EQ(stats.value().live_rows, model.rows.size());
  }

  void Work() {
    std::map<CollectionId, uint32_t> deleted;
    for (const auto& [id, model] : collections_)
      deleted[id] = database_.engine().Stats(id).value().deleted_rows;
    Ok(database_.engine().Work(1 + Below(Below(5) == 0 ? 3000 : 200)).status());
    for (const auto& [id, before] : deleted) {
      CollectionStats stats = database_.engine().Stats(id).value();
      if (stats.deleted_rows < before) ++compactions_;
      indexed_rows_max_ = std::max(indexed_rows_max_, stats.indexed_rows);
    }
  }

  void Checkpoint(uint32_t stop_after) {
    auto lived = database_.Checkpoint(stop_after);
    Ok(lived.status());
    if (!lived.value()) Ok(database_.Open());
  }

  void Reopen() {
    database_.Crash();
    Ok(database_.Open());
    ASSERT_EQ(database_.engine().CollectionCount(), collections_.size());
  }

  // A reader sees the same, and can write nothing.
  void ReadOnlyReopen() {
    database_.Crash();
    Ok(database_.Open(false));
    ASSERT_EQ(database_.engine().BeginFrame().code(), Code::kReadOnly);
    Search();
    Count();
    Reopen();
  }

  void Discard() {
    auto& [id, model] = Any();
    Engine& engine = database_.engine();
    Ok(engine.BeginFrame());
    Ok(database_.AddUpsert(id, AnyRows(model.options, 1 + Below(50))));
    Ok(database_.AddDelete(id, {AnyId(), AnyId()}));
    if (Below(2) == 0) Ok(engine.SealFrame().status());
    if (Below(2) == 0) Ok(engine.Work(Below(100)).status());
    engine.DiscardFrame();
  }

  void Refused() {
    auto& [id, model] = Any();
    std::vector<Row> rows = AnyRows(model.options, 2 + Below(20));
    uint32_t bad = Below(static_cast<uint32_t>(rows.size()));
    Code expected = Code::kInvalidVector;
    if (Below(2) == 0) {
      rows[bad].vector[Below(model.options.dimensions)] = std::nanf("");
    } else {
      rows[bad].id = rows[(bad + 1) % rows.size()].id;
      expected = Code::kDuplicateId;
    }
    ASSERT_EQ(database_.Upsert(id, rows).code(), expected);
  }

  // One frame, several collections, the later operation wins; a bad one in between is refused alone.
  void SeveralOperations() {
    Engine& engine = database_.engine();
    Ok(engine.BeginFrame());
    std::map<CollectionId, ModelCollection> after = collections_;
    for (uint32_t i = 1 + Below(5); i-- > 0;) {
      auto& [id, model] =
          *std::next(after.begin(), static_cast<ptrdiff_t>(Below(static_cast<uint32_t>(after.size()))));
      if (Below(3) == 0) {
        std::vector<std::string> ids = {AnyId(), AnyId(), AnyId()};
        Ok(database_.AddDelete(id, ids));
        ApplyDelete(model, ids);
      } else {
        std::vector<Row> rows = AnyRows(model.options, 1 + Below(10));
        Ok(database_.AddUpsert(id, rows));
        ApplyUpsert(model, rows);
      }
      if (Below(3) == 0) {
        std::vector<Row> rows = AnyRows(model.options, 3);
        rows[1].vector[0] = INFINITY;
        ASSERT_EQ(database_.AddUpsert(id, rows).code(), Code::kInvalidVector);
      }
      if (Below(3) == 0) Ok(engine.Work(Below(300)).status());
    }
    Ok(database_.Commit());
    collections_ = std::move(after);
  }

  void CreateOrDrop() {
    if (collections_.size() < 4) return CreateCollection();
    CollectionId id = Any().first;
    Ok(database_.Drop(id));
    collections_.erase(id);
    ASSERT_EQ(database_.engine().Count(id).status().code(), Code::kNotFound);
  }

 public:
  // What was reached, so that a change of thresholds cannot quietly take graphs out of this test.
  [[nodiscard]] uint32_t compactions() const { return compactions_; }
  [[nodiscard]] uint32_t indexed_rows_max() const { return indexed_rows_max_; }
  [[nodiscard]] double recall() const { return static_cast<double>(found_) / static_cast<double>(asked_); }

 private:
  std::mt19937 random_;
  Storage storage_;
  Database database_;
  std::map<CollectionId, ModelCollection> collections_;
  std::set<CollectionId> used_ids_;
  uint32_t next_name_ = 0;
  uint64_t next_order_ = 0;
  uint64_t found_ = 0;
  uint64_t asked_ = 0;
  uint32_t compactions_ = 0;
  uint32_t indexed_rows_max_ = 0;
};

TEST(EngineModel, RandomOperationsAgreeWithAPlainMapAndExactSearch) {
  OMENDB_TRACE_SEED();
  size_t held = Engine::MemoryBytes();
  {
    const char* given = std::getenv("OPERATIONS");
    uint64_t operations = given == nullptr ? 10'000 : std::strtoull(given, nullptr, 10);
    Model model(TestSeed());
    for (uint64_t i = 0; i < operations && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(testing::Message() << "operation " << i);
      model.Step();
    }
    if (!testing::Test::HasFailure()) model.CheckAll();
    EXPECT_GE(model.recall(), 0.97);
    if (operations >= 10'000) {
      EXPECT_GT(model.compactions(), 0U);
      EXPECT_GT(model.indexed_rows_max(), kFlatRowsMax);
    }
  }
  EXPECT_EQ(Engine::MemoryBytes(), held);
}

}  // namespace
}  // namespace omendb::test
