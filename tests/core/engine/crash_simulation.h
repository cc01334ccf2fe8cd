// Crashes, enumerated: a scenario runs once on a storage that records every operation; then the storage is
// rebuilt as a crash at each instant can have left it, and opened.
//
// What the storage contract allows: an operation that was answered is there, one under way is there or not.
// Objects of a checkpoint are put relaxed, so until the sync that comes before the head any of them may be
// lost or torn, whatever became of the others. An object that was put may turn up again after it was deleted.
#ifndef OMENDB_TESTS_CORE_ENGINE_CRASH_SIMULATION_H_
#define OMENDB_TESTS_CORE_ENGINE_CRASH_SIMULATION_H_

#include <functional>

#include "test_database.h"

namespace omendb::test {

// One state: rows of every collection, by name.
using Contents = std::map<std::string, std::vector<Row>>;
// View 0: the newest state.
Contents ContentsOf(Engine& engine, ViewId view);

// Runs a scenario and records it.
class Recording {
 public:
  Recording();

  [[nodiscard]] Engine& engine() { return database_.engine(); }
  [[nodiscard]] CollectionId Find(const std::string& name) { return engine().FindCollection(name); }

  // Commits one frame that `fill` fills, with a token that is remembered.
  void Commit(const std::function<Status(Database&)>& fill);
  void Create(const std::string& name, const CollectionOptions& options);
  void Upsert(const std::string& name, const std::vector<Row>& rows);
  void Delete(const std::string& name, const std::vector<std::string>& ids);
  // Everything older than the newest commit.
  void Forget();
  void Work(uint32_t steps);
  // `meanwhile`: commits after the first object was put.
  void Checkpoint(bool whole = false, const std::function<void()>& meanwhile = [] {});
  void AbortedCheckpoint();
  [[nodiscard]] Storage Backup() { return database_.StoredCheckpoint(); }
  // With the checkpoint that follows.
  void TakePlaceWith(const Storage& backup);

  // Opens what every crash leaves.
  void CheckEveryCrash() const;
  [[nodiscard]] size_t operations() const { return operations_.size(); }

 private:
  enum class Kind : uint8_t { kPut, kHead, kDelete, kSync };
  struct Operation {
    Kind kind = Kind::kPut;
    std::string name = {};
    ByteVector bytes = {};
    bool relaxed = false;
    uint64_t acknowledged = 0;  // sequence before it was begun
    uint64_t if_done = 0;       // sequence when it is there
  };

  void Record(Operation operation);
  void Remember();
  static void Do(const Operation& operation, Storage& storage);
  // The storage after the first `count` operations; `skipped` never happened.
  [[nodiscard]] Storage After(size_t count, const std::vector<size_t>& skipped = {}) const;
  void CheckCrash(size_t at, const std::vector<size_t>& unsynced) const;
  // Opens it, also with a crash while it is being opened, and goes on.
  void Recover(const Storage& crashed, uint64_t least, uint64_t most, const std::string& what) const;
  void CheckState(Engine& engine, uint64_t least, uint64_t most) const;

  Storage storage_;
  Database database_;
  std::vector<Operation> operations_;
  std::map<uint64_t, Contents> truth_;  // by sequence
  std::map<uint64_t, uint32_t> rows_;   // that the commit changed, by sequence, which is its token too
  uint64_t time_ms_ = 1000;
};

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_CRASH_SIMULATION_H_
