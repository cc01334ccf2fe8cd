// A database in its plainest form, which keeps every version of every row: what the engine is held to.
//
// A version is seen by the states [born, died). Nothing here knows of slots, segments or views.
#ifndef OMENDB_TESTS_CORE_ENGINE_VERSION_MODEL_H_
#define OMENDB_TESTS_CORE_ENGINE_VERSION_MODEL_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "test_database.h"

namespace omendb::test {

inline constexpr uint64_t kNever = UINT64_MAX;

// The public distance, in double.
double ModelDistance(Metric metric, const std::vector<float>& a, const std::vector<float>& b);

struct Version {
  Row row;
  uint64_t order = 0;  // of insertion, over the whole database
  uint64_t born = 0;
  uint64_t died = kNever;
};

struct ModelCollection {
  CollectionId id = 0;
  std::string name;
  CollectionOptions options;
  uint64_t created = 0;
  uint64_t dropped = kNever;
  std::map<uint64_t, Version> versions;  // by order
  std::unordered_map<std::string, uint64_t> live;

  [[nodiscard]] bool ExistsAt(uint64_t sequence) const { return created <= sequence && sequence < dropped; }
  // In order of insertion.
  [[nodiscard]] std::vector<const Version*> RowsAt(uint64_t sequence) const;
  // True when a commit after `sequence` wrote, replaced or deleted it.
  [[nodiscard]] bool TouchedSince(const std::string& id, uint64_t sequence) const;
};

// One operation of a frame.
struct ModelWrite {
  enum class Kind : uint8_t { kUpsert, kDelete, kCreate, kDrop };
  Kind kind = Kind::kUpsert;
  CollectionId collection = 0;
  std::vector<Row> rows = {};         // of an upsert, or the first ones of a created collection
  std::vector<std::string> ids = {};  // of a delete
  std::string name = {};              // of a create
  CollectionOptions options = {};     // of a create, and of the first rows of what it created
  std::optional<Token> token = {};
};

class VersionModel {
 public:
  [[nodiscard]] uint64_t sequence() const { return sequence_; }
  [[nodiscard]] uint64_t oldest() const { return oldest_; }
  [[nodiscard]] CollectionId next_id() const { return next_id_; }
  // Dropped ones too.
  [[nodiscard]] const std::map<CollectionId, ModelCollection>& collections() const { return collections_; }
  [[nodiscard]] const ModelCollection& at(CollectionId id) const { return collections_.at(id); }
  [[nodiscard]] std::vector<CollectionId> CollectionsAt(uint64_t sequence) const;
  // 0: none.
  [[nodiscard]] CollectionId FindAt(const std::string& name, uint64_t sequence) const;

  // One commit. `id_of` tells which id a created collection got. Returns what AppliedCount should.
  std::vector<uint32_t> Commit(const std::vector<ModelWrite>& writes, uint64_t time_ms,
                               const std::function<CollectionId(const std::string&)>& id_of);
  // What a commit has to do to make the newest state the one of `sequence`.
  [[nodiscard]] std::vector<ModelWrite> Restoring(uint64_t sequence) const;

  void ForgetBefore(uint64_t time_ms);
  // Nothing when it is no longer kept.
  [[nodiscard]] std::optional<uint64_t> SequenceAt(uint64_t time_ms) const;
  [[nodiscard]] std::optional<uint32_t> FindToken(const Token& token) const;
  [[nodiscard]] const std::deque<std::pair<Token, uint32_t>>& tokens() const { return tokens_; }

  // A checkpoint that began when the oldest state was `oldest` is stored; what was forgotten before it began
  // stays so over a crash.
  void Stored(uint64_t oldest) { stored_oldest_ = oldest; }
  // After a crash what was forgotten since the stored checkpoint is there again.
  void Crashed() { oldest_ = stored_oldest_; }
  // Drops versions that neither a state from `needed` on nor a crash can bring back.
  void Prune(uint64_t needed);
  // It takes the place of a database that has come to `sequence`.
  void TakePlaceOf(uint64_t sequence);

 private:
  struct CommitTime {
    uint64_t sequence = 0;
    uint64_t time_ms = 0;
  };

  uint32_t Apply(const ModelWrite& write, CollectionId created);
  void Kill(ModelCollection& collection, const std::string& id);

  uint64_t sequence_ = 0;
  uint64_t oldest_ = 0;
  uint64_t stored_oldest_ = 0;
  uint64_t next_order_ = 0;
  CollectionId next_id_ = 1;
  std::map<CollectionId, ModelCollection> collections_;
  std::vector<CommitTime> commits_;
  std::deque<std::pair<Token, uint32_t>> tokens_;  // the last kTokensMax
};

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_VERSION_MODEL_H_
