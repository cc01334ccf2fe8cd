// Vectors of every type under every metric, through the public API: answers, recall, what comes back after a
// restart, what it takes, and what is refused.
#include "distance/vector_type.h"

#include <algorithm>
#include <cmath>

#include "../seed.h"
#include "format/frame.h"
#include "format/head.h"
#include "format/manifest.h"
#include "format/object.h"
#include "format/vectors_object.h"
#include "test_database.h"
#include "vector_sets.h"
#include "version_model.h"

namespace omendb::test {
namespace {

constexpr VectorType kTypes[] = {VectorType::kFloat32, VectorType::kFloat16, VectorType::kInt8,
                                 VectorType::kBinary};

CollectionOptions OptionsOf(VectorType type, Metric metric, uint32_t dimensions) {
  CollectionOptions options;
  options.dimensions = dimensions;
  options.metric = metric;
  options.vector_type = type;
  return options;
}

// Clustered rows and queries. Rows are numbers that the type can hold, queries are not; no row is 0.
VectorSet TypedSet(VectorType type, Metric metric, uint32_t dimensions, uint32_t rows, uint32_t queries) {
  VectorSetShape shape{.name = "", .metric = metric, .dimensions = dimensions, .decay = 1};
  VectorSet set = MakeVectorSet(shape, rows, queries, TestSeed());
  const float scale = type == VectorType::kInt8 ? 25.0F : 1.0F;
  for (std::vector<float>& row : set.rows) {
    for (float& value : row) value = Nearest(type, scale * value);
    if (row[0] == 0) row[0] = 1;
  }
  for (std::vector<float>& query : set.queries) {
    for (float& value : query) value *= scale;
    if (type != VectorType::kBinary) continue;
    // Between the two numbers that rows have.
    for (float& value : query) value = value > 0 ? 0.9F : 0.2F;
  }
  return set;
}

std::vector<Row> RowsOf(const VectorSet& set) {
  std::vector<Row> rows;
  for (size_t i = 0; i < set.rows.size(); ++i)
    rows.push_back({NumberId(static_cast<int64_t>(i)), set.rows[i], ""});
  return rows;
}

class VectorTypes : public testing::TestWithParam<std::tuple<VectorType, Metric>> {
 protected:
  void SetUp() override { ASSERT_TRUE(database_.Open().ok()); }
  [[nodiscard]] static VectorType type() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Metric metric() { return std::get<1>(GetParam()); }
  void Create(uint32_t dimensions, Quantization quantization = Quantization::kSq8) {
    CollectionOptions options = OptionsOf(type(), metric(), dimensions);
    options.quantization = quantization;
    ASSERT_TRUE(database_.Create("c", options).ok());
  }
  void Reopen() {
    database_.Crash();
    ASSERT_TRUE(database_.Open().ok());
  }
  double Recall(const VectorSet& set);

  Storage storage_;
  Database database_{&storage_};
};

// The part of the exact 10 nearest that a default search finds; a tie with the tenth counts.
double VectorTypes::Recall(const VectorSet& set) {
  uint32_t found = 0;
  for (const std::vector<float>& query : set.queries) {
    const std::vector<Hit> exact = database_.Search(1, query, 10, true, 0);
    for (const Hit& hit : database_.Search(1, query, 10, false, 0)) {
      found += hit.distance <= exact.back().distance ? 1U : 0U;
    }
  }
  return found / (10.0 * static_cast<double>(set.queries.size()));
}

TEST_P(VectorTypes, AnExactSearchComparesTheNumbersThatRowsAre) {
  OMENDB_TRACE_SEED();
  // More than are widened at once, and none a multiple of what fits a vector register or a byte.
  for (uint32_t dimensions : {1U, 13U, 100U, 2051U}) {
    SCOPED_TRACE(dimensions);
    const VectorSet set = TypedSet(type(), metric(), dimensions, 120, 5);
    const std::string name = "c" + std::to_string(dimensions);
    ASSERT_TRUE(database_.Create(name, OptionsOf(type(), metric(), dimensions)).ok());
    const CollectionId id = database_.engine().FindCollection(name);
    ASSERT_TRUE(database_.Upsert(id, RowsOf(set)).ok());
    for (const std::vector<float>& query : set.queries) {
      std::vector<double> expected;
      double norms = 0;
      for (const std::vector<float>& row : set.rows) {
        expected.push_back(ModelDistance(metric(), query, row));
        norms = std::max(norms, ModelDistance(Metric::kL1, row, std::vector<float>(dimensions)));
      }
      std::sort(expected.begin(), expected.end());
      const std::vector<Hit> hits = database_.Search(id, query, 120, true);
      ASSERT_EQ(hits.size(), 120U);
      const double scale = metric() == Metric::kDot ? norms * 3 : norms;
      for (size_t i = 0; i < hits.size(); ++i) {
        const double tolerance = metric() == Metric::kCosine ? 1e-5 : 1e-5 * (1 + scale);
        ASSERT_NEAR(hits[i].distance, expected[i], tolerance);
        ASSERT_NEAR(hits[i].distance, ModelDistance(metric(), query, hits[i].row.vector), tolerance);
      }
    }
  }
}

TEST_P(VectorTypes, RecallIsAbove95PercentWithDefaults) {
  OMENDB_TRACE_SEED();
  const VectorSet set = TypedSet(type(), metric(), 64, 2500, 40);
  Create(64);
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  ASSERT_TRUE(database_.Finish().ok());
  ASSERT_EQ(database_.engine().Stats(1).value().indexed_rows, 2500U);
  EXPECT_GE(Recall(set), 0.95);
  ASSERT_TRUE(database_.Checkpoint().ok());
  Reopen();
  ASSERT_EQ(database_.engine().Stats(1).value().indexed_rows, 2500U);
  EXPECT_GE(Recall(set), 0.95);
}

TEST_P(VectorTypes, RecallIsAbove95PercentWithoutCodes) {
  OMENDB_TRACE_SEED();
  const VectorSet set = TypedSet(type(), metric(), 40, 1500, 20);
  Create(40, Quantization::kNone);
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_GE(Recall(set), 0.95);
  // Cleaning repairs nodes by rows that are queries.
  std::vector<std::string> ids;
  for (int i = 0; i < 600; ++i) ids.push_back(NumberId(i));
  ASSERT_TRUE(database_.Delete(1, ids).ok());
  ASSERT_TRUE(database_.Finish().ok());
  ASSERT_EQ(database_.engine().Stats(1).value().deleted_rows, 0U);
  EXPECT_GE(Recall(set), 0.95);
  ASSERT_TRUE(database_.Checkpoint().ok());
  Reopen();
  EXPECT_EQ(database_.engine().Stats(1).value().code_bytes, 0U);
  EXPECT_GE(Recall(set), 0.95);
}

TEST_P(VectorTypes, RowsComeBackFromTheWalAndFromACheckpoint) {
  OMENDB_TRACE_SEED();
  const VectorSet set = TypedSet(type(), metric(), 21, 300, 1);
  Create(21);
  const CollectionOptions options = database_.engine().CollectionOptionsOf(1).value();
  std::vector<Row> rows = RowsOf(set);
  ASSERT_TRUE(database_.Upsert(1, {rows.begin(), rows.begin() + 200}).ok());
  Reopen();
  ASSERT_EQ(database_.ListAll(1), std::vector<Row>(rows.begin(), rows.begin() + 200));
  ASSERT_TRUE(database_.Checkpoint().ok());
  ASSERT_TRUE(database_.Upsert(1, {rows.begin() + 200, rows.end()}).ok());
  Reopen();
  EXPECT_EQ(database_.ListAll(1), rows);
  EXPECT_EQ(database_.engine().CollectionOptionsOf(1).value(), options);
  ASSERT_TRUE(database_.Checkpoint(0xffffffffU, true).ok());
  Reopen();
  EXPECT_EQ(database_.ListAll(1), rows);
}

TEST_P(VectorTypes, CompactionSnapshotsTransactionsAndRestoresKeepRowsAsTheyWere) {
  OMENDB_TRACE_SEED();
  const VectorSet set = TypedSet(type(), metric(), 35, 2600, 1);
  database_.keeps_history = true;
  Create(35);
  std::vector<Row> rows = RowsOf(set);
  const std::vector<Row> before(rows.begin(), rows.begin() + 2500);
  ASSERT_TRUE(database_.Upsert(1, before).ok());
  Engine& engine = database_.engine();
  const uint64_t then = engine.sequence();
  std::vector<std::string> gone;
  for (int i = 0; i < 2000; ++i) gone.push_back(NumberId(i));
  ASSERT_TRUE(database_.Delete(1, gone).ok());

  auto transaction = engine.BeginTransaction();
  ASSERT_TRUE(transaction.ok());
  const std::vector<Row> added(rows.begin() + 2500, rows.end());
  ASSERT_TRUE(engine.TransactionUpsert(transaction.value(), 1, EncodeRows(added, 35, type())).ok());
  const SearchRequest own{.collection = 1,
                          .queries = added[7].vector.data(),
                          .query_count = 1,
                          .k = 1,
                          .view = transaction.value()};
  const float to_itself =
      metric() == Metric::kDot
          ? static_cast<float>(ModelDistance(Metric::kDot, added[7].vector, added[7].vector))
          : 0.0F;
  EXPECT_LE(DecodeHits(engine.Search(own).value())[0][0].distance,
            to_itself + 1e-3F * std::fabs(to_itself) + 1e-3F);
  ASSERT_TRUE(engine.BeginFrame().ok());
  ASSERT_TRUE(engine.FrameTransaction(transaction.value()).ok());
  ASSERT_TRUE(database_.Commit().ok());
  engine.CloseView(transaction.value());

  const std::vector<Row> after(rows.begin() + 2000, rows.end());
  EXPECT_EQ(database_.ListAll(1), after);
  auto view = engine.OpenViewAt(then);
  ASSERT_TRUE(view.ok());
  ASSERT_TRUE(engine.BeginFrame().ok());
  ASSERT_TRUE(engine.FrameRestore(view.value()).ok());
  engine.CloseView(view.value());
  ASSERT_TRUE(database_.Commit().ok());
  std::vector<Row> restored(rows.begin() + 2000, rows.begin() + 2500);
  restored.insert(restored.end(), rows.begin(), rows.begin() + 2000);
  EXPECT_EQ(database_.ListAll(1), restored);

  ASSERT_TRUE(database_.Delete(1, gone).ok());
  engine.ForgetBefore(~uint64_t{0});
  ASSERT_TRUE(database_.Finish().ok());
  EXPECT_EQ(engine.Stats(1).value().deleted_rows, 0U);
  ASSERT_TRUE(database_.Checkpoint().ok());
  const std::vector<Row> left(rows.begin() + 2000, rows.begin() + 2500);
  EXPECT_EQ(database_.ListAll(1), left);
  Reopen();
  EXPECT_EQ(database_.ListAll(1), left);
}

std::string TypeAndMetric(const testing::TestParamInfo<std::tuple<VectorType, Metric>>& info) {
  constexpr const char* kMetrics[] = {"L2", "Cosine", "Dot", "L1"};
  return std::string(NameOf(std::get<0>(info.param))) +
         kMetrics[static_cast<size_t>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(All, VectorTypes,
                         testing::Combine(testing::ValuesIn(kTypes),
                                          testing::Values(Metric::kL2, Metric::kCosine, Metric::kDot,
                                                          Metric::kL1)),
                         TypeAndMetric);

class EachVectorType : public testing::TestWithParam<VectorType> {
 protected:
  Storage storage_;
  Database database_{&storage_};
};

size_t StoredBytes(const Storage& storage) {
  size_t bytes = 0;
  for (const auto& [name, object] : storage.objects) bytes += object.size();
  return bytes;
}

// Of the objects' names, that of the last frame: those of frames come after all others.
std::string LastFrame(const Storage& storage) { return storage.objects.rbegin()->first; }

TEST_P(EachVectorType, TakesItsOwnBytesInMemoryInFramesAndInStorage) {
  constexpr uint32_t kDimensions = 512;
  constexpr uint32_t kRows = 4096;
  const VectorSet set = TypedSet(GetParam(), Metric::kL2, kDimensions, kRows, 1);
  const size_t vectors = kRows * VectorBytes(GetParam(), kDimensions);
  ASSERT_TRUE(database_.Open().ok());
  ASSERT_TRUE(database_.Create("c", OptionsOf(GetParam(), Metric::kL2, kDimensions)).ok());
  const size_t before = StoredBytes(storage_);
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  // Ids, offsets and checksums are the rest.
  constexpr size_t kRowExtraBytes = 16;
  EXPECT_GT(StoredBytes(storage_) - before, vectors);
  EXPECT_LT(StoredBytes(storage_) - before, vectors + kRows * kRowExtraBytes);
  const CollectionStats stats = database_.engine().Stats(1).value();
  EXPECT_GE(stats.vector_bytes, vectors);
  EXPECT_LE(stats.vector_bytes, vectors + (size_t{256} << 10));
  EXPECT_GT(stats.live_bytes, vectors);
  EXPECT_LT(stats.live_bytes, vectors + kRows * kRowExtraBytes);
  ASSERT_TRUE(database_.Checkpoint(0xffffffffU, true).ok());
  EXPECT_GT(StoredBytes(storage_), vectors);
  EXPECT_LT(StoredBytes(storage_), vectors + kRows * kRowExtraBytes + 2000);
}

TEST_P(EachVectorType, ALargeUploadStaysInTheFrameThatBroughtIt) {
  constexpr uint32_t kDimensions = 4096;
  const auto rows = static_cast<uint32_t>((size_t{1} << 20) / VectorBytes(GetParam(), kDimensions));
  const VectorSet set = TypedSet(GetParam(), Metric::kL1, kDimensions, rows, 1);
  ASSERT_TRUE(database_.Open().ok());
  ASSERT_TRUE(database_.Create("c", OptionsOf(GetParam(), Metric::kL1, kDimensions)).ok());
  ASSERT_TRUE(database_.Upsert(1, RowsOf(set)).ok());
  const std::string frame = LastFrame(storage_);
  ASSERT_TRUE(database_.Checkpoint().ok());
  EXPECT_TRUE(storage_.objects.contains(frame));
  database_.Crash();
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_EQ(database_.ListAll(1), RowsOf(set));
}

TEST_P(EachVectorType, RowsOfAnotherTypeAreRefusedBeforeAnythingIsWritten) {
  ASSERT_TRUE(database_.Open().ok());
  ASSERT_TRUE(database_.Create("c", OptionsOf(GetParam(), Metric::kL2, 8)).ok());
  auto transaction = database_.engine().BeginTransaction();
  ASSERT_TRUE(transaction.ok());
  const std::vector<Row> rows = {{NumberId(1), std::vector<float>(8, 1), ""}};
  for (VectorType other : kTypes) {
    if (other == GetParam()) continue;
    const ByteVector batch = EncodeRows(rows, 8, other);
    const Status checked = database_.engine().CheckRowBatch(1, batch);
    EXPECT_EQ(checked.code(), Code::kInvalidArgument);
    EXPECT_EQ(checked.message(),
              "expected vectors of type " + std::string(NameOf(GetParam())) + ", found " + NameOf(other));
    EXPECT_EQ(database_.engine().TransactionUpsert(transaction.value(), 1, batch).code(),
              Code::kInvalidArgument);
    ASSERT_TRUE(database_.engine().BeginFrame().ok());
    EXPECT_EQ(database_.AddUpsertBytes(1, batch).code(), Code::kInvalidArgument);
    database_.engine().DiscardFrame();
  }
  // Bytes for another number of dimensions than the batch says.
  EXPECT_EQ(database_.engine().CheckRowBatch(1, EncodeRows(rows, 9, GetParam())).code(),
            Code::kInvalidArgument);
  const std::vector<Row> longer = {{NumberId(1), std::vector<float>(9, 1), ""}};
  EXPECT_EQ(database_.engine().CheckRowBatch(1, EncodeRows(longer, 9, GetParam())).code(),
            Code::kDimensionMismatch);
  EXPECT_EQ(database_.engine().Count(1).value(), 0U);
}

// A row that the type does not have: of halves one that is not finite, of bits one that stands for nothing.
ByteVector BadRow(VectorType type, uint32_t dimensions) {
  ByteVector row(VectorBytes(type, dimensions));
  row.back() = 0x7f;
  if (type == VectorType::kFloat16) row[row.size() - 2] = 1;
  if (type == VectorType::kFloat32) row[row.size() - 2] = 0x80;
  return row;
}

ByteVector ForgedFrame(const ByteVector& batch) {
  FrameWriter writer;
  EXPECT_TRUE(writer.Begin().ok());
  auto room = writer.Prepare(batch.size());
  EXPECT_TRUE(room.ok());
  std::copy(batch.begin(), batch.end(), room.value());
  (void)writer.Take(OperationKind::kUpsert, 1);
  auto sealed = writer.Seal(2, 1, 0);
  EXPECT_TRUE(sealed.ok());
  return {sealed.value().begin(), sealed.value().end()};
}

// Replaces the last row of the only vectors object, and every checksum on the way to it. Returns its name.
std::string ForgeLastRow(Storage& storage, const ByteVector& row) {
  const auto replace = [&](const ObjectName& name, Bytes bytes) {
    const ObjectReference reference = ObjectReference::To(name, bytes.span());
    storage.objects[std::string(name.text())] = ByteVector(bytes.begin(), bytes.end());
    return reference;
  };
  Head head = Head::Decode(*storage.head).value();
  const ObjectName manifest_name = head.manifest.name();
  const ByteVector& stored = storage.objects.at(std::string(manifest_name.text()));
  auto decoded = Manifest::Decode(stored, Origin::Stored("manifest"));
  Manifest& manifest = decoded.value();
  VectorsReference& vectors = manifest.collections[0].segments[0].vectors[0];
  const std::string name(vectors.name().text());
  Bytes object;
  EXPECT_TRUE(object.Append(storage.objects.at(name)).ok());
  auto body = DecodeObject(object.span(), ObjectKind::kVectors, Origin::Stored(name));
  EXPECT_TRUE(body.ok());
  object.Truncate(kObjectHeaderBytes + body.value().size());
  std::copy(row.begin(), row.end(), object.end() - row.size());
  EXPECT_TRUE(FinishObject(ObjectKind::kVectors, object).ok());
  vectors.object = replace(vectors.name(), std::move(object));
  Bytes encoded;
  EXPECT_TRUE(manifest.Encode(encoded).ok());
  head.manifest = replace(manifest_name, std::move(encoded));
  EXPECT_TRUE(head.Encode(encoded).ok());
  storage.head = ByteVector(encoded.begin(), encoded.end());
  return name;
}

INSTANTIATE_TEST_SUITE_P(Each, EachVectorType, testing::ValuesIn(kTypes),
                         [](const auto& info) { return std::string(NameOf(info.param)); });

class UncheckedNumbers : public EachVectorType {};

TEST_P(UncheckedNumbers, AreInvalidFromCallersAndCorruptInStorage) {
  constexpr uint32_t kDimensions = 5;
  ASSERT_TRUE(database_.Open().ok());
  ASSERT_TRUE(database_.Create("c", OptionsOf(GetParam(), Metric::kL2, kDimensions)).ok());
  std::vector<Row> rows = {{NumberId(1), std::vector<float>(5, 1), ""}, {NumberId(2), {1, 0, 1, 0, 1}, ""}};
  ByteVector batch = EncodeRows(rows, kDimensions, GetParam());
  const ByteVector bad = BadRow(GetParam(), kDimensions);
  std::copy(bad.begin(), bad.end(), batch.end() - static_cast<std::ptrdiff_t>(bad.size()));
  const Status refused = database_.engine().CheckRowBatch(1, batch);
  EXPECT_EQ(refused.code(), Code::kInvalidVector);
  EXPECT_TRUE(refused.message().starts_with("row 1: ")) << refused.message();
  ASSERT_TRUE(database_.engine().BeginFrame().ok());
  EXPECT_EQ(database_.AddUpsertBytes(1, batch).code(), Code::kInvalidVector);
  database_.engine().DiscardFrame();

  ASSERT_TRUE(database_.Upsert(1, rows).ok());
  // The same bytes, sealed by somebody who did not look.
  const std::string frame = LastFrame(storage_);
  Storage in_wal = storage_;
  in_wal.objects[frame] = ForgedFrame(batch);
  const Status replayed = Database(&in_wal).Open();
  EXPECT_EQ(replayed.code(), Code::kCorruption) << replayed.message();
  EXPECT_TRUE(replayed.message().starts_with(frame)) << replayed.message();

  ASSERT_TRUE(database_.Checkpoint().ok());
  const std::string forged = ForgeLastRow(storage_, bad);
  const Status loaded = database_.Open();
  EXPECT_EQ(loaded.code(), Code::kCorruption) << loaded.message();
  EXPECT_TRUE(loaded.message().starts_with(forged)) << loaded.message();
}

// Every byte is a number, so int8 has none that could be refused.
INSTANTIATE_TEST_SUITE_P(Each, UncheckedNumbers,
                         testing::Values(VectorType::kFloat32, VectorType::kFloat16, VectorType::kBinary),
                         [](const auto& info) { return std::string(NameOf(info.param)); });

}  // namespace
}  // namespace omendb::test
