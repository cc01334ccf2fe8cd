// Reads of an engine held against the version model: at the newest state, in a snapshot, in a transaction.
#ifndef OMENDB_TESTS_CORE_ENGINE_MODEL_READS_H_
#define OMENDB_TESTS_CORE_ENGINE_MODEL_READS_H_

#include <random>
#include <set>

#include "version_model.h"

namespace omendb::test {

// What a transaction wrote to one collection.
struct ModelOverlay {
  std::set<std::string> hidden;  // ids of rows below it that it replaced or deleted
  std::vector<Row> rows;         // in order of writing
};

// A state that reads are done on. View 0 is the newest one.
struct ModelState {
  ViewId view = 0;
  uint64_t sequence = 0;
  bool is_transaction = false;
  std::map<CollectionId, ModelOverlay> overlays = {};
  std::vector<ModelWrite> writes = {};
};

struct VisibleRow {
  const Row* row = nullptr;
  uint64_t order = 0;
};

// The rows of a state in order of insertion; a transaction's own come last.
std::vector<VisibleRow> VisibleRows(const VersionModel& model, const ModelState& state, CollectionId id);

// Where ids, vectors and rows come from.
class ModelDice {
 public:
  explicit ModelDice(uint64_t seed) : random_(static_cast<std::mt19937::result_type>(seed)) {}

  uint32_t Below(uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random_); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  template <typename Container>
  auto& Any(Container& container) {
    return *std::next(container.begin(),
                      static_cast<ptrdiff_t>(Below(static_cast<uint32_t>(container.size()))));
  }
  std::string AnyId(const CollectionOptions& options);
  std::vector<std::string> AnyIds(const CollectionOptions& options, uint32_t count);
  std::vector<float> AnyVector(const CollectionOptions& options);
  // Different ids; now and then equal vectors.
  std::vector<Row> AnyRows(const CollectionOptions& options, uint32_t count);

 private:
  std::mt19937 random_;
};

class ModelReads {
 public:
  ModelReads(const VersionModel& model, ModelDice& dice) : model_(model), dice_(dice) {}

  void Search(Engine& engine, const ModelState& state, CollectionId id);
  void Get(Engine& engine, const ModelState& state, CollectionId id);
  void List(Engine& engine, const ModelState& state, CollectionId id);
  // From a cursor on; `expected`: the rows that follow it.
  void ListFrom(Engine& engine, const ModelState& state, CollectionId id, uint64_t cursor,
                const std::vector<VisibleRow>& expected);
  // From just after a row, found by its id.
  void ListAfter(Engine& engine, const ModelState& state, CollectionId id);
  void Count(Engine& engine, const ModelState& state, CollectionId id);
  // One of these, of some collection, or of one that the state does not have.
  void Any(Engine& engine, const ModelState& state);
  // All rows of all collections, and a search in each.
  void All(Engine& engine, const ModelState& state);
  // The newest state, and what the engine says of itself.
  void Everything(Engine& engine);

  // Part of the exact hits that searches which need not be exact found.
  [[nodiscard]] double recall() const {
    return asked_ == 0 ? 1 : static_cast<double>(found_) / static_cast<double>(asked_);
  }
  [[nodiscard]] uint64_t graph_searches() const { return graph_searches_; }

 private:
  // An id that is there, mostly.
  std::string IdFor(const std::vector<VisibleRow>& rows, const CollectionOptions& options);

  const VersionModel& model_;
  ModelDice& dice_;
  uint64_t found_ = 0;
  uint64_t asked_ = 0;
  uint64_t graph_searches_ = 0;
};

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_MODEL_READS_H_
