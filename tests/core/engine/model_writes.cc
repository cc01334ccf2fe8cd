// The writing half of the model test's driver: frames and transactions.
#include <cmath>
#include <cstring>

#include "model_driver.h"
#include "quantize/quantizer.h"

namespace omendb::test {
namespace {

constexpr uint32_t kWideDimensions = 1024;
constexpr uint32_t kUploadRows = 256;  // of so many dimensions: 1 MiB of vectors

// Every byte is a number, and every bit.
bool HasInfinity(const CollectionOptions& options) { return options.vector_type <= VectorType::kFloat16; }

}  // namespace

ModelWrite ModelDriver::AnyUpsert(CollectionId id) {
  const CollectionOptions& options = model_.at(id).options;
  const bool few = options.dimensions == kWideDimensions || !dice_.OneIn(8);
  ModelWrite write{.kind = ModelWrite::Kind::kUpsert, .collection = id};
  write.rows = dice_.AnyRows(options, 1 + dice_.Below(few ? 8 : 200));
  return write;
}

ModelWrite ModelDriver::AnyDelete(CollectionId id, uint32_t count) {
  ModelWrite write{.kind = ModelWrite::Kind::kDelete, .collection = id};
  write.ids = dice_.AnyIds(model_.at(id).options, count);
  return write;
}

CollectionOptions ModelDriver::AnyOptions() {
  CollectionOptions options;
  options.dimensions = next_name_ % 5 == 2 ? kWideDimensions : 1 + dice_.Below(6);
  // Uploads are of floats.
  if (options.dimensions != kWideDimensions && dice_.OneIn(2)) {
    options.vector_type = static_cast<VectorType>(1 + dice_.Below(3));
    // Fewer bits would make most rows the same.
    if (options.vector_type == VectorType::kBinary) options.dimensions = 17 + dice_.Below(30);
  }
  options.metric = static_cast<Metric>(dice_.Below(4));
  options.quantization = static_cast<Quantization>(dice_.Below(static_cast<uint32_t>(kQuantizationLast) + 1));
  if (!SupportsMetric(options.quantization, options.metric)) options.quantization = Quantization::kSq8;
  options.degree = static_cast<uint16_t>(8 + dice_.Below(9));
  options.ef_construction = 40;
  return options;
}

void ModelDriver::MaybeToken(ModelWrite& write) {
  if (dice_.OneIn(3)) write.token = Token{1 + dice_.Below(3), ++next_request_};
}

ByteVector ModelDriver::Encoded(const ModelWrite& upsert) const {
  const auto known = model_.collections().find(upsert.collection);
  const CollectionOptions& options =
      known == model_.collections().end() ? upsert.options : known->second.options;
  return EncodeRows(upsert.rows, options.dimensions, options.vector_type);
}

void ModelDriver::AddWrite(ModelWrite& write) {
  switch (write.kind) {
    case ModelWrite::Kind::kUpsert:
      Ok(database_.AddUpsertBytes(write.collection, Encoded(write)));
      break;
    case ModelWrite::Kind::kDelete:
      Ok(database_.AddDelete(write.collection, write.ids));
      break;
    case ModelWrite::Kind::kCreate:
      Ok(engine().FrameCreate(write.name, write.options));
      break;
    case ModelWrite::Kind::kDrop:
      Ok(engine().FrameDrop(write.collection));
      break;
  }
  if (write.token.has_value()) Ok(engine().FrameToken(*write.token));
}

void ModelDriver::FinishFrame(const Writes& writes, uint64_t time_ms) {
  const auto id_of = [&](const std::string& name) { return engine().FindCollection(name); };
  if (nested_ == 0 && dice_.OneIn(60)) {
    // The process dies with the frame sealed: it is durable or it is not, and nobody was told.
    auto object = engine().SealFrame();
    Ok(object.status());
    const std::string name(engine().FrameName());
    const bool kept = dice_.OneIn(2);
    if (kept) storage_.objects[name] = ByteVector(object.value().begin(), object.value().end());
    Reopen();
    if (!kept) return;
    ++reached_.kept_frames;
    (void)model_.Commit(writes, time_ms, id_of);
    return reads_.Everything(engine());
  }
  Ok(database_.Commit());
  if (testing::Test::HasFailure()) return;
  const std::vector<uint32_t> counts = model_.Commit(writes, time_ms, id_of);
  for (uint32_t i = 0; i < counts.size(); ++i) ASSERT_EQ(engine().AppliedCount(i), counts[i]);
  ASSERT_EQ(engine().sequence(), model_.sequence());
}

void ModelDriver::CommitWrites(Writes writes) {
  const uint64_t time_ms = NextTime();
  Ok(engine().BeginFrame(time_ms));
  for (ModelWrite& write : writes) {
    MaybeToken(write);
    AddWrite(write);
    if (testing::Test::HasFailure()) return;
  }
  FinishFrame(writes, time_ms);
}

void ModelDriver::Upsert() { CommitWrites({AnyUpsert(AnyCollection())}); }

void ModelDriver::Upload() {
  CollectionId wide = 0;
  for (CollectionId id : model_.CollectionsAt(model_.sequence())) {
    if (model_.at(id).options.dimensions == kWideDimensions) wide = id;
  }
  if (wide == 0) return;
  // Rows before and behind it in the same frame belong to other segments.
  Writes writes;
  if (dice_.OneIn(2)) writes.push_back(AnyUpsert(wide));
  for (uint32_t i = dice_.OneIn(4) ? 2 : 1; i-- > 0;) {
    writes.push_back({.kind = ModelWrite::Kind::kUpsert, .collection = wide});
    writes.back().rows = dice_.AnyRows(model_.at(wide).options, kUploadRows + dice_.Below(10));
    if (dice_.OneIn(2)) writes.push_back(AnyUpsert(wide));
    if (dice_.OneIn(2)) writes.push_back(AnyDelete(wide, 5));
  }
  ++reached_.uploads;
  CommitWrites(std::move(writes));
}

void ModelDriver::Delete() { CommitWrites({AnyDelete(AnyCollection(), dice_.Below(20))}); }

void ModelDriver::DeleteMany() { CommitWrites({AnyDelete(AnyCollection(), 200 + dice_.Below(1500))}); }

// One frame, several collections, the later operation wins; a bad one in between is refused alone.
void ModelDriver::Several() {
  const uint64_t time_ms = NextTime();
  Ok(engine().BeginFrame(time_ms));
  Writes writes;
  for (uint32_t i = 1 + dice_.Below(5); i-- > 0;) {
    const CollectionId id = AnyCollection();
    writes.push_back(dice_.OneIn(3) ? AnyDelete(id, 1 + dice_.Below(6)) : AnyUpsert(id));
    MaybeToken(writes.back());
    AddWrite(writes.back());
    if (dice_.OneIn(3)) {
      std::vector<Row> rows = dice_.AnyRows(model_.at(id).options, 3);
      const bool has_infinity = HasInfinity(model_.at(id).options);
      if (has_infinity) rows[1].vector[0] = INFINITY;
      if (!has_infinity) rows[1].id = rows[0].id;
      ASSERT_EQ(database_.AddUpsert(id, rows).code(),
                has_infinity ? Code::kInvalidVector : Code::kDuplicateId);
    }
    if (dice_.OneIn(3)) Ok(DoWork(dice_.Below(300)));
    if (dice_.OneIn(8) && !states_.empty()) CloseState(dice_.Below(static_cast<uint32_t>(states_.size())));
    if (dice_.OneIn(8)) reads_.Any(engine(), AnyState());
    if (testing::Test::HasFailure()) return;
  }
  FinishFrame(writes, time_ms);
}

ModelDriver::Writes ModelDriver::AnyWrites() {
  Writes writes;
  for (uint32_t i = 1 + dice_.Below(3); i-- > 0;) {
    const CollectionId id = AnyCollection();
    writes.push_back(dice_.OneIn(3) ? AnyDelete(id, 1 + dice_.Below(6)) : AnyUpsert(id));
    MaybeToken(writes.back());
    AddWrite(writes.back());
  }
  return writes;
}

void ModelDriver::Stored(const Writes& writes, uint64_t time_ms, const std::string& name, ByteVector object) {
  storage_.objects[name] = std::move(object);
  engine().ApplyFrame();
  const auto id_of = [&](const std::string& of) { return engine().FindCollection(of); };
  const std::vector<uint32_t> counts = model_.Commit(writes, time_ms, id_of);
  for (uint32_t i = 0; i < counts.size(); ++i) ASSERT_EQ(engine().AppliedCount(i), counts[i]);
  ASSERT_EQ(engine().sequence(), model_.sequence());
}

void ModelDriver::Meanwhile() {
  if (dice_.OneIn(2)) Ok(DoWork(dice_.Below(300)));
  if (dice_.OneIn(8) && !states_.empty()) CloseState(dice_.Below(static_cast<uint32_t>(states_.size())));
  if (dice_.OneIn(4)) reads_.Any(engine(), AnyState());
}

void ModelDriver::TwoFrames() {
  struct Sealed {
    Writes writes;
    uint64_t time_ms = 0;
    std::string name;
    ByteVector object;
  };
  const auto seal = [&](Sealed& frame) {
    auto object = engine().SealFrame();
    Ok(object.status());
    frame.name = engine().FrameName();
    frame.object = ByteVector(object.value().begin(), object.value().end());
    ASSERT_TRUE(engine().IsReferenced(frame.name));
  };
  Sealed first{.writes = {}, .time_ms = NextTime(), .name = {}, .object = {}};
  Ok(engine().BeginFrame(first.time_ms));
  first.writes = AnyWrites();
  seal(first);
  const uint32_t frames = 1 + dice_.Below(3);
  for (uint32_t i = 0; i < frames && !testing::Test::HasFailure(); ++i) {
    Sealed next{.writes = {}, .time_ms = NextTime(), .name = {}, .object = {}};
    Ok(engine().BeginFrame(next.time_ms));
    ++reached_.built_ahead;
    next.writes = AnyWrites();
    ASSERT_EQ(engine().FrameCreate("never", AnyOptions()).code(), Code::kInvalidArgument);
    ASSERT_EQ(engine().FrameDrop(AnyCollection()).code(), Code::kInvalidArgument);
    ASSERT_EQ(engine().BeginCheckpoint().code(), Code::kInvalidArgument);
    Meanwhile();
    const bool sealed_ahead = dice_.OneIn(2);
    if (sealed_ahead) seal(next);
    if (testing::Test::HasFailure()) return;
    switch (dice_.Below(8)) {
      case 0:  // storage refused the first, and with it goes what was built on it
        engine().DiscardFrame();
        engine().DiscardFrame();
        ASSERT_EQ(engine().sequence(), model_.sequence());
        return;
      case 1:
        engine().DiscardFrame();
        return Stored(first.writes, first.time_ms, first.name, std::move(first.object));
      default:
        break;
    }
    Stored(first.writes, first.time_ms, first.name, std::move(first.object));
    if (testing::Test::HasFailure()) return;
    Meanwhile();
    if (!sealed_ahead) seal(next);
    first = std::move(next);
  }
  if (testing::Test::HasFailure()) return;
  Stored(first.writes, first.time_ms, first.name, std::move(first.object));
}

void ModelDriver::CreateOrDrop() {
  const std::vector<CollectionId> ids = model_.CollectionsAt(model_.sequence());
  Writes writes;
  if (ids.size() >= 4) writes.push_back({.kind = ModelWrite::Kind::kDrop, .collection = AnyCollection()});
  if (ids.size() < 4 || dice_.OneIn(2)) {
    ModelWrite create{.kind = ModelWrite::Kind::kCreate, .options = AnyOptions()};
    create.name = "c" + std::to_string(next_name_++);
    // A name may be taken again in the frame that sets it free.
    if (!writes.empty() && dice_.OneIn(2)) create.name = model_.at(writes[0].collection).name;
    writes.push_back(create);
    if (dice_.OneIn(2)) {
      ModelWrite rows{.kind = ModelWrite::Kind::kUpsert, .collection = model_.next_id()};
      rows.options = create.options;
      rows.rows = dice_.AnyRows(create.options, 1 + dice_.Below(30));
      writes.push_back(std::move(rows));
    }
  }
  CommitWrites(std::move(writes));
}

void ModelDriver::Discard() {
  const CollectionId id = AnyCollection();
  Ok(engine().BeginFrame(time_ms_));
  ModelWrite upsert = AnyUpsert(id);
  AddWrite(upsert);
  Ok(database_.AddDelete(id, dice_.AnyIds(model_.at(id).options, 3)));
  if (dice_.OneIn(3)) Ok(engine().FrameDrop(id));
  if (dice_.OneIn(3)) Ok(engine().FrameCreate("never", AnyOptions()));
  if (dice_.OneIn(2)) Ok(engine().SealFrame().status());
  if (dice_.OneIn(2)) Ok(DoWork(dice_.Below(100)));
  engine().DiscardFrame();
  ASSERT_EQ(engine().sequence(), model_.sequence());
}

void ModelDriver::Refused() {
  const CollectionId id = AnyCollection();
  const CollectionOptions& options = model_.at(id).options;
  std::vector<Row> rows = dice_.AnyRows(options, 2 + dice_.Below(20));
  const uint32_t bad = dice_.Below(static_cast<uint32_t>(rows.size()));
  Code expected = Code::kInvalidVector;
  if (dice_.OneIn(2) && HasInfinity(options)) {
    rows[bad].vector[dice_.Below(options.dimensions)] = std::nanf("");
  } else {
    rows[bad].id = rows[(bad + 1) % rows.size()].id;
    expected = Code::kDuplicateId;
  }
  ModelState* transaction = AnyTransaction();
  if (transaction != nullptr && model_.at(id).ExistsAt(transaction->sequence)) {
    const ByteVector batch = EncodeRows(rows, options.dimensions, options.vector_type);
    ASSERT_EQ(engine().TransactionUpsert(transaction->view, id, batch).code(), expected);
  }
  ASSERT_EQ(database_.Upsert(id, rows).code(), expected);
}

// ---- Restore ------------------------------------------------------------------------------------------

void ModelDriver::Restore() {
  const uint64_t span = model_.sequence() - model_.oldest();
  const uint64_t back = dice_.OneIn(3) ? span : std::min<uint64_t>(span, 30);
  const uint64_t sequence = model_.sequence() - dice_.Below(static_cast<uint32_t>(back) + 1);
  // A database without collections has nothing to be asked for.
  if (model_.CollectionsAt(sequence).size() < 2) return;
  auto view = engine().OpenViewAt(sequence);
  Ok(view.status());
  const Writes writes = model_.Restoring(sequence);
  const uint64_t time_ms = NextTime();
  Ok(engine().BeginFrame(time_ms));
  if (const ModelState* transaction = AnyTransaction(); transaction != nullptr) {
    ASSERT_EQ(engine().FrameRestore(transaction->view).code(), Code::kInvalidArgument);
  }
  Ok(WithVectors(engine(), storage_, [&] { return engine().FrameRestore(view.value()); }));
  if (!writes.empty()) ASSERT_EQ(engine().FrameRestore(view.value()).code(), Code::kInvalidArgument);
  if (dice_.OneIn(2)) engine().CloseView(view.value());
  if (writes.empty()) {
    ASSERT_EQ(engine().SealFrame().status().code(), Code::kInvalidArgument) << "a restore of what is there";
    engine().DiscardFrame();
  } else {
    // How many operations it takes is the engine's to say, so their counts are not compared.
    const bool dies = nested_ == 0 && dice_.OneIn(10);
    auto object = engine().SealFrame();
    Ok(object.status());
    storage_.objects[std::string(engine().FrameName())] =
        ByteVector(object.value().begin(), object.value().end());
    if (dies) {
      Reopen();
    } else {
      engine().ApplyFrame();
    }
    (void)model_.Commit(writes, time_ms,
                        [&](const std::string& name) { return engine().FindCollection(name); });
    ++reached_.restores;
  }
  engine().CloseView(view.value());
  reads_.Everything(engine());
}

// ---- Transactions -------------------------------------------------------------------------------------

ModelState* ModelDriver::AnyTransaction() {
  std::vector<ModelState*> transactions;
  for (ModelState& state : states_) {
    if (state.is_transaction) transactions.push_back(&state);
  }
  return transactions.empty() ? nullptr : dice_.Any(transactions);
}

void ModelDriver::Begin() {
  if (states_.size() >= 8) return CloseView();
  auto view = engine().BeginTransaction();
  Ok(view.status());
  states_.push_back({.view = view.value(), .sequence = model_.sequence(), .is_transaction = true});
}

void ModelDriver::TransactionWrite() {
  ModelState* state = AnyTransaction();
  if (state == nullptr) return Begin();
  const std::vector<CollectionId> ids = model_.CollectionsAt(state->sequence);
  const CollectionId id = dice_.Any(ids);
  ModelOverlay& overlay = state->overlays[id];
  std::set<std::string> visible;
  for (const VisibleRow& row : VisibleRows(model_, *state, id)) visible.insert(row.row->id);
  const auto remove = [&](const std::string& row_id) {
    overlay.hidden.insert(row_id);
    std::erase_if(overlay.rows, [&](const Row& row) { return row.id == row_id; });
  };
  if (dice_.OneIn(3)) {
    ModelWrite write = AnyDelete(id, dice_.Below(10));
    uint32_t deleted = 0;
    for (const std::string& row_id : write.ids) {
      deleted += static_cast<uint32_t>(visible.erase(row_id));
      remove(row_id);
    }
    auto found = engine().TransactionDelete(state->view, id, EncodeIds(write.ids));
    Ok(found.status());
    ASSERT_EQ(found.value(), deleted);
    state->writes.push_back(std::move(write));
  } else {
    ModelWrite write{.kind = ModelWrite::Kind::kUpsert, .collection = id};
    write.rows = dice_.AnyRows(model_.at(id).options, 1 + dice_.Below(dice_.OneIn(10) ? 60 : 5));
    engine().SetMemoryBudget(0);
    Ok(engine().TransactionUpsert(state->view, id, Encoded(write)));
    engine().SetMemoryBudget(database_.memory_budget);
    for (const Row& row : write.rows) {
      remove(row.id);
      overlay.rows.push_back(row);
    }
    state->writes.push_back(std::move(write));
  }
  reads_.Get(engine(), *state, id);
  reads_.Count(engine(), *state, id);
}

void ModelDriver::CommitTransaction() {
  ModelState* state = AnyTransaction();
  if (state == nullptr) return Begin();
  bool conflict = false;
  for (const ModelWrite& write : state->writes) {
    const ModelCollection& collection = model_.at(write.collection);
    conflict = conflict || collection.dropped != kNever;
    for (const Row& row : write.rows) conflict = conflict || collection.TouchedSince(row.id, state->sequence);
    for (const std::string& id : write.ids)
      conflict = conflict || collection.TouchedSince(id, state->sequence);
  }
  Writes writes = state->writes;
  const uint64_t time_ms = NextTime();
  Ok(engine().BeginFrame(time_ms));
  const Status added = engine().FrameTransaction(state->view);
  ASSERT_EQ(added.code(), conflict ? Code::kConflict : Code::kOk) << added.message();
  if (conflict || writes.empty()) {
    reached_.conflicts += conflict ? 1 : 0;
    ASSERT_EQ(engine().SealFrame().status().code(), Code::kInvalidArgument) << "operations were added";
    engine().DiscardFrame();
    return Rollback();
  }
  ++reached_.transactions;
  if (dice_.OneIn(4)) {
    ASSERT_EQ(engine().FrameTransaction(state->view).code(), Code::kInvalidArgument);
    writes.push_back(AnyUpsert(AnyCollection()));
    AddWrite(writes.back());
  }
  const ViewId view = state->view;
  FinishFrame(writes, time_ms);
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].view == view) return CloseState(i);
  }
}

void ModelDriver::Rollback() {
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].is_transaction) return CloseState(i);
  }
}

}  // namespace omendb::test
