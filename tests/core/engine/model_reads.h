// Reads of an engine held against the version model: at the newest state, in a snapshot, in a transaction.
#ifndef OMENDB_TESTS_CORE_ENGINE_MODEL_READS_H_
#define OMENDB_TESTS_CORE_ENGINE_MODEL_READS_H_

#include <set>

#include "base/prng.h"
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
  explicit ModelDice(uint64_t seed) : random_(seed) {}

  uint32_t Below(uint32_t bound) { return random_.Below(bound); }
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
  Prng random_;
};

// How much of the exact hits the searches by a graph found, each search counting the same.
struct ModelRecall {
  uint64_t searches = 0;
  double sum = 0;

  void Add(double recall) {
    ++searches;
    sum += recall;
  }
  [[nodiscard]] double mean() const { return searches == 0 ? 1 : sum / static_cast<double>(searches); }
};

struct ModelRecalls {
  ModelRecall newest;  // all metrics but kDot
  // In snapshots, past states and transactions, of the same metrics: there a search also passes rows that
  // only other states have.
  ModelRecall views;
  // Of the newest state and of others. It is no metric: what has the largest product with a query need not be
  // near what has the next one, so a walk may end before it came to both.
  ModelRecall dot;
};

class ModelReads {
 public:
  // `storage`: where vectors are that are not in memory.
  ModelReads(const VersionModel& model, const Storage& storage, ModelDice& dice)
      : model_(model), storage_(storage), dice_(dice) {}

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

  [[nodiscard]] const ModelRecalls& recalls() const { return recalls_; }

 private:
  // An id that is there, mostly.
  std::string IdFor(const std::vector<VisibleRow>& rows, const CollectionOptions& options);

  const VersionModel& model_;
  const Storage& storage_;
  ModelDice& dice_;
  ModelRecalls recalls_;
};

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_MODEL_READS_H_
