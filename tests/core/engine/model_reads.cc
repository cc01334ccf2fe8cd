#include "model_reads.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "distance/vector_type.h"

namespace omendb::test {
namespace {

constexpr uint32_t kIncludeAll = kIncludeMetadata | kIncludeVectors;
constexpr uint64_t kOverlayOrder = uint64_t{1} << 62;
// Of vectors of one length, so that rows of a few hundred floats stay few.
constexpr uint32_t kWideDimensions = 100;
constexpr uint32_t kWideIds = 400;
// Enough that most collections come to have a graph, and to lose a good part of it.
constexpr uint32_t kIds = 4000;

double ToleranceOf(Metric metric, double distance) {
  // A root makes little of a great relative error near 0.
  return metric == Metric::kL2 ? 1e-3 : 2e-5 * (1 + std::abs(distance));
}

}  // namespace

std::vector<VisibleRow> VisibleRows(const VersionModel& model, const ModelState& state, CollectionId id) {
  const uint64_t sequence = state.view == 0 ? model.sequence() : state.sequence;
  const auto overlay = state.overlays.find(id);
  std::vector<VisibleRow> rows;
  for (const Version* version : model.at(id).RowsAt(sequence)) {
    if (overlay != state.overlays.end() && overlay->second.hidden.contains(version->row.id)) continue;
    rows.push_back({&version->row, version->order});
  }
  if (overlay == state.overlays.end()) return rows;
  for (const Row& row : overlay->second.rows) rows.push_back({&row, kOverlayOrder + rows.size()});
  return rows;
}

// ---- Dice ---------------------------------------------------------------------------------------------

std::string ModelDice::AnyId(const CollectionOptions& options) {
  const uint32_t number = Below(options.dimensions > kWideDimensions ? kWideIds : kIds);
  if (number % 7 == 0) return BigintId(number);
  if (number % 7 == 1) return NumberId(number);
  return StringId("row-" + std::to_string(number));
}

std::vector<std::string> ModelDice::AnyIds(const CollectionOptions& options, uint32_t count) {
  std::vector<std::string> ids;
  while (ids.size() < count) ids.push_back(AnyId(options));
  return ids;
}

std::vector<float> ModelDice::AnyVector(const CollectionOptions& options) {
  std::vector<float> vector(options.dimensions);
  for (float& value : vector) value = static_cast<float>(2 * random_.Uniform() - 1);
  vector[0] += vector[0] < 0 ? -0.5F : 0.5F;  // never zero
  if (options.vector_type == VectorType::kBinary) vector[0] = 1;
  const float scale = options.vector_type == VectorType::kInt8 ? 10.0F : 1.0F;
  for (float& value : vector) value = Nearest(options.vector_type, scale * value);
  return vector;
}

std::vector<Row> ModelDice::AnyRows(const CollectionOptions& options, uint32_t count) {
  std::set<std::string> ids;
  while (ids.size() < count) ids.insert(AnyId(options));
  std::vector<Row> rows;
  for (const std::string& id : ids) {
    Row row{id, AnyVector(options), ""};
    if (!rows.empty() && OneIn(20)) row.vector = rows.back().vector;
    if (!OneIn(3)) row.metadata = "{\"n\":" + std::string(1 + Below(40), '7') + "}";
    rows.push_back(std::move(row));
  }
  for (uint32_t i = count; i > 1; --i) std::swap(rows[i - 1], rows[Below(i)]);
  return rows;
}

std::string ModelReads::IdFor(const std::vector<VisibleRow>& rows, const CollectionOptions& options) {
  if (rows.empty() || dice_.OneIn(3)) return dice_.AnyId(options);
  return dice_.Any(rows).row->id;
}

// ---- Reads --------------------------------------------------------------------------------------------

void ModelReads::Search(Engine& engine, const ModelState& state, CollectionId id) {
  const CollectionOptions& options = model_.at(id).options;
  const std::vector<VisibleRow> rows = VisibleRows(model_, state, id);
  std::unordered_map<std::string, VisibleRow> by_id;
  for (const VisibleRow& row : rows) by_id[row.row->id] = row;
  const std::vector<float> query = dice_.AnyVector(options);
  SearchRequest request{.collection = id, .queries = query.data(), .query_count = 1};
  request.k = dice_.OneIn(10) ? 1 + dice_.Below(3000) : 1 + dice_.Below(20);
  request.exact = dice_.OneIn(2);
  request.include = kIncludeAll;
  request.view = state.view;
  auto answer = WithVectors(engine, storage_, [&] { return engine.Search(request); });
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  const std::vector<Hit> hits = DecodeHits(answer.value()).at(0);
  std::vector<double> distances;
  for (const VisibleRow& row : rows)
    distances.push_back(ModelDistance(options.metric, query, row.row->vector));
  std::sort(distances.begin(), distances.end());
  ASSERT_EQ(hits.size(), std::min<size_t>(request.k, rows.size()));
  const bool flat = request.exact || rows.size() <= kFlatRowsMax;
  size_t nearest = 0;
  std::set<std::string> seen;
  for (size_t i = 0; i < hits.size(); ++i) {
    const auto found = by_id.find(hits[i].row.id);
    ASSERT_TRUE(found != by_id.end()) << "a hit that this state does not have";
    ASSERT_EQ(*found->second.row, hits[i].row);
    ASSERT_TRUE(seen.insert(hits[i].row.id).second) << "a row twice";
    const double distance = hits[i].distance;
    const double tolerance = ToleranceOf(options.metric, distance);
    ASSERT_NEAR(distance, ModelDistance(options.metric, query, hits[i].row.vector), tolerance);
    if (flat) ASSERT_NEAR(distance, distances[i], tolerance) << "hit " << i << " of an exact search";
    nearest += distance <= distances[hits.size() - 1] + tolerance ? 1U : 0U;
    if (i == 0) continue;
    ASSERT_LE(hits[i - 1].distance, hits[i].distance);
    if (hits[i - 1].row.vector != hits[i].row.vector) continue;
    ASSERT_LT(by_id.at(hits[i - 1].row.id).order, found->second.order) << "ties out of order";
  }
  if (flat) return;
  ModelRecall& recall = options.metric == Metric::kDot ? recalls_.dot
                        : state.view == 0              ? recalls_.newest
                                                       : recalls_.views;
  recall.Add(static_cast<double>(nearest) / static_cast<double>(hits.size()));
}

void ModelReads::Get(Engine& engine, const ModelState& state, CollectionId id) {
  const CollectionOptions& options = model_.at(id).options;
  const std::vector<VisibleRow> rows = VisibleRows(model_, state, id);
  std::unordered_map<std::string, const Row*> by_id;
  for (const VisibleRow& row : rows) by_id[row.row->id] = row.row;
  std::vector<std::string> ids;
  for (uint32_t i = dice_.Below(12); i-- > 0;) ids.push_back(IdFor(rows, options));
  if (!ids.empty() && dice_.OneIn(5)) ids.push_back(ids[0]);
  auto answer =
      WithVectors(engine, storage_, [&] { return engine.Get(id, EncodeIds(ids), kIncludeAll, state.view); });
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  const std::vector<std::optional<Row>> got = DecodeGot(answer.value());
  ASSERT_EQ(got.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = by_id.find(ids[i]);
    ASSERT_EQ(got[i].has_value(), found != by_id.end()) << "id " << i;
    if (got[i].has_value()) ASSERT_EQ(*got[i], *found->second);
  }
}

void ModelReads::ListFrom(Engine& engine, const ModelState& state, CollectionId id, uint64_t cursor,
                          const std::vector<VisibleRow>& expected) {
  size_t next = 0;
  for (;;) {
    const uint32_t limit = 1 + dice_.Below(400);
    auto answer = WithVectors(engine, storage_,
                              [&] { return engine.List(id, cursor, limit, kIncludeAll, state.view); });
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    std::memcpy(&cursor, answer.value().data(), sizeof(cursor));
    const std::vector<Row> rows = DecodeRows(answer.value().subspan(16));
    ASSERT_LE(rows.size(), limit);
    for (const Row& row : rows) {
      ASSERT_LT(next, expected.size()) << "more rows than there are";
      ASSERT_EQ(row, *expected[next].row) << "row " << next << " of " << expected.size();
      ++next;
    }
    if (cursor == 0) break;
    ASSERT_FALSE(rows.empty());
  }
  ASSERT_EQ(next, expected.size());
}

void ModelReads::List(Engine& engine, const ModelState& state, CollectionId id) {
  ListFrom(engine, state, id, 0, VisibleRows(model_, state, id));
}

void ModelReads::ListAfter(Engine& engine, const ModelState& state, CollectionId id) {
  std::vector<VisibleRow> rows = VisibleRows(model_, state, id);
  const std::string wanted = IdFor(rows, model_.at(id).options);
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.row->id == wanted; });
  auto cursor = engine.CursorAfter(id, EncodeIds({wanted}), state.view);
  if (at == rows.end()) {
    ASSERT_EQ(cursor.status().code(), Code::kNotFound);
    return;
  }
  ASSERT_TRUE(cursor.ok()) << cursor.status().message();
  ListFrom(engine, state, id, cursor.value(), {at + 1, rows.end()});
}

void ModelReads::Count(Engine& engine, const ModelState& state, CollectionId id) {
  auto count = engine.Count(id, state.view);
  ASSERT_TRUE(count.ok()) << count.status().message();
  ASSERT_EQ(count.value(), VisibleRows(model_, state, id).size());
}

void ModelReads::Any(Engine& engine, const ModelState& state) {
  const uint64_t sequence = state.view == 0 ? model_.sequence() : state.sequence;
  const CollectionId id = dice_.Any(model_.collections()).first;
  if (!model_.at(id).ExistsAt(sequence)) {
    ASSERT_EQ(engine.Count(id, state.view).status().code(), Code::kNotFound);
    return;
  }
  switch (dice_.Below(8)) {
    case 0:
      return List(engine, state, id);
    case 1:
      return ListAfter(engine, state, id);
    case 2:
      return Count(engine, state, id);
    case 3:
    case 4:
      return Get(engine, state, id);
    default:
      return Search(engine, state, id);
  }
}

void ModelReads::All(Engine& engine, const ModelState& state) {
  const uint64_t sequence = state.view == 0 ? model_.sequence() : state.sequence;
  for (const auto& [id, collection] : model_.collections()) {
    if (!collection.ExistsAt(sequence)) continue;
    if (state.view != 0) ASSERT_EQ(engine.FindCollectionIn(state.view, collection.name), id);
    List(engine, state, id);
    Get(engine, state, id);
    Count(engine, state, id);
    Search(engine, state, id);
  }
}

void ModelReads::Everything(Engine& engine) {
  ASSERT_EQ(engine.sequence(), model_.sequence());
  ASSERT_EQ(engine.OldestSequence(), model_.oldest());
  const std::vector<CollectionId> ids = model_.CollectionsAt(model_.sequence());
  ASSERT_EQ(engine.CollectionCount(), ids.size());
  for (CollectionId id : ids) {
    const ModelCollection& collection = model_.at(id);
    ASSERT_EQ(engine.FindCollection(collection.name), id);
    ASSERT_EQ(engine.CollectionName(id).value(), collection.name);
    ASSERT_EQ(engine.CollectionOptionsOf(id).value(), collection.options);
    auto stats = engine.Stats(id);
    ASSERT_TRUE(stats.ok());
    ASSERT_EQ(stats.value().live_rows, collection.live.size());
    // Within what rows of different lengths allow.
    const uint64_t row_bytes = VectorBytes(collection.options.vector_type, collection.options.dimensions);
    ASSERT_GE(stats.value().live_bytes, collection.live.size() * row_bytes / 2);
    ASSERT_LE(stats.value().live_bytes, collection.live.size() * (row_bytes + 100) * 2);
  }
  for (size_t i = 0; i < model_.tokens().size(); i += 1 + dice_.Below(300)) {
    const Token& token = model_.tokens()[i].first;
    auto found = engine.FindToken(token);
    ASSERT_TRUE(found.ok()) << "token " << i;
    ASSERT_EQ(found.value(), *model_.FindToken(token));
  }
  All(engine, ModelState());
}

}  // namespace omendb::test
