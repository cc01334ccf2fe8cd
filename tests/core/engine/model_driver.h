// Random operations on an engine and on the version model at once, with crashes in between.
#ifndef OMENDB_TESTS_CORE_ENGINE_MODEL_DRIVER_H_
#define OMENDB_TESTS_CORE_ENGINE_MODEL_DRIVER_H_

#include "model_reads.h"

namespace omendb::test {

// How often things happened that a change of thresholds could quietly take out of the test.
struct ModelReached {
  uint64_t cleanings = 0;  // nodes went while others stayed
  uint64_t sweeps = 0;     // dead rows were freed
  uint64_t conflicts = 0;
  uint64_t transactions = 0;
  uint64_t restores = 0;
  uint64_t past_states = 0;
  uint64_t not_retained = 0;
  uint64_t uploads = 0;
  uint64_t kept_frames = 0;  // durable, and not applied when the process died
  uint64_t built_ahead = 0;  // frames begun while another was on its way
  uint64_t died_in_checkpoint = 0;
  uint64_t commits_in_checkpoint = 0;
  uint64_t took_place = 0;
  uint64_t evictions = 0;  // vectors left memory, as seen when the budget changed
  uint32_t indexed_rows_max = 0;
};

class ModelDriver {
 public:
  explicit ModelDriver(uint64_t seed);

  void Step();
  void CheckAll();
  [[nodiscard]] const ModelReached& reached() const { return reached_; }
  [[nodiscard]] const ModelReads& reads() const { return reads_; }

 private:
  using Writes = std::vector<ModelWrite>;
  // Where a place in a listing is kept while other things happen.
  struct SavedCursor {
    CollectionId collection = 0;
    uint64_t cursor = 0;
    uint64_t order = 0;  // of the row it stands before
  };
  struct Backup {
    Storage storage;
    VersionModel model;
  };

  [[nodiscard]] Engine& engine() { return database_.engine(); }
  // A collection of the newest state.
  CollectionId AnyCollection();
  uint64_t NextTime();
  static void Ok(const Status& status) {
    ASSERT_TRUE(status.ok()) << CodeName(status.code()) << ": " << status.message();
  }

  // ---- model_writes.cc ---------------------------------------------------------------------------------
  ModelWrite AnyUpsert(CollectionId id);
  ModelWrite AnyDelete(CollectionId id, uint32_t count);
  CollectionOptions AnyOptions();
  // A frame of these; Finish commits it, or the process dies before or after it is durable.
  void CommitWrites(Writes writes);
  void FinishFrame(const Writes& writes, uint64_t time_ms);
  void AddWrite(ModelWrite& write);
  ByteVector Encoded(const ModelWrite& upsert) const;
  void MaybeToken(ModelWrite& write);
  void Upsert();
  void Upload();
  void Delete();
  void DeleteMany();
  void Several();
  // The next frame is built while one is on its way to storage.
  void TwoFrames();
  Writes AnyWrites();
  // As storage took the sealed frame `object`, which is the oldest.
  void Stored(const Writes& writes, uint64_t time_ms, const std::string& name, ByteVector object);
  void Meanwhile();
  void CreateOrDrop();
  void Discard();
  void Refused();
  void Restore();
  void Begin();
  void TransactionWrite();
  void CommitTransaction();
  void Rollback();
  ModelState* AnyTransaction();

  // ---- model_driver.cc ---------------------------------------------------------------------------------
  const ModelState& AnyState();
  void Read();
  void Page();
  void OpenView();
  void OpenViewAt();
  void CloseView();
  void CloseState(size_t index);
  void CheckTimes();
  void Forget();
  void Work();
  void ChangeBudget();
  Status DoWork(uint32_t steps);
  void Checkpoint();
  void CheckpointDies();
  void CheckpointWithCommits();
  void Reopen();
  void Reader();
  void MakeBackup();
  void TakePlace();
  void Prune();

  ModelDice dice_;
  Storage storage_;
  Database database_;
  VersionModel model_;
  ModelReads reads_;
  std::vector<ModelState> states_;  // views that are open
  std::vector<SavedCursor> cursors_;
  std::optional<Backup> backup_;
  uint64_t time_ms_ = 1000;
  uint64_t next_request_ = 0;
  uint32_t next_name_ = 0;
  uint32_t nested_ = 0;  // in a checkpoint
  ModelReached reached_;
};

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_MODEL_DRIVER_H_
