#include "crash_simulation.h"

#include <algorithm>
#include <cstring>

namespace omendb::test {
namespace {

void Ok(const Status& status) {
  ASSERT_TRUE(status.ok()) << CodeName(status.code()) << ": " << status.message();
}

std::vector<Row> RowsOf(Engine& engine, CollectionId id, ViewId view) {
  std::vector<Row> rows;
  uint64_t cursor = 0;
  do {
    auto page = engine.List(id, cursor, 1000, kIncludeMetadata | kIncludeVectors, view);
    EXPECT_TRUE(page.ok()) << page.status().message();
    if (!page.ok()) return rows;
    std::memcpy(&cursor, page.value().data(), sizeof(cursor));
    for (Row& row : DecodeRows(page.value().subspan(16))) rows.push_back(std::move(row));
  } while (cursor != 0);
  return rows;
}

// A page of the cache that never reached the disk, or half of what was written.
std::vector<ByteVector> TornForms(const ByteVector& bytes) {
  const auto half = static_cast<ptrdiff_t>(bytes.size() / 2);
  ByteVector zeros = bytes;
  std::fill(zeros.begin() + half, zeros.end(), uint8_t{0});
  return {ByteVector(), ByteVector(bytes.begin(), bytes.begin() + half), zeros};
}

}  // namespace

Contents ContentsOf(Engine& engine, ViewId view) {
  Contents contents;
  if (view == 0) {
    for (uint32_t i = 0; i < engine.CollectionCount(); ++i) {
      const CollectionId id = engine.CollectionAt(i);
      contents[std::string(engine.CollectionName(id).value())] = RowsOf(engine, id, 0);
    }
    return contents;
  }
  auto found = engine.CollectionsIn(view);
  EXPECT_TRUE(found.ok());
  const std::vector<CollectionId> ids(found.value().begin(), found.value().end());
  for (CollectionId id : ids) {
    contents[std::string(engine.CollectionName(id, view).value())] = RowsOf(engine, id, view);
  }
  return contents;
}

// ---- Recording ----------------------------------------------------------------------------------------

Recording::Recording() : database_(&storage_) {
  database_.keeps_history = true;
  Ok(database_.Open());
  truth_[0] = Contents();
  Operation head{.kind = Kind::kHead, .name = "", .bytes = *storage_.head};
  operations_.push_back(std::move(head));
}

void Recording::Record(Operation operation) {
  Do(operation, storage_);
  operations_.push_back(std::move(operation));
}

void Recording::Remember() { truth_[engine().sequence()] = ContentsOf(engine(), 0); }

void Recording::Commit(const std::function<Status(Database&)>& fill) {
  Ok(engine().BeginFrame(time_ms_ += 10));
  Ok(fill(database_));
  const uint64_t before = engine().sequence();
  Ok(engine().FrameToken({.client = 7, .request = before + 1}));
  auto object = engine().SealFrame();
  Ok(object.status());
  if (testing::Test::HasFailure()) return;
  Operation put{.kind = Kind::kPut, .name = std::string(engine().FrameName())};
  put.bytes = ByteVector(object.value().begin(), object.value().end());
  put.acknowledged = before;
  put.if_done = before + 1;
  Record(std::move(put));
  engine().ApplyFrame();
  rows_[before + 1] = engine().FindToken({.client = 7, .request = before + 1}).value();
  Remember();
}

void Recording::Create(const std::string& name, const CollectionOptions& options) {
  Commit([&](Database& database) { return database.engine().FrameCreate(name, options); });
}

void Recording::Upsert(const std::string& name, const std::vector<Row>& rows) {
  Commit([&](Database& database) { return database.AddUpsert(Find(name), rows); });
}

void Recording::Delete(const std::string& name, const std::vector<std::string>& ids) {
  Commit([&](Database& database) { return database.AddDelete(Find(name), ids); });
}

void Recording::Forget() { engine().ForgetBefore(time_ms_); }

void Recording::Work(uint32_t steps) { Ok(engine().Work(steps).status()); }

void Recording::Checkpoint(bool whole, const std::function<void()>& meanwhile) {
  Ok(engine().BeginCheckpoint(whole));
  bool first = true;
  for (;;) {
    auto next = engine().NextCheckpointObject();
    Ok(next.status());
    if (!next.value()) break;
    const std::span<const uint8_t> object = engine().CheckpointObject();
    Operation put{.kind = Kind::kPut, .name = std::string(engine().CheckpointObjectName())};
    put.bytes = ByteVector(object.begin(), object.end());
    put.relaxed = true;
    put.acknowledged = put.if_done = engine().sequence();
    Record(std::move(put));
    if (first) meanwhile();
    first = false;
  }
  const uint64_t stored = operations_.empty() ? 0 : operations_.back().acknowledged;
  Operation sync{.kind = Kind::kSync, .name = ""};
  sync.acknowledged = sync.if_done = stored;
  Record(sync);
  auto bytes = engine().EncodeHead();
  Ok(bytes.status());
  Operation head{.kind = Kind::kHead, .name = ""};
  head.bytes = ByteVector(bytes.value().begin(), bytes.value().end());
  head.acknowledged = stored;
  head.if_done = engine().sequence();
  Record(std::move(head));
  engine().FinishCheckpoint();
  std::vector<std::string> orphans;
  for (const auto& [name, object] : storage_.objects) {
    if (!engine().IsReferenced(name)) orphans.push_back(name);
  }
  for (const std::string& name : orphans) {
    Operation gone{.kind = Kind::kDelete, .name = name};
    gone.acknowledged = gone.if_done = engine().sequence();
    Record(std::move(gone));
  }
}

void Recording::AbortedCheckpoint() {
  Ok(engine().BeginCheckpoint());
  auto next = engine().NextCheckpointObject();
  Ok(next.status());
  const std::span<const uint8_t> object = engine().CheckpointObject();
  Operation put{.kind = Kind::kPut, .name = std::string(engine().CheckpointObjectName())};
  put.bytes = ByteVector(object.begin(), object.end());
  put.relaxed = true;
  put.acknowledged = put.if_done = engine().sequence();
  Record(std::move(put));
  engine().AbortCheckpoint();
}

void Recording::TakePlaceWith(const Storage& backup) {
  const uint64_t before = engine().sequence();
  const size_t first = operations_.size();
  Ok(database_.TakePlaceWith(backup));
  Remember();
  Checkpoint();
  // Until its head is stored the database is the one that it was.
  for (size_t i = first; i < operations_.size() && operations_[i].kind != Kind::kDelete; ++i) {
    operations_[i].acknowledged = before;
    if (operations_[i].kind != Kind::kHead) operations_[i].if_done = before;
  }
}

// ---- Crashes ------------------------------------------------------------------------------------------

void Recording::Do(const Operation& operation, Storage& storage) {
  if (operation.kind == Kind::kPut) storage.objects[operation.name] = operation.bytes;
  if (operation.kind == Kind::kHead) storage.head = operation.bytes;
  if (operation.kind == Kind::kDelete) storage.objects.erase(operation.name);
}

Storage Recording::After(size_t count, const std::vector<size_t>& skipped) const {
  Storage storage;
  for (size_t i = 0; i < count; ++i) {
    if (std::find(skipped.begin(), skipped.end(), i) == skipped.end()) Do(operations_[i], storage);
  }
  return storage;
}

void Recording::CheckState(Engine& engine, uint64_t least, uint64_t most) const {
  const uint64_t sequence = engine.sequence();
  ASSERT_TRUE(sequence == least || sequence == most)
      << sequence << " is neither " << least << " nor " << most;
  ASSERT_EQ(ContentsOf(engine, 0), truth_.at(sequence));
  for (uint64_t past = engine.OldestSequence(); past <= sequence; ++past) {
    auto view = engine.OpenViewAt(past);
    ASSERT_TRUE(view.ok()) << view.status().message();
    ASSERT_EQ(ContentsOf(engine, view.value()), truth_.at(past)) << "the state of sequence " << past;
    engine.CloseView(view.value());
  }
  for (const auto& [request, rows] : rows_) {
    auto found = engine.FindToken({.client = 7, .request = request});
    if (request > sequence) ASSERT_EQ(found.status().code(), Code::kNotFound);
    if (found.ok()) ASSERT_EQ(found.value(), rows) << "token " << request;
    // A database that took the place of another one knows nothing of that one's requests.
    if (request <= sequence && request > engine.OldestSequence())
      ASSERT_TRUE(found.ok()) << "token " << request;
  }
}

void Recording::Recover(const Storage& crashed, uint64_t least, uint64_t most,
                        const std::string& what) const {
  SCOPED_TRACE(what);
  Storage storage = crashed;
  Database database(&storage);
  database.keeps_history = true;
  Ok(database.Open());
  if (testing::Test::HasFailure()) return;
  CheckState(database.engine(), least, most);
  if (testing::Test::HasFailure()) return;
  const uint64_t found = database.engine().sequence();
  database.Crash();
  // Again, with the first opening killed after it stored its head, and after some of its deletions.
  std::vector<std::string> orphans;
  for (const auto& [name, bytes] : crashed.objects) {
    if (!storage.objects.contains(name)) orphans.push_back(name);
  }
  Storage again = crashed;
  again.head = storage.head;
  for (size_t i = 0; i < orphans.size(); i += 2) again.objects.erase(orphans[i]);
  Database second(&again);
  second.keeps_history = true;
  Ok(second.Open());
  if (testing::Test::HasFailure()) return;
  CheckState(second.engine(), found, found);
  // It goes on: names are new, and what is written now survives too.
  CollectionOptions options;
  options.dimensions = 1;
  Ok(second.Create("after", options));
  Ok(second.Upsert(second.engine().FindCollection("after"), {{StringId("x"), {1}, "{}"}}));
  Ok(second.Checkpoint().status());
  if (testing::Test::HasFailure()) return;
  second.Crash();
  Ok(second.Open());
  if (testing::Test::HasFailure()) return;
  Contents expected = truth_.at(found);
  expected["after"] = {{StringId("x"), {1}, "{}"}};
  ASSERT_EQ(ContentsOf(second.engine(), 0), expected);
}

void Recording::CheckCrash(size_t at, const std::vector<size_t>& unsynced) const {
  const bool ended = at == operations_.size();
  const Operation& last = operations_[ended ? at - 1 : at];
  const uint64_t acknowledged = ended ? last.if_done : last.acknowledged;
  const uint64_t most = ended ? acknowledged : last.if_done;
  const auto check = [&](const Storage& storage, const std::string& what) {
    if (!testing::Test::HasFailure()) Recover(storage, acknowledged, most, what);
  };
  const std::string where = "operation " + std::to_string(at) + " of " + std::to_string(operations_.size());
  check(After(at), where + " lost");
  // What is not synced yet is lost or torn by itself, the others stay: any order of reaching the disk.
  check(After(at, unsynced), where + " and all unsynced ones lost");
  for (size_t one : unsynced) {
    check(After(at, {one}), where + ", and unsynced " + std::to_string(one) + " lost");
    std::vector<size_t> others;
    for (size_t other : unsynced) {
      if (other != one) others.push_back(other);
    }
    check(After(at, others), where + ", and of the unsynced ones only " + std::to_string(one) + " there");
    for (const ByteVector& torn : TornForms(operations_[one].bytes)) {
      Storage storage = After(at);
      storage.objects[operations_[one].name] = torn;
      check(storage, where + ", and unsynced " + std::to_string(one) + " torn");
    }
  }
  // A put that was deleted since turns up again.
  const Storage now = After(at);
  for (size_t i = 0; i < at; ++i) {
    if (operations_[i].kind != Kind::kPut || now.objects.contains(operations_[i].name)) continue;
    Storage storage = now;
    Do(operations_[i], storage);
    check(storage, where + ", and put " + std::to_string(i) + " arrived twice");
  }
}

void Recording::CheckEveryCrash() const {
  std::vector<size_t> unsynced;
  for (size_t at = 1; at <= operations_.size() && !testing::Test::HasFailure(); ++at) {
    CheckCrash(at, unsynced);
    if (at == operations_.size()) return;
    if (operations_[at].kind == Kind::kSync) unsynced.clear();
    if (operations_[at].relaxed) unsynced.push_back(at);
  }
}

}  // namespace omendb::test
