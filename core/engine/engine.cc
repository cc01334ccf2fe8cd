// Engine: the public surface. Each call checks that the database is in the right phase and hands on.
#include "omendb/engine.h"

#include <algorithm>

#include "engine/background.h"
#include "engine/engine_state.h"
#include "engine/restore.h"
#include "engine/row_reader.h"
#include "engine/transaction.h"

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
  OMENDB_TRY(state_->log.Load(manifest));
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
  if (state_->frames.open()) return Status::Error(Code::kInvalidArgument, "a frame is open");
  OMENDB_TRY(state_->frames.newest().Read(bytes, state_->wal.planned_name(state_->wal.replayed())));
  Status reserved = state_->ReserveApply();
  if (!reserved.ok()) {
    state_->frames.Discard();
    return reserved;
  }
  state_->Apply();
  state_->wal.CountReplayed();
  return Status::Ok();
}

bool Engine::IsReferenced(std::string_view text) const {
  ObjectName name;
  if (!ObjectName::Parse(text, &name)) return false;
  if (state_->collections.DroppedUse(name)) return true;
  if (name.is_frame()) {
    return state_->wal.Contains(name) || state_->frames.Contains(name) || state_->checkpoint.Contains(name);
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

Result<std::string_view> Engine::CollectionName(CollectionId id, ViewId view) const {
  OMENDB_ASSIGN(const Collection* collection, state_->RequireIn(id, view));
  return collection->name();
}

Result<CollectionOptions> Engine::CollectionOptionsOf(CollectionId id, ViewId view) const {
  OMENDB_ASSIGN(const Collection* collection, state_->RequireIn(id, view));
  return collection->options();
}

// ---- Writing ------------------------------------------------------------------------------------------

Status Engine::BeginFrame(uint64_t time_ms) {
  OMENDB_TRY(state_->RequireWriter());
  return state_->frames.Begin(time_ms);
}

Result<uint8_t*> Engine::FramePayload(uint32_t size) { return state_->frames.newest().Payload(size); }

Status Engine::FrameUpsert(CollectionId collection) {
  FrameBuilder& frame = state_->frames.newest();
  // The rows take about as much again as their batch, which is in memory already.
  OMENDB_TRY(state_->budget.RequireRoom(state_->collections, frame.prepared_bytes()));
  return frame.Upsert(collection);
}

Status Engine::FrameDelete(CollectionId collection) { return state_->frames.newest().Delete(collection); }

Status Engine::FrameCreate(std::string_view name, const CollectionOptions& options) {
  OMENDB_TRY(state_->frames.RequireFirst("a new collection"));
  return state_->frames.newest().Create(name, options);
}

Status Engine::FrameDrop(CollectionId collection) {
  OMENDB_TRY(state_->frames.RequireFirst("dropping a collection"));
  return state_->frames.newest().Drop(collection);
}

Status Engine::FrameToken(const Token& token) { return state_->frames.newest().Token(token); }

Status Engine::FrameTransaction(ViewId transaction) {
  OMENDB_ASSIGN(View * view, state_->RequireTransaction(transaction));
  OMENDB_TRY(state_->frames.RequireFirst("a transaction"));
  return AddTransaction(state_->collections, *view, state_->frames.newest());
}

Status Engine::FrameRestore(ViewId view_id) {
  OMENDB_TRY(state_->RequireWriter());
  OMENDB_ASSIGN(View * view, state_->views.Require(view_id));
  OMENDB_TRY(state_->frames.RequireFirst("a restore"));
  state_->BeginReading();
  return state_->EndReading(AddRestore(state_->collections, *view, state_->frames.newest()));
}

Result<uint32_t> Engine::FindToken(const Token& token) const { return state_->log.FindToken(token); }

Result<std::span<const uint8_t>> Engine::SealFrame() {
  OMENDB_TRY(state_->ReserveApply());
  return state_->frames.Seal(state_->sequence + 1, state_->head.epoch);
}

std::string_view Engine::FrameName() const {
  const FrameBuilder& frame = state_->frames.newest();
  return frame.sealed() ? frame.name().text() : std::string_view();
}

void Engine::ApplyFrame() {
  if (!state_->frames.open() || !state_->frames.oldest().sealed()) return;
  state_->Apply();
  state_->budget.Enforce(state_->collections);
}

uint32_t Engine::AppliedCount(uint32_t index) const { return state_->frames.AppliedCount(index); }

void Engine::DiscardFrame() {
  if (state_->frames.open()) state_->frames.Discard();
}

Status Engine::CheckRowBatch(CollectionId id, std::span<const uint8_t> batch) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return state_->frames.newest().Check(*collection, batch);
}

// ---- Views --------------------------------------------------------------------------------------------

Result<ViewId> Engine::OpenView() {
  OMENDB_TRY(state_->RequireOpen());
  return state_->views.Open(state_->sequence, false);
}

Result<ViewId> Engine::OpenViewAt(uint64_t sequence) {
  OMENDB_TRY(state_->RequireOpen());
  if (sequence > state_->sequence) {
    return Status::Error(Code::kInvalidArgument, "expected a sequence of at most ", state_->sequence,
                         ", found ", sequence);
  }
  if (sequence < state_->log.oldest_sequence()) {
    return Status::Error(Code::kNotRetained, "the state of sequence ", sequence,
                         " is no longer kept; the oldest one is of sequence ", state_->log.oldest_sequence());
  }
  return state_->views.Open(sequence, false);
}

Result<ViewId> Engine::BeginTransaction() {
  OMENDB_TRY(state_->RequireWriter());
  return state_->views.Open(state_->sequence, true);
}

Result<uint64_t> Engine::ViewSequence(ViewId view_id) const {
  OMENDB_ASSIGN(const View* view, state_->views.Require(view_id));
  return view->sequence();
}

void Engine::CloseView(ViewId view) {
  state_->views.Close(view);
  state_->Forget();
}

CollectionId Engine::FindCollectionIn(ViewId view_id, std::string_view name) const {
  Result<View*> view = state_->views.Require(view_id);
  if (!view.ok()) return 0;
  const Collection* collection = state_->collections.FindAt(name, view.value()->sequence());
  return collection == nullptr ? 0 : collection->id();
}

Result<std::span<const CollectionId>> Engine::CollectionsIn(ViewId view_id) {
  OMENDB_ASSIGN(const View* view, state_->views.Require(view_id));
  const CollectionSet& collections = state_->collections;
  Array<CollectionId>& ids = state_->collection_ids;
  ids.Clear();
  const uint64_t sequence = view->sequence();
  for (uint32_t i = 0; i < collections.count(); ++i) {
    if (collections.at(i).ExistsAt(sequence)) OMENDB_TRY(ids.Push(collections.at(i).id()));
  }
  for (uint32_t i = 0; i < collections.dropped_count(); ++i) {
    if (collections.dropped_at(i).ExistsAt(sequence)) OMENDB_TRY(ids.Push(collections.dropped_at(i).id()));
  }
  std::sort(ids.begin(), ids.end());
  return std::span<const CollectionId>(ids.span());
}

Status Engine::TransactionUpsert(ViewId transaction, CollectionId id, std::span<const uint8_t> bytes) {
  OMENDB_ASSIGN(View * view, state_->RequireTransaction(transaction));
  OMENDB_ASSIGN(ReadView read, state_->Read(id, transaction));
  OMENDB_TRY(state_->frames.newest().Check(read.collection(), bytes));
  // The overlay's rows, and the batch that is kept for the commit.
  OMENDB_TRY(state_->budget.RequireRoom(state_->collections, 2 * uint64_t{bytes.size()}));
  OMENDB_ASSIGN(RowBatch batch, RowBatch::Decode(bytes, Origin::Argument("row batch")));
  return view->Upsert(read.collection(), batch, bytes);
}

Result<uint32_t> Engine::TransactionDelete(ViewId transaction, CollectionId id,
                                           std::span<const uint8_t> bytes) {
  OMENDB_ASSIGN(View * view, state_->RequireTransaction(transaction));
  OMENDB_ASSIGN(ReadView read, state_->Read(id, transaction));
  OMENDB_ASSIGN(BlobList ids, DecodeIdList(bytes, Origin::Argument("id list")));
  if (ids.count() > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchRowsMax,
                         " ids in one delete, found ", ids.count());
  }
  return view->Delete(read.collection(), ids, bytes);
}

// ---- History ------------------------------------------------------------------------------------------

void Engine::ForgetBefore(uint64_t time_ms) {
  state_->log.ForgetBefore(time_ms);
  state_->Forget();
}

uint64_t Engine::OldestSequence() const { return state_->log.oldest_sequence(); }

Result<uint64_t> Engine::SequenceAt(uint64_t time_ms) const { return state_->log.SequenceAt(time_ms); }

// ---- Reading ------------------------------------------------------------------------------------------

Result<std::span<const uint8_t>> Engine::Search(const SearchRequest& request) {
  OMENDB_ASSIGN(ReadView view, state_->Read(request.collection, request.view));
  StartAnswer(state_->answer);
  const bool again = state_->BeginReading();
  Status found = state_->EndReading(state_->searcher.Search(view, request, again, state_->answer));
  state_->searcher.Trim();
  return GiveAnswer(found, state_->answer);
}

Result<std::span<const uint8_t>> Engine::Get(CollectionId id, std::span<const uint8_t> ids, uint32_t include,
                                             ViewId view_id) {
  OMENDB_ASSIGN(ReadView view, state_->Read(id, view_id));
  StartAnswer(state_->answer);
  state_->BeginReading();
  return GiveAnswer(state_->EndReading(GetRows(view, ids, include, state_->answer)), state_->answer);
}

Result<std::span<const uint8_t>> Engine::List(CollectionId id, uint64_t cursor, uint32_t limit,
                                              uint32_t include, ViewId view_id) {
  OMENDB_ASSIGN(ReadView view, state_->Read(id, view_id));
  StartAnswer(state_->answer);
  state_->BeginReading();
  return GiveAnswer(state_->EndReading(ListRows(view, cursor, limit, include, state_->answer)),
                    state_->answer);
}

Result<uint64_t> Engine::CursorAfter(CollectionId id, std::span<const uint8_t> ids, ViewId view_id) const {
  OMENDB_ASSIGN(ReadView view, state_->Read(id, view_id));
  return CursorAfterRow(view, ids);
}

Result<uint32_t> Engine::Count(CollectionId id, ViewId view_id) const {
  OMENDB_ASSIGN(ReadView view, state_->Read(id, view_id));
  return view.rows();
}

Result<CollectionStats> Engine::Stats(CollectionId id) const {
  OMENDB_ASSIGN(const Collection* collection, state_->Require(id));
  return collection->Stats();
}

Status Engine::TakePlaceOf(const Engine& other) {
  OMENDB_TRY(state_->RequireOpen());
  OMENDB_TRY(other.state_->RequireWriter());
  if (state_->frames.open() || state_->checkpoint.open() || state_->wal.count() > 0) {
    return Status::Error(Code::kInvalidArgument, "expected an engine that was loaded and not used");
  }
  // States of the two have nothing to do with each other, so none before this one can be read.
  const uint64_t sequence = std::max(state_->sequence, other.state_->sequence) + 1;
  OMENDB_TRY(state_->log.StartAt(sequence));
  state_->sequence = sequence;
  state_->sequence_epoch = other.state_->head.epoch;
  state_->head = other.state_->head;
  state_->writer = true;
  state_->checkpoint.ForgetStored();
  state_->checkpoint.ContinueNumbers(other.state_->checkpoint);
  state_->Forget();
  return Status::Ok();
}

}  // namespace omendb
