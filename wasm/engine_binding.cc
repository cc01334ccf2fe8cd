// EngineBinding: Embind over core/include/omendb/engine.h, call by call, for js/wasm/core-engine.ts.
//
// No logic. Numbers go in and a code comes out (0: OK); everything else is read afterwards through accessors:
// the answer's pointer and size, a name, a number, the message of a failure. Bytes come in through the
// scratch region, which the caller fills first. Nothing throws, and no JavaScript object is made here.
//
// Pointers, sizes and handles are uint32_t (wasm32), so that they are unsigned in JavaScript too.
// Answers and names stay valid as long as engine.h says; the caller copies them at once.
#include <emscripten/bind.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "omendb/engine.h"

namespace omendb {
namespace {

uint32_t AddressOf(const void* pointer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer));
}

class EngineBinding {
 public:
  // Null when memory is refused.
  static EngineBinding* Create() {
    auto engine = Engine::Create();
    if (!engine.ok()) return nullptr;
    void* memory = std::malloc(sizeof(EngineBinding));
    if (memory == nullptr) return nullptr;
    return new (memory) EngineBinding(std::move(engine.value()));
  }
  // Embind deletes with `delete`; this pairs it with the malloc above, which returns null where
  // operator new would abort.
  static void operator delete(void* memory) { std::free(memory); }
  static void* operator new(size_t, void* memory) { return memory; }

  EngineBinding(const EngineBinding&) = delete;
  EngineBinding& operator=(const EngineBinding&) = delete;
  ~EngineBinding() { std::free(scratch_); }

  static uint32_t MemoryBytes() { return static_cast<uint32_t>(Engine::MemoryBytes()); }
  static uint64_t DefaultSeed() { return CollectionOptions().seed; }
  static bool RelaxedSimd() {
#ifdef __wasm_relaxed_simd__
    return true;
#else
    return false;
#endif
  }

  // ---- What the last call left --------------------------------------------------------------------
  uint32_t ReserveScratch(uint32_t size) {
    std::free(scratch_);
    scratch_ = size == 0 ? nullptr : static_cast<uint8_t*>(std::malloc(size));
    return AddressOf(scratch_);
  }
  [[nodiscard]] uint32_t MessagePointer() const { return AddressOf(status_.message().data()); }
  [[nodiscard]] uint32_t MessageSize() const { return static_cast<uint32_t>(status_.message().size()); }
  [[nodiscard]] uint32_t AnswerPointer() const { return AddressOf(answer_.data()); }
  [[nodiscard]] uint32_t AnswerSize() const { return static_cast<uint32_t>(answer_.size()); }
  [[nodiscard]] uint32_t NamePointer() const { return AddressOf(name_.data()); }
  [[nodiscard]] uint32_t NameSize() const { return static_cast<uint32_t>(name_.size()); }
  [[nodiscard]] uint64_t AnswerNumber() const { return number_; }

  // ---- Opening --------------------------------------------------------------------------------------
  void OpenNew() { engine_->OpenNew(); }
  uint32_t OpenHead(uint32_t size) { return Give(engine_->OpenHead(Bytes(size))); }
  uint32_t TakeOver() { return Give(engine_->TakeOver()); }
  uint32_t EncodeHead() { return GiveBytes(engine_->EncodeHead()); }
  [[nodiscard]] uint32_t RequiredObjectCount() const { return engine_->RequiredObjectCount(); }
  void RequiredObjectName(uint32_t index) { name_ = engine_->RequiredObjectName(index); }
  uint32_t LoadObject(uint32_t index, uint32_t size) { return Give(engine_->LoadObject(index, Bytes(size))); }
  uint32_t FinishLoad() { return Give(engine_->FinishLoad()); }
  uint32_t OfferWalName(uint32_t size) { return Give(engine_->OfferWalName(Text(size))); }
  uint32_t PlanReplay() { return Give(engine_->PlanReplay()); }
  [[nodiscard]] uint32_t ReplayCount() const { return engine_->ReplayCount(); }
  void ReplayName(uint32_t index) { name_ = engine_->ReplayName(index); }
  uint32_t ReplayFrame(uint32_t size) { return Give(engine_->ReplayFrame(Bytes(size))); }
  [[nodiscard]] bool IsReferenced(uint32_t size) const { return engine_->IsReferenced(Text(size)); }
  [[nodiscard]] uint64_t Sequence() const { return engine_->sequence(); }
  [[nodiscard]] uint32_t Epoch() const { return engine_->epoch(); }
  uint32_t TakePlaceOf(const EngineBinding* other) { return Give(engine_->TakePlaceOf(*other->engine_)); }

  // ---- Collections ------------------------------------------------------------------------------------
  [[nodiscard]] uint32_t FindCollection(uint32_t size) const { return engine_->FindCollection(Text(size)); }
  [[nodiscard]] uint32_t CollectionCount() const { return engine_->CollectionCount(); }
  [[nodiscard]] uint32_t CollectionAt(uint32_t index) const { return engine_->CollectionAt(index); }
  uint32_t CollectionName(uint32_t collection, uint32_t view) {
    auto name = engine_->CollectionName(collection, view);
    if (name.ok()) name_ = name.value();
    return Give(name.status());
  }
  // The answer: dimensions, metric, quantization, degree, ef_construction, seed, vector type, each a u64.
  uint32_t CollectionOptionsOf(uint32_t collection, uint32_t view) {
    auto options = engine_->CollectionOptionsOf(collection, view);
    if (options.ok()) {
      const CollectionOptions& o = options.value();
      GiveRecord({o.dimensions, static_cast<uint64_t>(o.metric), static_cast<uint64_t>(o.quantization),
                  o.degree, o.ef_construction, o.seed, static_cast<uint64_t>(o.vector_type)});
    }
    return Give(options.status());
  }

  // ---- Writing --------------------------------------------------------------------------------------------
  uint32_t BeginFrame(uint64_t time_ms) { return Give(engine_->BeginFrame(time_ms)); }
  // The answer is where the payload goes.
  uint32_t FramePayload(uint32_t size) {
    auto payload = engine_->FramePayload(size);
    if (payload.ok()) answer_ = {payload.value(), size};
    return Give(payload.status());
  }
  uint32_t FrameUpsert(uint32_t collection) { return Give(engine_->FrameUpsert(collection)); }
  uint32_t FrameDelete(uint32_t collection) { return Give(engine_->FrameDelete(collection)); }
  uint32_t FrameCreate(uint32_t name_size, uint32_t dimensions, uint32_t metric, uint32_t quantization,
                       uint32_t degree, uint32_t ef_construction, uint64_t seed, uint32_t vector_type) {
    const CollectionOptions options{.dimensions = dimensions,
                                    .metric = static_cast<Metric>(metric),
                                    .quantization = static_cast<Quantization>(quantization),
                                    .degree = static_cast<uint16_t>(degree),
                                    .ef_construction = static_cast<uint16_t>(ef_construction),
                                    .seed = seed,
                                    .vector_type = static_cast<VectorType>(vector_type)};
    return Give(engine_->FrameCreate(Text(name_size), options));
  }
  uint32_t FrameDrop(uint32_t collection) { return Give(engine_->FrameDrop(collection)); }
  uint32_t FrameTransaction(uint32_t transaction) { return Give(engine_->FrameTransaction(transaction)); }
  uint32_t FrameRestore(uint32_t view) { return Give(engine_->FrameRestore(view)); }
  uint32_t FrameToken(uint64_t client, uint64_t request) {
    return Give(engine_->FrameToken({.client = client, .request = request}));
  }
  uint32_t SealFrame() { return GiveBytes(engine_->SealFrame()); }
  void FrameName() { name_ = engine_->FrameName(); }
  void ApplyFrame() { engine_->ApplyFrame(); }
  [[nodiscard]] uint32_t AppliedCount(uint32_t index) const { return engine_->AppliedCount(index); }
  void DiscardFrame() { engine_->DiscardFrame(); }
  uint32_t FindToken(uint64_t client, uint64_t request) {
    return GiveNumber(engine_->FindToken({.client = client, .request = request}));
  }
  uint32_t CheckRowBatch(uint32_t collection, uint32_t size) {
    return Give(engine_->CheckRowBatch(collection, Bytes(size)));
  }

  // ---- Views, history -----------------------------------------------------------------------------------
  // The number of the first three: the view.
  uint32_t OpenView() { return GiveNumber(engine_->OpenView()); }
  uint32_t OpenViewAt(uint64_t sequence) { return GiveNumber(engine_->OpenViewAt(sequence)); }
  uint32_t BeginTransaction() { return GiveNumber(engine_->BeginTransaction()); }
  uint32_t ViewSequence(uint32_t view) { return GiveNumber(engine_->ViewSequence(view)); }
  void CloseView(uint32_t view) { engine_->CloseView(view); }
  [[nodiscard]] uint32_t FindCollectionIn(uint32_t view, uint32_t size) const {
    return engine_->FindCollectionIn(view, Text(size));
  }
  // The answer: their ids, each a u32.
  uint32_t CollectionsIn(uint32_t view) {
    auto ids = engine_->CollectionsIn(view);
    if (ids.ok()) {
      answer_ = {reinterpret_cast<const uint8_t*>(ids.value().data()), ids.value().size_bytes()};
    }
    return Give(ids.status());
  }
  uint32_t TransactionUpsert(uint32_t transaction, uint32_t collection, uint32_t size) {
    return Give(engine_->TransactionUpsert(transaction, collection, Bytes(size)));
  }
  uint32_t TransactionDelete(uint32_t transaction, uint32_t collection, uint32_t size) {
    return GiveNumber(engine_->TransactionDelete(transaction, collection, Bytes(size)));
  }
  void ForgetBefore(uint64_t time_ms) { engine_->ForgetBefore(time_ms); }
  [[nodiscard]] uint64_t OldestSequence() const { return engine_->OldestSequence(); }
  uint32_t SequenceAt(uint64_t time_ms) { return GiveNumber(engine_->SequenceAt(time_ms)); }

  // ---- Reading --------------------------------------------------------------------------------------------
  // The queries are the scratch region's first floats.
  uint32_t Search(uint32_t collection, uint32_t query_count, uint32_t k, uint32_t ef_search, bool exact,
                  uint32_t include, uint32_t view) {
    const SearchRequest request{.collection = collection,
                                .queries = reinterpret_cast<const float*>(scratch_),
                                .query_count = query_count,
                                .k = k,
                                .ef_search = ef_search,
                                .exact = exact,
                                .include = include,
                                .view = view};
    return GiveBytes(engine_->Search(request));
  }
  uint32_t Get(uint32_t collection, uint32_t size, uint32_t include, uint32_t view) {
    return GiveBytes(engine_->Get(collection, Bytes(size), include, view));
  }
  uint32_t List(uint32_t collection, uint64_t cursor, uint32_t limit, uint32_t include, uint32_t view) {
    return GiveBytes(engine_->List(collection, cursor, limit, include, view));
  }
  uint32_t CursorAfter(uint32_t collection, uint32_t size, uint32_t view) {
    return GiveNumber(engine_->CursorAfter(collection, Bytes(size), view));
  }
  uint32_t Count(uint32_t collection, uint32_t view) { return GiveNumber(engine_->Count(collection, view)); }
  // The answer: the members of CollectionStats in their order, each a u64.
  uint32_t Stats(uint32_t collection) {
    auto stats = engine_->Stats(collection);
    if (stats.ok()) {
      const CollectionStats& s = stats.value();
      GiveRecord({s.live_rows, s.deleted_rows, s.indexed_rows, s.vector_bytes, s.code_bytes, s.link_bytes,
                  s.id_bytes, s.metadata_bytes, s.memtable_rows, s.segments, s.live_bytes,
                  static_cast<uint64_t>(s.codes), s.code_row_bytes, s.code_recall_loss_ppm, s.vector_hits,
                  s.vector_misses, s.vector_evictions, s.vectors_in_memory});
    }
    return Give(stats.status());
  }

  // ---- Vectors in storage
  // -----------------------------------------------------------------------------------
  void LeaveVectors(uint64_t bytes_min) { engine_->LeaveVectors(bytes_min); }
  [[nodiscard]] uint32_t LeftObjectCount() const { return engine_->LeftObjectCount(); }
  void LeftObjectName(uint32_t index) { name_ = engine_->LeftObjectName(index); }
  void SetMemoryBudget(uint64_t bytes, bool may_leave) { engine_->SetMemoryBudget(bytes, may_leave); }
  // The answer: an array of WantedRange.
  void Wanted() {
    const std::span<const WantedRange> wanted = engine_->Wanted();
    answer_ = {reinterpret_cast<const uint8_t*>(wanted.data()), wanted.size_bytes()};
  }
  uint32_t TakeWanted(uint32_t size) { return Give(engine_->TakeWanted(Bytes(size))); }
  [[nodiscard]] uint32_t MakeRoom(uint64_t bytes) { return static_cast<uint32_t>(engine_->MakeRoom(bytes)); }

  // ---- Background work, checkpoint ------------------------------------------------------------------------
  // The number: steps that remain.
  uint32_t Work(uint32_t steps) {
    auto state = engine_->Work(steps);
    if (state.ok()) number_ = state.value().remaining;
    return Give(state.status());
  }
  uint32_t BeginCheckpoint(bool whole) { return Give(engine_->BeginCheckpoint(whole)); }
  // The number: 1 when there is an object, which is the answer.
  uint32_t NextCheckpointObject() {
    auto more = engine_->NextCheckpointObject();
    if (more.ok()) {
      number_ = more.value() ? 1 : 0;
      if (more.value()) answer_ = engine_->CheckpointObject();
    }
    return Give(more.status());
  }
  void CheckpointObjectName() { name_ = engine_->CheckpointObjectName(); }
  void FinishCheckpoint() { engine_->FinishCheckpoint(); }
  void AbortCheckpoint() { engine_->AbortCheckpoint(); }
  [[nodiscard]] uint64_t UncheckpointedWalBytes() const { return engine_->UncheckpointedWalBytes(); }
  [[nodiscard]] uint32_t UncheckpointedWalObjects() const { return engine_->UncheckpointedWalObjects(); }
  [[nodiscard]] uint64_t UncheckpointedGraphRows() const { return engine_->UncheckpointedGraphRows(); }
  [[nodiscard]] uint64_t ReclaimableBytes() const { return engine_->ReclaimableBytes(); }
  [[nodiscard]] uint32_t StoredObjectCount() const { return engine_->StoredObjectCount(); }
  void StoredObjectName(uint32_t index) { name_ = engine_->StoredObjectName(index); }

 private:
  static constexpr size_t kRecordLength = 18;

  explicit EngineBinding(Engine::Pointer engine) : engine_(std::move(engine)) {}

  // The scratch region's first `size` bytes. The caller has reserved at least that.
  [[nodiscard]] std::span<const uint8_t> Bytes(uint32_t size) const { return {scratch_, size}; }
  [[nodiscard]] std::string_view Text(uint32_t size) const {
    return {reinterpret_cast<const char*>(scratch_), size};
  }

  uint32_t Give(const Status& status) {
    if (!status.ok()) status_ = status;
    return static_cast<uint32_t>(status.code());
  }
  uint32_t GiveBytes(const Result<std::span<const uint8_t>>& bytes) {
    if (bytes.ok()) answer_ = bytes.value();
    return Give(bytes.status());
  }
  template <typename T>
  uint32_t GiveNumber(const Result<T>& number) {
    if (number.ok()) number_ = number.value();
    return Give(number.status());
  }
  template <size_t n>
  void GiveRecord(const uint64_t (&record)[n]) {
    static_assert(n <= kRecordLength);
    for (size_t i = 0; i < n; ++i) record_[i] = record[i];
    answer_ = {reinterpret_cast<const uint8_t*>(record_), sizeof(record)};
  }

  Engine::Pointer engine_;
  uint8_t* scratch_ = nullptr;
  Status status_;  // of the last failure
  std::span<const uint8_t> answer_;
  std::string_view name_;
  uint64_t number_ = 0;
  uint64_t record_[kRecordLength] = {};
};

}  // namespace
}  // namespace omendb

// embind_runtime.js takes the place of libembind, so this is here: a list of what to bind again in further
// threads, of which there are none, and the types that calls return.
void emscripten::internal::_embind_register_bindings(InitFunc* /*bindings*/) {}

EMSCRIPTEN_BINDINGS(omendb) {
  using emscripten::allow_raw_pointers;
  using namespace emscripten::internal;
  using omendb::EngineBinding;
  _embind_register_void(TypeID<void>::get(), nullptr);
  _embind_register_bool(TypeID<bool>::get(), nullptr, true, false);
  _embind_register_integer(TypeID<uint32_t>::get(), nullptr, sizeof(uint32_t), 0, UINT32_MAX);
  _embind_register_bigint(TypeID<uint64_t>::get(), nullptr, sizeof(uint64_t), 0, UINT64_MAX);
  emscripten::class_<EngineBinding>("EngineBinding")
      .class_function("create", &EngineBinding::Create, allow_raw_pointers())
      .class_function("memoryBytes", &EngineBinding::MemoryBytes)
      .class_function("defaultSeed", &EngineBinding::DefaultSeed)
      .class_function("relaxedSimd", &EngineBinding::RelaxedSimd)
      .function("reserveScratch", &EngineBinding::ReserveScratch)
      .function("messagePointer", &EngineBinding::MessagePointer)
      .function("messageSize", &EngineBinding::MessageSize)
      .function("answerPointer", &EngineBinding::AnswerPointer)
      .function("answerSize", &EngineBinding::AnswerSize)
      .function("namePointer", &EngineBinding::NamePointer)
      .function("nameSize", &EngineBinding::NameSize)
      .function("answerNumber", &EngineBinding::AnswerNumber)
      .function("openNew", &EngineBinding::OpenNew)
      .function("openHead", &EngineBinding::OpenHead)
      .function("takeOver", &EngineBinding::TakeOver)
      .function("encodeHead", &EngineBinding::EncodeHead)
      .function("requiredObjectCount", &EngineBinding::RequiredObjectCount)
      .function("requiredObjectName", &EngineBinding::RequiredObjectName)
      .function("loadObject", &EngineBinding::LoadObject)
      .function("finishLoad", &EngineBinding::FinishLoad)
      .function("offerWalName", &EngineBinding::OfferWalName)
      .function("planReplay", &EngineBinding::PlanReplay)
      .function("replayCount", &EngineBinding::ReplayCount)
      .function("replayName", &EngineBinding::ReplayName)
      .function("replayFrame", &EngineBinding::ReplayFrame)
      .function("isReferenced", &EngineBinding::IsReferenced)
      .function("sequence", &EngineBinding::Sequence)
      .function("epoch", &EngineBinding::Epoch)
      .function("takePlaceOf", &EngineBinding::TakePlaceOf, allow_raw_pointers())
      .function("findCollection", &EngineBinding::FindCollection)
      .function("collectionCount", &EngineBinding::CollectionCount)
      .function("collectionAt", &EngineBinding::CollectionAt)
      .function("collectionName", &EngineBinding::CollectionName)
      .function("collectionOptions", &EngineBinding::CollectionOptionsOf)
      .function("beginFrame", &EngineBinding::BeginFrame)
      .function("framePayload", &EngineBinding::FramePayload)
      .function("frameUpsert", &EngineBinding::FrameUpsert)
      .function("frameDelete", &EngineBinding::FrameDelete)
      .function("frameCreate", &EngineBinding::FrameCreate)
      .function("frameDrop", &EngineBinding::FrameDrop)
      .function("frameTransaction", &EngineBinding::FrameTransaction)
      .function("frameRestore", &EngineBinding::FrameRestore)
      .function("frameToken", &EngineBinding::FrameToken)
      .function("sealFrame", &EngineBinding::SealFrame)
      .function("frameName", &EngineBinding::FrameName)
      .function("applyFrame", &EngineBinding::ApplyFrame)
      .function("appliedCount", &EngineBinding::AppliedCount)
      .function("discardFrame", &EngineBinding::DiscardFrame)
      .function("findToken", &EngineBinding::FindToken)
      .function("checkRowBatch", &EngineBinding::CheckRowBatch)
      .function("openView", &EngineBinding::OpenView)
      .function("openViewAt", &EngineBinding::OpenViewAt)
      .function("beginTransaction", &EngineBinding::BeginTransaction)
      .function("viewSequence", &EngineBinding::ViewSequence)
      .function("closeView", &EngineBinding::CloseView)
      .function("findCollectionIn", &EngineBinding::FindCollectionIn)
      .function("collectionsIn", &EngineBinding::CollectionsIn)
      .function("transactionUpsert", &EngineBinding::TransactionUpsert)
      .function("transactionDelete", &EngineBinding::TransactionDelete)
      .function("forgetBefore", &EngineBinding::ForgetBefore)
      .function("oldestSequence", &EngineBinding::OldestSequence)
      .function("sequenceAt", &EngineBinding::SequenceAt)
      .function("search", &EngineBinding::Search)
      .function("get", &EngineBinding::Get)
      .function("list", &EngineBinding::List)
      .function("cursorAfter", &EngineBinding::CursorAfter)
      .function("count", &EngineBinding::Count)
      .function("stats", &EngineBinding::Stats)
      .function("leaveVectors", &EngineBinding::LeaveVectors)
      .function("leftObjectCount", &EngineBinding::LeftObjectCount)
      .function("leftObjectName", &EngineBinding::LeftObjectName)
      .function("setMemoryBudget", &EngineBinding::SetMemoryBudget)
      .function("wanted", &EngineBinding::Wanted)
      .function("takeWanted", &EngineBinding::TakeWanted)
      .function("makeRoom", &EngineBinding::MakeRoom)
      .function("work", &EngineBinding::Work)
      .function("beginCheckpoint", &EngineBinding::BeginCheckpoint)
      .function("nextCheckpointObject", &EngineBinding::NextCheckpointObject)
      .function("checkpointObjectName", &EngineBinding::CheckpointObjectName)
      .function("finishCheckpoint", &EngineBinding::FinishCheckpoint)
      .function("abortCheckpoint", &EngineBinding::AbortCheckpoint)
      .function("uncheckpointedWalBytes", &EngineBinding::UncheckpointedWalBytes)
      .function("uncheckpointedWalObjects", &EngineBinding::UncheckpointedWalObjects)
      .function("uncheckpointedGraphRows", &EngineBinding::UncheckpointedGraphRows)
      .function("reclaimableBytes", &EngineBinding::ReclaimableBytes)
      .function("storedObjectCount", &EngineBinding::StoredObjectCount)
      .function("storedObjectName", &EngineBinding::StoredObjectName);
}
