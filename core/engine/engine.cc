// Engine: the public surface. Each call checks that the database is in the right phase and hands on.
#include "omendb/engine.h"

#include "engine/background.h"
#include "engine/engine_state.h"
#include "engine/row_reader.h"

namespace omendb {
namespace {

// An answer larger than this is not kept for the next call.
constexpr size_t kKeptAnswerBytes = size_t{4} << 20;

void StartAnswer(Bytes& answer) {
  if (answer.capacity() > kKeptAnswerBytes) answer.Release();
  answer.Clear();
}

Result<ByteSpan> GiveAnswer(const Status& status, const Bytes& answer) {
  OMENDB_TRY(Status(status));
  return answer.span();
}

}  // namespace

Engine::Engine(State* state) : state_(state) {}

Engine::~Engine() { OwnedDeleter<State>()(state_); }

void Engine::Deleter::operator()(Engine* engine) const {
  engine->~Engine();
  FreeBytes(engine);
}

Result<Engine::Pointer> Engine::Create() {
  Owned<State> state = MakeOwned<State>();
  void* memory = AllocateBytes(sizeof(Engine));
  if (!state || memory == nullptr) {
    FreeBytes(memory);
    return OutOfMemory(sizeof(State));
  }
  return Pointer(new (memory) Engine(state.release()));
}

size_t Engine::MemoryBytes() { return AllocatedBytes(); }

// ---- Opening ------------------------------------------------------------------------------------------

void Engine::OpenNew() {
  if (state_->phase == State::Phase::kCreated) state_->phase = State::Phase::kLoaded;
}

Status Engine::OpenHead(std::span<const uint8_t> head) {
  if (state_->phase != State::Phase::kCreated) {
    return Status::Error(Code::kInvalidArgument, "this engine was opened already");
  }
  OMENDB_ASSIGN(state_->head, Head::Decode(head));
  state_->loader.Start(state_->head);
  state_->phase = State::Phase::kLoading;
  return Status::Ok();
}

Status Engine::TakeOver() {
  if (state_->phase == State::Phase::kCreated) {
    return Status::Error(Code::kInvalidArgument, "expected OpenNew or OpenHead before TakeOver");
  }
  if (state_->head.epoch == 0xffffffffU) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", state_->head.epoch, " take-overs");
  }
  ++state_->head.epoch;
  state_->writer = true;
  state_->checkpoint.StartEpoch(state_->head.epoch);
  return Status::Ok();
}

Result<std::span<const uint8_t>> Engine::EncodeHead() {
  Head head = state_->head;
  if (state_->checkpoint.complete()) {
    head.has_manifest = true;
    head.manifest = state_->checkpoint.manifest();
  }
  OMENDB_TRY(head.Encode(state_->head_bytes));
  return ByteSpan(state_->head_bytes.span());
}

uint32_t Engine::RequiredObjectCount() const {
  return state_->phase == State::Phase::kLoading ? state_->loader.count() : 0;
}

std::string_view Engine::RequiredObjectName(uint32_t index) const {
  return state_->phase == State::Phase::kLoading ? state_->loader.name(index) : std::string_view();
}

Status Engine::LoadObject(uint32_t index, std::span<const uint8_t> bytes) {
  if (state_->phase != State::Phase::kLoading) {
    return Status::Error(Code::kInvalidArgument, "no objects are to be loaded");
  }
  return state_->loader.Load(index, bytes);
}

Status Engine::FinishLoad() {
  if (state_->phase == State::Phase::kCreated) {
    return Status::Error(Code::kInvalidArgument, "expected OpenNew or OpenHead before FinishLoad");
  }
  if (state_->phase == State::Phase::kLoaded) return Status::Ok();
  OMENDB_TRY(state_->loader.Finish());
  Manifest manifest = state_->loader.TakeManifest();
  uint64_t sequence = manifest.sequence;
  OMENDB_TRY(state_->checkpoint.SetStored(std::move(manifest), state_->collections));
  state_->sequence = sequence;
  state_->sequence_epoch = state_->head.manifest.epoch;
  state_->phase = State::Phase::kLoaded;
  return Status::Ok();
}

Status Engine::OfferWalName(std::string_view name) { return state_->wal.Offer(name); }

Status Engine::PlanReplay() {
  OMENDB_TRY(state_->RequireOpen());
  uint32_t own_epoch = state_->writer ? state_->head.epoch : 0;
  return state_->wal.Plan(state_->sequence, state_->sequence_epoch, own_epoch);
}

uint32_t Engine::ReplayCount() const { return state_->wal.planned(); }

std::string_view Engine::ReplayName(uint32_t index) const {
  return index < state_->wal.planned() ? state_->wal.planned_name(index).text() : std::string_view();
}

Status Engine::ReplayFrame(std::span<const uint8_t> bytes) {
  if (state_->phase != State::Phase::kLoaded || state_->wal.done()) {
    return Status::Error(Code::kInvalidArgument, "no frame is to be replayed");
  }
  OMENDB_TRY(state_->wal.ReserveAdd());
  OMENDB_TRY(state_->frame.Read(bytes, state_->wal.planned_name(state_->wal.replayed())));
  state_->Apply();
  state_->wal.CountReplayed();
  return Status::Ok();
}

bool Engine::IsReferenced(std::string_view text) const {
  ObjectName name;
  if (!ObjectName::Parse(text, &name)) return false;
  const FrameBuilder& frame = state_->frame;
  if (name.is_frame()) {
    return state_->wal.Contains(name) || (frame.sealed() && frame.name().text() == name.text());
  }
  const Head& head = state_->head;
  if (head.has_manifest && head.manifest.name().text() == text) return true;
  if (state_->checkpoint.complete() && state_->checkpoint.manifest().name().text() == text) return true;
  return state_->checkpoint.Contains(name);
}

uint64_t Engine::sequence() const { return state_->sequence; }

uint32_t Engine::epoch() const { return state_->head.epoch; }

// ---- Collections --------------------------------------------------------------------------------------

Status Engine::CheckOptions(const CollectionOptions& options) { return omendb::CheckOptions(options); }

CollectionId Engine::FindCollection(std::string_view name) const {
  if (!state_->RequireOpen().ok()) return 0;
  const Collection* collection = state_->collections.Find(name);
  return collection == nullptr ? 0 : collection->id();
}

uint32_t Engine::CollectionCount() const {
  return state_->RequireOpen().ok() ? state_->collections.count() : 0;
}

CollectionId Engine::CollectionAt(uint32_t index) const {
  return index < CollectionCount() ? state_->collections.at(index).id() : 0;
}

Result<std::string_view> Engine::CollectionName(CollectionId id) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return collection->name();
}

Result<CollectionOptions> Engine::CollectionOptionsOf(CollectionId id) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return collection->options();
}

// ---- Writing ------------------------------------------------------------------------------------------

Status Engine::BeginFrame() {
  OMENDB_TRY(state_->RequireWriter());
  return state_->frame.Begin();
}

Result<uint8_t*> Engine::FramePayload(uint32_t size) { return state_->frame.Payload(size); }

Status Engine::FrameUpsert(CollectionId collection) { return state_->frame.Upsert(collection); }

Status Engine::FrameDelete(CollectionId collection) { return state_->frame.Delete(collection); }

Status Engine::FrameCreate(std::string_view name, const CollectionOptions& options) {
  return state_->frame.Create(name, options);
}

Status Engine::FrameDrop(CollectionId collection) { return state_->frame.Drop(collection); }

Result<std::span<const uint8_t>> Engine::SealFrame() {
  OMENDB_TRY(state_->wal.ReserveAdd());
  return state_->frame.Seal(state_->sequence + 1, state_->head.epoch);
}

std::string_view Engine::FrameName() const {
  return state_->frame.sealed() ? state_->frame.name().text() : std::string_view();
}

void Engine::ApplyFrame() {
  if (state_->frame.sealed()) state_->Apply();
}

uint32_t Engine::AppliedCount(uint32_t index) const {
  return state_->frame.open() ? 0 : state_->frame.AppliedCount(index);
}

void Engine::DiscardFrame() {
  if (state_->frame.open()) state_->frame.Discard();
}

Status Engine::CheckRowBatch(CollectionId id, std::span<const uint8_t> batch) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return state_->frame.Check(*collection, batch);
}

// ---- Reading ------------------------------------------------------------------------------------------

Result<std::span<const uint8_t>> Engine::Search(const SearchRequest& request) {
  OMENDB_ASSIGN(Collection * collection, state_->Require(request.collection));
  StartAnswer(state_->answer);
  Status found = state_->searcher.Search(*collection, request, state_->answer);
  state_->searcher.Trim();
  return GiveAnswer(found, state_->answer);
}

Result<std::span<const uint8_t>> Engine::Get(CollectionId id, std::span<const uint8_t> ids,
                                             uint32_t include) {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  StartAnswer(state_->answer);
  return GiveAnswer(GetRows(*collection, ids, include, state_->answer), state_->answer);
}

Result<std::span<const uint8_t>> Engine::List(CollectionId id, uint64_t cursor, uint32_t limit,
                                              uint32_t include) {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  StartAnswer(state_->answer);
  return GiveAnswer(ListRows(*collection, cursor, limit, include, state_->answer), state_->answer);
}

Result<uint64_t> Engine::CursorAfter(CollectionId id, std::span<const uint8_t> ids) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return CursorAfterRow(*collection, ids);
}

Result<uint32_t> Engine::Count(CollectionId id) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return collection->live_rows();
}

Result<CollectionStats> Engine::Stats(CollectionId id) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return collection->Stats();
}

// ---- Background work ----------------------------------------------------------------------------------

Result<WorkState> Engine::Work(uint32_t steps) {
  OMENDB_TRY(state_->RequireOpen());
  if (!state_->checkpoint.open()) {
    OMENDB_TRY(DoSteps(state_->collections, steps, state_->searcher.scratch()));
  }
  WorkState work;
  for (uint32_t i = 0; i < state_->collections.count(); ++i) {
    work.remaining += StepsDue(state_->collections.at(i));
  }
  return work;
}

// ---- Checkpoint ---------------------------------------------------------------------------------------

Status Engine::BeginCheckpoint() {
  OMENDB_TRY(state_->RequireWriter());
  if (state_->checkpoint.open()) {
    return Status::Error(Code::kInvalidArgument, "a checkpoint is open already");
  }
  return state_->checkpoint.Begin(state_->collections, state_->sequence);
}

Result<bool> Engine::NextCheckpointObject() {
  if (!state_->checkpoint.open()) return Status::Error(Code::kInvalidArgument, "no checkpoint is open");
  return state_->checkpoint.Next();
}

std::span<const uint8_t> Engine::CheckpointObject() const { return state_->checkpoint.object(); }

std::string_view Engine::CheckpointObjectName() const { return state_->checkpoint.name().text(); }

void Engine::FinishCheckpoint() {
  if (!state_->checkpoint.complete()) return AbortCheckpoint();
  state_->head.has_manifest = true;
  state_->head.manifest = state_->checkpoint.manifest();
  state_->checkpoint.Finish();
  state_->wal.DropThrough(state_->checkpoint.stored_sequence());
  state_->collections.SweepDropped();
}

void Engine::AbortCheckpoint() {
  if (!state_->checkpoint.open()) return;
  state_->checkpoint.Abort();
  state_->collections.SweepDropped();
}

uint64_t Engine::UncheckpointedWalBytes() const { return state_->wal.bytes(); }

uint32_t Engine::UncheckpointedWalObjects() const { return state_->wal.count(); }

uint64_t Engine::UncheckpointedGraphRows() const {
  return state_->checkpoint.UnstoredNodes(state_->collections);
}

}  // namespace omendb
