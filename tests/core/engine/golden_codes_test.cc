// The stored codes and vector types of format version 1 (tests/golden/v1-codes/) open, now and in every later
// version, and are searched as they are.
#include "golden_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/coding.h"
#include "distance/metric.h"
#include "format/codes_object.h"
#include "format/head.h"
#include "format/nodes_object.h"
#include "golden_files.h"
#include "quantize/rabitq_quantizer.h"

namespace omendb::test {
namespace {

constexpr int kAllRows = kGoldenCodeRows + kGoldenLateRows;

Storage GoldenStorage() {
  std::vector<std::string> names;
  AddGoldenNames("d00000001-", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21},
                 names);
  AddGoldenNames("w00000001-", {9}, names);
  return ReadGolden("v1-codes", names);
}

void Ok(const Status& status) {
  ASSERT_TRUE(status.ok()) << CodeName(status.code()) << ": " << status.message();
}

double DistanceOf(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0;
  double dot = 0;
  double lengths[2] = {0, 0};
  for (size_t d = 0; d < a.size(); ++d) {
    const double x = a[d];
    const double y = b[d];
    squares += (x - y) * (x - y);
    dot += x * y;
    lengths[0] += x * x;
    lengths[1] += y * y;
  }
  if (metric == Metric::kL2) return std::sqrt(squares);
  return metric == Metric::kDot ? -dot : 1 - dot / std::sqrt(lengths[0] * lengths[1]);
}

// The nearest first, computed here.
std::vector<double> TrueDistances(const GoldenCodes& collection, const std::vector<float>& query) {
  std::vector<double> distances;
  for (int number = 0; number < kAllRows; ++number) {
    distances.push_back(DistanceOf(collection.options.metric, query, collection.vector(number)));
  }
  std::sort(distances.begin(), distances.end());
  return distances;
}

std::vector<std::vector<float>> QueriesOf(const GoldenCodes& collection) {
  std::vector<std::vector<float>> queries;
  for (int number = 20; number < kGoldenCodeRows; number += 50) {
    queries.push_back(collection.vector(number));
    // Nothing is as far from it as anything else.
    for (size_t d = 0; d < queries.back().size(); ++d) {
      queries.back()[d] += 0.01F * static_cast<float>(d % 7 + 1);
    }
  }
  return queries;
}

// Of ten hits for each query, how many are as near as the true ten.
size_t Found(Database& database, const GoldenCodes& collection, bool exact) {
  const CollectionId id = database.engine().FindCollection(collection.name);
  size_t found = 0;
  for (const std::vector<float>& query : QueriesOf(collection)) {
    const std::vector<double> truth = TrueDistances(collection, query);
    const double tolerance = 1e-5 * std::max(1.0, std::fabs(truth[9]));
    for (const Hit& hit : database.Search(id, query, 10, exact)) {
      const double distance = DistanceOf(collection.options.metric, query, hit.row.vector);
      EXPECT_NEAR(static_cast<double>(hit.distance), distance, tolerance);
      found += distance <= truth[9] + tolerance ? 1 : 0;
    }
  }
  return found;
}

// What a checkpoint keeps of a collection's codes.
struct StoredCodes {
  Owned<Quantizer> quantizer;
  Array<uint32_t> rows;        // by node
  std::vector<uint8_t> codes;  // by node
};

void DecodeStoredCodes(const Storage& storage, const CollectionManifest& manifest, StoredCodes* stored) {
  ASSERT_EQ(manifest.nodes.size(), 1U);
  ASSERT_EQ(manifest.codes.size(), 1U);
  const std::string nodes(manifest.nodes[0].name().text());
  TrainingState training;
  Array<uint32_t> checksums;
  Ok(DecodeNodes(SpanOf(storage.objects.at(nodes)), manifest.options, manifest.graph_nodes, manifest.rows(),
                 Origin::Stored(nodes), &training, &stored->quantizer, &stored->rows, &checksums));
  EXPECT_EQ(training.trained_rows, static_cast<uint32_t>(kGoldenCodeRows));
  const std::string name(manifest.codes[0].object.name().text());
  auto codes = DecodeCodes(SpanOf(storage.objects.at(name)), manifest.codes[0].rows, *stored->quantizer,
                           Origin::Stored(name));
  Ok(codes.status());
  ASSERT_EQ(manifest.codes[0].rows, stored->rows.size());
  stored->codes.assign(codes.value(), codes.value() + stored->rows.size() * stored->quantizer->row_bytes());
}

// Replaces an object and what refers to it, so that nothing shows that it is another.
void ReplaceCodes(Storage& storage, size_t collection, const std::vector<uint8_t>& codes) {
  Manifest manifest = DecodeManifest(storage);
  RowsReference& part = manifest.collections[collection].codes[0];
  Bytes object;
  Ok(BeginCodes(part.rows, codes.size() / part.rows, object));
  Ok(object.Append({codes.data(), codes.size()}));
  Ok(FinishObject(ObjectKind::kCodes, object));
  const ObjectName name = part.object.name();
  part.object = ObjectReference::To(name, object.span());
  storage.objects[std::string(name.text())] = {object.begin(), object.end()};
  auto head = Head::Decode(SpanOf(*storage.head));
  Ok(head.status());
  const ObjectName manifest_name = head.value().manifest.name();
  Ok(manifest.Encode(object));
  storage.objects[std::string(manifest_name.text())] = {object.begin(), object.end()};
  head.value().manifest = ObjectReference::To(manifest_name, object.span());
  Ok(head.value().Encode(object));
  storage.head = ByteVector(object.begin(), object.end());
}

class GoldenCodesV1 : public testing::TestWithParam<size_t> {
 protected:
  [[nodiscard]] const GoldenCodes& collection() const { return GoldenCodeCollections()[GetParam()]; }

  Storage storage_ = GoldenStorage();
};

TEST_P(GoldenCodesV1, HoldsEveryRow) {
  for (bool writer : {false, true}) {
    Database database(&storage_);
    Ok(database.Open(writer));
    EXPECT_EQ(database.engine().sequence(), kGoldenCodeCommits);
    const CollectionId id = database.engine().FindCollection(collection().name);
    EXPECT_TRUE(database.engine().CollectionOptionsOf(id).value() == collection().options);
    const std::vector<Row> rows = database.ListAll(id);
    ASSERT_EQ(rows.size(), static_cast<size_t>(kAllRows));
    for (int number = 0; number < kAllRows; ++number) {
      ASSERT_EQ(rows[static_cast<size_t>(number)], GoldenCodeRow(collection(), number));
    }
    EXPECT_EQ(database.engine().Stats(id).value().indexed_rows, static_cast<uint64_t>(kGoldenCodeRows));
  }
}

TEST_P(GoldenCodesV1, IsSearchedByItsCodes) {
  Database database(&storage_);
  Ok(database.Open());
  const size_t all = 10 * QueriesOf(collection()).size();
  EXPECT_EQ(Found(database, collection(), true), all);
  EXPECT_GE(Found(database, collection(), false) * 100, all * 95);
  // The late rows are encoded by the quantizer that is stored.
  Ok(database.Finish());
  EXPECT_EQ(database.engine().Stats(database.engine().FindCollection(collection().name)).value().indexed_rows,
            static_cast<uint64_t>(kAllRows));
  EXPECT_GE(Found(database, collection(), false) * 100, all * 95);
}

// Codes made anew would hide that the stored ones cannot be read.
TEST_P(GoldenCodesV1, AsksNothingButTheStoredCodes) {
  const Manifest manifest = DecodeManifest(storage_);
  StoredCodes stored;
  DecodeStoredCodes(storage_, manifest.collections[GetParam()], &stored);
  // Codes of zeros say the same of all rows: what is walked on them does not find its way.
  ReplaceCodes(storage_, GetParam(), std::vector<uint8_t>(stored.codes.size(), 0));
  Database blind(&storage_);
  Ok(blind.Open(false));
  const size_t all = 10 * QueriesOf(collection()).size();
  EXPECT_EQ(Found(blind, collection(), true), all) << "needs no codes";
  EXPECT_LT(Found(blind, collection(), false) * 100, all * 40);
}

TEST_P(GoldenCodesV1, StoresWhatItsQuantizerMakesOfItsRows) {
  const Manifest manifest = DecodeManifest(storage_);
  const CollectionManifest& entry = manifest.collections[GetParam()];
  ASSERT_EQ(entry.name_text(), collection().name);
  StoredCodes stored;
  DecodeStoredCodes(storage_, entry, &stored);
  const Quantizer& quantizer = *stored.quantizer;
  ASSERT_EQ(quantizer.kind(), collection().options.quantization);
  ASSERT_EQ(stored.rows.size(), static_cast<size_t>(kGoldenCodeRows));

  const size_t row_bytes = quantizer.row_bytes();
  const size_t terms = collection().options.metric == Metric::kDot ? 3 : 2;
  std::vector<float> room(quantizer.room_floats());
  alignas(4) uint8_t made[256];
  ASSERT_LE(row_bytes, sizeof(made));
  size_t other_bytes = 0;
  for (size_t node = 0; node < stored.rows.size(); ++node) {
    const std::vector<float> vector = collection().vector(static_cast<int>(stored.rows[node]));
    float inverse_norm = 1;
    Ok(CheckVector(collection().options.metric, vector.data(), collection().options.dimensions,
                   &inverse_norm));
    quantizer.Encode(vector.data(), inverse_norm, room.data(), made);
    const uint8_t* kept = stored.codes.data() + node * row_bytes;
    for (size_t term = 0; term < terms; ++term) {
      const float expected = LoadAt<float>(kept + 4 * term);
      EXPECT_NEAR(LoadAt<float>(made + 4 * term), expected, 1e-4F * std::max(1.0F, std::fabs(expected)));
    }
    for (size_t i = 4 * terms; i < row_bytes; ++i) other_bytes += made[i] != kept[i] ? 1 : 0;
  }
  // Sums are rounded as each processor adds them, and a number on the border of two codes may get the other
  // one.
  EXPECT_LE(other_bytes * 1000, stored.codes.size());
}

INSTANTIATE_TEST_SUITE_P(Collections, GoldenCodesV1, testing::Range(size_t{0}, size_t{4}),
                         [](const auto& index) { return GoldenCodeCollections()[index.param].name; });

TEST(GoldenCodes, HaveEveryKindOfCodesAndEveryVectorType) {
  const Manifest manifest = DecodeManifest(GoldenStorage());
  ASSERT_EQ(manifest.collections.size(), GoldenCodeCollections().size());
  uint32_t bits = 0;
  uint32_t types = 0;
  for (const CollectionManifest& each : manifest.collections) {
    bits |= 1U << RabitqBits(each.options.quantization);
    types |= 1U << static_cast<uint32_t>(each.options.vector_type);
  }
  EXPECT_EQ(bits, 1U << 1 | 1U << 2 | 1U << 4 | 1U << 7);
  EXPECT_EQ(types, 0xfU);
}

}  // namespace
}  // namespace omendb::test
