// What an engine test needs around an engine: rows as bytes, answers as values, and a storage that is a
// map from names to bytes, with the host's part of the protocol (docs/architecture.md) in its plainest form.
#ifndef OMENDB_TESTS_CORE_ENGINE_TEST_DATABASE_H_
#define OMENDB_TESTS_CORE_ENGINE_TEST_DATABASE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "omendb/engine.h"

namespace omendb::test {

using ByteVector = std::vector<uint8_t>;

// An encoded id.
std::string StringId(const std::string& text);
std::string NumberId(int64_t value);
std::string BigintId(int64_t value);

struct Row {
  std::string id;  // encoded
  std::vector<float> vector;
  std::string metadata;
  friend bool operator==(const Row&, const Row&) = default;
  // For failures: the id, and of the rest how much there is.
  friend void PrintTo(const Row& row, std::ostream* out);
};

ByteVector EncodeIds(const std::vector<std::string>& ids);
// The nearest number that a vector of the type can hold.
float Nearest(VectorType type, float value);
// Numbers that the type can hold, as it holds them.
ByteVector EncodeVector(VectorType type, const std::vector<float>& vector);
// `dimensions` for the header; of each row's vector as much as there is.
ByteVector EncodeRows(const std::vector<Row>& rows, uint32_t dimensions,
                      VectorType type = VectorType::kFloat32);
std::vector<Row> DecodeRows(std::span<const uint8_t> batch);

struct Hit {
  float distance = 0;
  Row row;
};
// One list of hits per query.
std::vector<std::vector<Hit>> DecodeHits(std::span<const uint8_t> answer);
// One per asked id.
std::vector<std::optional<Row>> DecodeGot(std::span<const uint8_t> answer);

// Objects and a head, as a storage keeps them.
struct Storage {
  std::map<std::string, ByteVector> objects;
  std::optional<ByteVector> head;
};

// Brings what a call wants from storage into memory. How many ranges it read; 0 when something was wrong.
uint32_t BringWanted(Engine& engine, const Storage& storage);
// Makes a call, whose answer is a Status or a Result, until it wants no more vectors.
inline const Status& StatusOf(const Status& status) { return status; }
template <typename T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}
template <typename Call>
auto WithVectors(Engine& engine, const Storage& storage, const Call& call) {
  for (;;) {
    auto answer = call();
    if (StatusOf(answer).code() != kVectorsWanted || BringWanted(engine, storage) == 0) return answer;
  }
}

// An engine with its storage. Every call that the host would make fails the test when it must not fail.
class Database {
 public:
  explicit Database(Storage* storage) : storage_(storage) {}

  // Opens what the storage holds. On failure there is no engine.
  Status Open(bool writer = true);
  // As a kill would: nothing is stored any more.
  void Crash() { engine_.reset(); }
  [[nodiscard]] Engine& engine() { return *engine_; }
  [[nodiscard]] bool is_open() const { return engine_ != nullptr; }
  [[nodiscard]] Storage& storage() { return *storage_; }

  // Without it no state but the newest is kept, as a host without retention does.
  bool keeps_history = false;
  // What Open leaves in storage (Engine::LeaveVectors), and the budget it sets.
  uint64_t left_bytes_min = ~uint64_t{0};
  uint64_t memory_budget = 0;

  // One frame of one operation, made durable and applied.
  Status Create(const std::string& name, const CollectionOptions& options);
  Status Drop(CollectionId collection);
  Status Upsert(CollectionId collection, const std::vector<Row>& rows);
  // *deleted: how many had a row.
  Status Delete(CollectionId collection, const std::vector<std::string>& ids, uint32_t* deleted = nullptr);
  // Adds one operation to the open frame.
  Status AddUpsert(CollectionId collection, const std::vector<Row>& rows);
  Status AddUpsertBytes(CollectionId collection, const ByteVector& payload);
  Status AddDelete(CollectionId collection, const std::vector<std::string>& ids);
  // Seals, stores and applies the open frame.
  Status Commit();

  // `stop_after`: writes done before the process dies (objects, then the head, then each deletion).
  // Answers false when it died; the engine is then gone.
  Result<bool> Checkpoint(uint32_t stop_after = 0xffffffffU, bool whole = false);
  // What the stored checkpoint consists of, and the head that names it: a backup, when it was a whole one.
  Storage StoredCheckpoint();
  // The engine is now one that was loaded from a backup; nothing of it is stored before the next checkpoint.
  Status TakePlaceWith(const Storage& backup);
  // Background work until nothing is left.
  Status Finish();

  std::vector<Hit> Search(CollectionId collection, const std::vector<float>& query, uint32_t k,
                          bool exact = false, uint32_t include = kIncludeMetadata | kIncludeVectors);
  std::vector<std::optional<Row>> Get(CollectionId collection, const std::vector<std::string>& ids);
  std::vector<Row> ListAll(CollectionId collection, uint32_t page_rows = 100);

 private:
  Status LoadInto(Engine& engine);
  Status ReplayInto(Engine& engine);

  Storage* storage_;
  Engine::Pointer engine_;
};

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_TEST_DATABASE_H_
