#include "model_driver.h"

#include <algorithm>
#include <cstring>

namespace omendb::test {

ModelDriver::ModelDriver(uint64_t seed) : dice_(seed), database_(&storage_), reads_(model_, storage_, dice_) {
  database_.keeps_history = true;
  Ok(database_.Open());
  for (uint32_t i = 0; i < 3; ++i) {
    ModelWrite create{.kind = ModelWrite::Kind::kCreate, .name = "c" + std::to_string(next_name_)};
    create.options = AnyOptions();
    ++next_name_;
    CommitWrites({create});
  }
}

void ModelDriver::Step() {
  struct Choice {
    uint32_t weight;
    void (ModelDriver::*step)();
  };
  static constexpr Choice kChoices[] = {
      {230, &ModelDriver::Upsert},
      {4, &ModelDriver::Upload},
      {60, &ModelDriver::Delete},
      {8, &ModelDriver::DeleteMany},
      {30, &ModelDriver::Several},
      {30, &ModelDriver::TwoFrames},
      {2, &ModelDriver::CreateOrDrop},
      {15, &ModelDriver::Discard},
      {15, &ModelDriver::Refused},
      {4, &ModelDriver::Restore},
      {15, &ModelDriver::Begin},
      {60, &ModelDriver::TransactionWrite},
      {20, &ModelDriver::CommitTransaction},
      {6, &ModelDriver::Rollback},
      {230, &ModelDriver::Read},
      {30, &ModelDriver::Page},
      {20, &ModelDriver::OpenView},
      {25, &ModelDriver::OpenViewAt},
      {45, &ModelDriver::CloseView},
      {10, &ModelDriver::CheckTimes},
      {20, &ModelDriver::Forget},
      {170, &ModelDriver::Work},
      {12, &ModelDriver::ChangeBudget},
      {10, &ModelDriver::Checkpoint},
      {6, &ModelDriver::CheckpointDies},
      {5, &ModelDriver::CheckpointWithCommits},
      {6, &ModelDriver::Reopen},
      {3, &ModelDriver::Reader},
      {2, &ModelDriver::MakeBackup},
      {1, &ModelDriver::TakePlace},
  };
  uint32_t total = 0;
  for (const Choice& choice : kChoices) total += choice.weight;
  uint32_t dice = dice_.Below(total);
  for (const Choice& choice : kChoices) {
    if (dice < choice.weight) {
      (this->*choice.step)();
      break;
    }
    dice -= choice.weight;
  }
  if (dice_.OneIn(50)) Prune();
}

void ModelDriver::CheckAll() {
  reads_.Everything(engine());
  for (const ModelState& state : states_) reads_.All(engine(), state);
}

CollectionId ModelDriver::AnyCollection() {
  const std::vector<CollectionId> ids = model_.CollectionsAt(model_.sequence());
  return dice_.Any(ids);
}

// Mostly on, now and then back, and several commits at one time.
uint64_t ModelDriver::NextTime() {
  if (dice_.OneIn(20)) return time_ms_ - dice_.Below(500);
  return time_ms_ += dice_.Below(20);
}

void ModelDriver::Prune() {
  uint64_t needed = kNever;
  for (const ModelState& state : states_) needed = std::min(needed, state.sequence);
  model_.Prune(needed);
}

// ---- Reads and views ----------------------------------------------------------------------------------

const ModelState& ModelDriver::AnyState() {
  static const ModelState kNewest;
  return states_.empty() || dice_.OneIn(2) ? kNewest : dice_.Any(states_);
}

void ModelDriver::Read() { reads_.Any(engine(), AnyState()); }

// A page now, the next one later: cursors outlast everything that happens in between.
void ModelDriver::Page() {
  if (cursors_.size() < 5 || dice_.OneIn(2)) {
    const CollectionId id = AnyCollection();
    const std::vector<VisibleRow> rows = VisibleRows(model_, ModelState(), id);
    const uint32_t limit = 1 + dice_.Below(500);
    auto answer = engine().List(id, 0, limit, 0);
    Ok(answer.status());
    SavedCursor saved{.collection = id};
    std::memcpy(&saved.cursor, answer.value().data(), sizeof(saved.cursor));
    ASSERT_EQ(saved.cursor != 0, rows.size() > limit);
    if (saved.cursor == 0) return;
    saved.order = rows[limit].order;
    cursors_.push_back(saved);
    return;
  }
  const SavedCursor saved = dice_.Any(cursors_);
  std::erase_if(cursors_, [&](const SavedCursor& other) { return other.order == saved.order; });
  if (!model_.collections().contains(saved.collection)) return;
  if (!model_.at(saved.collection).ExistsAt(model_.sequence())) return;
  std::vector<VisibleRow> rows = VisibleRows(model_, ModelState(), saved.collection);
  std::erase_if(rows, [&](const VisibleRow& row) { return row.order < saved.order; });
  reads_.ListFrom(engine(), ModelState(), saved.collection, saved.cursor, rows);
}

void ModelDriver::OpenView() {
  if (states_.size() >= 8) return CloseView();
  auto view = engine().OpenView();
  Ok(view.status());
  ASSERT_EQ(engine().ViewSequence(view.value()).value(), model_.sequence());
  states_.push_back({.view = view.value(), .sequence = model_.sequence()});
}

void ModelDriver::OpenViewAt() {
  const uint64_t span = model_.sequence() - model_.oldest();
  // Near the oldest one that is kept, now and then beyond it, else anywhere.
  uint64_t sequence = model_.oldest() + dice_.Below(static_cast<uint32_t>(span) + 2);
  if (dice_.OneIn(4)) sequence = model_.oldest() + dice_.Below(3);
  if (dice_.OneIn(8) && model_.oldest() > 3) sequence = model_.oldest() - 1 - dice_.Below(3);
  auto view = engine().OpenViewAt(sequence);
  if (sequence < model_.oldest()) {
    ++reached_.not_retained;
    ASSERT_EQ(view.status().code(), Code::kNotRetained);
    return;
  }
  if (sequence > model_.sequence()) {
    ASSERT_EQ(view.status().code(), Code::kInvalidArgument);
    return;
  }
  Ok(view.status());
  ++reached_.past_states;
  const ModelState state{.view = view.value(), .sequence = sequence};
  if (dice_.OneIn(3)) {
    reads_.All(engine(), state);
  } else if (!model_.CollectionsAt(sequence).empty()) {
    reads_.Any(engine(), state);
  }
  if (states_.size() < 8 && dice_.OneIn(2)) {
    states_.push_back(state);
  } else {
    engine().CloseView(state.view);
  }
}

void ModelDriver::CloseState(size_t index) {
  const ViewId view = states_[index].view;
  engine().CloseView(view);
  states_.erase(states_.begin() + static_cast<ptrdiff_t>(index));
  ASSERT_EQ(engine().Count(1, view).status().code(), Code::kNotFound);
}

void ModelDriver::CloseView() {
  if (!states_.empty()) CloseState(dice_.Below(static_cast<uint32_t>(states_.size())));
}

void ModelDriver::CheckTimes() {
  const uint64_t time_ms =
      time_ms_ + 20 - std::min<uint64_t>(time_ms_, dice_.Below(dice_.OneIn(2) ? 300 : 20'000));
  const std::optional<uint64_t> expected = model_.SequenceAt(time_ms);
  auto found = engine().SequenceAt(time_ms);
  if (!expected.has_value()) {
    ++reached_.not_retained;
    ASSERT_EQ(found.status().code(), Code::kNotRetained);
  } else {
    Ok(found.status());
    ASSERT_EQ(found.value(), *expected);
  }
  const Token never{99, dice_.Below(1000)};
  ASSERT_EQ(engine().FindToken(never).status().code(), Code::kNotFound);
  if (next_request_ > kTokensMax + 10) {
    // Written long ago, or lost with its frame: remembered exactly when the model remembers it.
    for (uint64_t client = 1; client <= 3; ++client) {
      const Token old{client, next_request_ - std::min<uint64_t>(next_request_, dice_.Below(3 * kTokensMax))};
      const std::optional<uint32_t> rows = model_.FindToken(old);
      auto remembered = engine().FindToken(old);
      ASSERT_EQ(remembered.ok(), rows.has_value());
      if (rows.has_value()) ASSERT_EQ(remembered.value(), *rows);
    }
  }
}

void ModelDriver::Forget() {
  // Once in a while all that is past; else what is old.
  const uint64_t time_ms =
      dice_.OneIn(3) ? time_ms_ + 1 : time_ms_ - std::min<uint64_t>(time_ms_, dice_.Below(3000));
  engine().ForgetBefore(time_ms);
  model_.ForgetBefore(time_ms);
  ASSERT_EQ(engine().OldestSequence(), model_.oldest());
  // What is open stays readable.
  if (!states_.empty()) reads_.Any(engine(), dice_.Any(states_));
}

void ModelDriver::Work() {
  std::map<CollectionId, CollectionStats> before;
  for (CollectionId id : model_.CollectionsAt(model_.sequence())) before[id] = engine().Stats(id).value();
  Ok(DoWork(1 + dice_.Below(dice_.OneIn(5) ? 3000 : 200)));
  for (const auto& [id, then] : before) {
    const CollectionStats now = engine().Stats(id).value();
    if (now.deleted_rows < then.deleted_rows) ++reached_.sweeps;
    if (now.indexed_rows < then.indexed_rows && now.indexed_rows > 0) ++reached_.cleanings;
    reached_.indexed_rows_max = std::max(reached_.indexed_rows_max, now.indexed_rows);
  }
}

Status ModelDriver::DoWork(uint32_t steps) {
  return WithVectors(engine(), storage_, [&] { return engine().Work(steps); }).status();
}

// Nothing that can leave memory stays there, or some of it, or all.
void ModelDriver::ChangeBudget() {
  const uint64_t held = Engine::MemoryBytes();
  const uint64_t budgets[] = {0, 1, held - held / 8, held + held / 8};
  database_.memory_budget = budgets[dice_.Below(std::size(budgets))];
  database_.left_bytes_min = dice_.OneIn(2) ? 0 : ~uint64_t{0};
  engine().SetMemoryBudget(database_.memory_budget);
  for (CollectionId id : model_.CollectionsAt(model_.sequence())) {
    reached_.evictions += engine().Stats(id).value().vector_evictions;
  }
}

// ---- Checkpoints and crashes --------------------------------------------------------------------------

void ModelDriver::Checkpoint() {
  const uint64_t oldest = model_.oldest();
  auto lived = database_.Checkpoint(0xffffffffU, dice_.OneIn(8));
  Ok(lived.status());
  ASSERT_TRUE(lived.value());
  ASSERT_EQ(engine().UncheckpointedWalObjects(), 0U);
  model_.Stored(oldest);
}

void ModelDriver::CheckpointDies() {
  const uint64_t oldest = model_.oldest();
  const std::optional<ByteVector> head = storage_.head;
  auto lived = database_.Checkpoint(dice_.Below(30), dice_.OneIn(8));
  Ok(lived.status());
  if (storage_.head != head) model_.Stored(oldest);
  if (lived.value()) return;
  ++reached_.died_in_checkpoint;
  Reopen();
}

// Everything but background work goes on while objects are written; then it is finished, given up, or the
// process dies.
void ModelDriver::CheckpointWithCommits() {
  static constexpr void (ModelDriver::* kMeanwhile[])() = {
      &ModelDriver::Upsert,       &ModelDriver::Delete,
      &ModelDriver::Several,      &ModelDriver::TwoFrames,
      &ModelDriver::CreateOrDrop, &ModelDriver::Discard,
      &ModelDriver::Restore,      &ModelDriver::TransactionWrite,
      &ModelDriver::OpenViewAt,   &ModelDriver::CommitTransaction,
      &ModelDriver::CloseView,    &ModelDriver::Forget,
      &ModelDriver::Upload,       &ModelDriver::Work,
      &ModelDriver::Read,
  };
  const uint64_t oldest = model_.oldest();
  const uint64_t sequence = model_.sequence();
  Ok(engine().BeginCheckpoint(dice_.OneIn(8)));
  ++nested_;
  ASSERT_EQ(engine().BeginCheckpoint().code(), Code::kInvalidArgument);
  for (bool more = true; more && !testing::Test::HasFailure();) {
    auto next = WithVectors(engine(), storage_, [&] { return engine().NextCheckpointObject(); });
    Ok(next.status());
    more = next.value();
    if (!more) break;
    const std::span<const uint8_t> object = engine().CheckpointObject();
    storage_.objects[std::string(engine().CheckpointObjectName())] = ByteVector(object.begin(), object.end());
    for (uint32_t i = dice_.Below(3); i-- > 0 && !testing::Test::HasFailure();) {
      (this->*kMeanwhile[dice_.Below(std::size(kMeanwhile))])();
    }
  }
  --nested_;
  if (testing::Test::HasFailure()) return;
  reached_.commits_in_checkpoint += model_.sequence() - sequence;
  if (dice_.OneIn(4)) return engine().AbortCheckpoint();
  if (dice_.OneIn(4)) return Reopen();
  auto head = engine().EncodeHead();
  Ok(head.status());
  storage_.head = ByteVector(head.value().begin(), head.value().end());
  model_.Stored(oldest);
  if (dice_.OneIn(4)) return Reopen();
  engine().FinishCheckpoint();
  ASSERT_EQ(engine().UncheckpointedWalObjects(), model_.sequence() - sequence);
  std::erase_if(storage_.objects, [&](const auto& entry) { return !engine().IsReferenced(entry.first); });
}

// As after a kill: whatever was not stored is gone, and with it what was only kept in memory.
void ModelDriver::Reopen() {
  database_.Crash();
  states_.clear();
  cursors_.clear();
  Ok(database_.Open());
  if (testing::Test::HasFailure()) return;
  model_.Crashed();
  // A frame that the model does not know yet may be there; who stored it looks at the rest.
  if (engine().sequence() == model_.sequence()) reads_.Everything(engine());
}

// A second handle that only reads, and follows the first one's commits.
void ModelDriver::Reader() {
  if (!states_.empty()) return CloseView();
  Database reader(&storage_);
  reader.keeps_history = true;
  Ok(reader.Open(false));
  ASSERT_EQ(reader.engine().BeginFrame().code(), Code::kReadOnly);
  ASSERT_EQ(reader.engine().BeginTransaction().status().code(), Code::kReadOnly);
  reads_.All(reader.engine(), ModelState());
  ModelState then{.view = reader.engine().OpenView().value(), .sequence = model_.sequence()};
  ++nested_;  // the writer lives on
  const uint64_t before = model_.sequence();
  for (uint32_t i = dice_.Below(6); i-- > 0 && !testing::Test::HasFailure();) Several();
  --nested_;
  if (testing::Test::HasFailure()) return;
  for (const auto& [name, bytes] : storage_.objects) {
    if (name.starts_with(Engine::kWalPrefix)) Ok(reader.engine().OfferWalName(name));
  }
  Ok(reader.engine().PlanReplay());
  ASSERT_EQ(reader.engine().ReplayCount(), model_.sequence() - before);
  while (reader.engine().sequence() < model_.sequence() && !testing::Test::HasFailure()) {
    const auto index = static_cast<uint32_t>(reader.engine().sequence() - before);
    ByteVector copy = storage_.objects.at(std::string(reader.engine().ReplayName(index)));
    Ok(reader.engine().ReplayFrame(copy));
  }
  Ok(reader.engine().Work(dice_.Below(500)).status());
  reads_.All(reader.engine(), ModelState());
  reads_.All(reader.engine(), then);
}

void ModelDriver::MakeBackup() {
  const uint64_t oldest = model_.oldest();
  auto lived = database_.Checkpoint(0xffffffffU, true);
  Ok(lived.status());
  model_.Stored(oldest);
  backup_ = Backup{database_.StoredCheckpoint(), model_};
  for (const auto& [name, bytes] : backup_->storage.objects) {
    ASSERT_FALSE(name.starts_with(Engine::kWalPrefix)) << "a backup needs " << name;
  }
}

void ModelDriver::TakePlace() {
  if (!backup_.has_value()) return MakeBackup();
  VersionModel restored = backup_->model;
  restored.TakePlaceOf(model_.sequence());
  const std::optional<ByteVector> head = storage_.head;
  Ok(database_.TakePlaceWith(backup_->storage));
  if (testing::Test::HasFailure()) return;
  states_.clear();
  cursors_.clear();
  auto lived = database_.Checkpoint(dice_.OneIn(2) ? dice_.Below(30) : 0xffffffffU);
  Ok(lived.status());
  // Until the head names it, the database is the one it was.
  if (storage_.head != head) {
    model_ = std::move(restored);
    ++reached_.took_place;
  }
  if (!lived.value()) return Reopen();
  reads_.Everything(engine());
}

}  // namespace omendb::test
