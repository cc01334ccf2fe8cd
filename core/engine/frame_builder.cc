#include "engine/frame_builder.h"

#include <algorithm>

#include "distance/metric.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// An upsert with this much of vectors becomes a segment whose vectors stay in the frame: written once.
constexpr uint64_t kUploadVectorBytes = uint64_t{1} << 20;

Status NoSuchCollection(CollectionId id) {
  return Status::Error(Code::kNotFound, "no collection has id ", id);
}

}  // namespace

Status FrameBuilder::Begin(uint64_t time_ms) {
  if (open_) return Status::Error(Code::kInvalidArgument, "a frame is open already");
  writer_.Trim();
  OMENDB_TRY(writer_.Begin());
  operations_.Clear();
  frame_rows_ = 0;
  time_ms_ = time_ms;
  open_ = true;
  sealed_ = false;
  return Status::Ok();
}

Status FrameBuilder::RequireOpen() const {
  if (!open_) return Status::Error(Code::kInvalidArgument, "no frame is open");
  if (sealed_) return Status::Error(Code::kInvalidArgument, "the frame is sealed: apply or discard it");
  return Status::Ok();
}

Status FrameBuilder::RequirePayload() const {
  OMENDB_TRY(RequireOpen());
  if (!writer_.prepared()) return Status::Error(Code::kInvalidArgument, "FramePayload was not called");
  return Status::Ok();
}

Result<uint8_t*> FrameBuilder::Payload(uint32_t size) {
  OMENDB_TRY(RequireOpen());
  return writer_.Prepare(size);
}

bool FrameBuilder::Drops(CollectionId id) const {
  for (const Operation& operation : operations_) {
    if (operation.stored.kind == OperationKind::kDrop && operation.stored.collection == id) return true;
  }
  return false;
}

uint32_t FrameBuilder::CountOf(OperationKind kind) const {
  uint32_t count = 0;
  for (const Operation& operation : operations_) count += operation.stored.kind == kind ? 1U : 0U;
  return count;
}

Result<Collection*> FrameBuilder::Target(CollectionId id) const {
  Collection* collection = collections_.Find(id);
  for (const Operation& operation : operations_) {
    if (operation.created && operation.created->id() == id) collection = operation.created.get();
  }
  if (collection == nullptr || Drops(id)) return NoSuchCollection(id);
  return collection;
}

// ---- Staging ------------------------------------------------------------------------------------------

Status FrameBuilder::StageUpsert(CollectionId id, ByteSpan payload, const Origin& origin,
                                 Operation* operation) {
  OMENDB_ASSIGN(Collection * collection, Target(id));
  OMENDB_ASSIGN(RowBatch batch, RowBatch::Decode(payload, origin));
  if (batch.count() > kBatchRowsMax - frame_rows_) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchRowsMax,
                         " rows in one commit, found ", uint64_t{frame_rows_} + batch.count());
  }
  OMENDB_TRY(duplicates_.Check(batch));
  operation->rows = batch.count();
  const uint64_t vector_bytes = batch.count() * uint64_t{collection->rows().vector_bytes()};
  operation->is_upload = vector_bytes >= kUploadVectorBytes;
  OMENDB_TRY(collection->Stage(batch, operation->is_upload));
  operation->deaths = batch.count();
  if (operation->is_upload) {
    operation->vectors_offset = static_cast<size_t>(batch.vector_bytes(0) - payload.data());
  }
  return Status::Ok();
}

Status FrameBuilder::StageDelete(CollectionId id, ByteSpan payload, const Origin& origin,
                                 Operation* operation) {
  OMENDB_ASSIGN(Collection * collection, Target(id));
  OMENDB_ASSIGN(BlobList ids, DecodeIdList(payload, origin));
  if (ids.count() > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchRowsMax,
                         " ids in one delete, found ", ids.count());
  }
  OMENDB_TRY(collection->ReserveDeaths(ids.count()));
  operation->deaths = ids.count();
  return Status::Ok();
}

Status FrameBuilder::StageCreate(std::string_view name, const CollectionOptions& options,
                                 Owned<Collection>* created) {
  OMENDB_TRY(CheckCollectionName(name));
  OMENDB_TRY(CheckOptions(options));
  const Collection* existing = collections_.Find(name);
  bool taken = existing != nullptr && !Drops(existing->id());
  for (const Operation& operation : operations_) {
    if (operation.created && operation.created->name() == name) taken = true;
  }
  if (taken) {
    return Status::Error(Code::kInvalidArgument, "a collection named '", name, "' exists already");
  }
  uint32_t creates = CountOf(OperationKind::kCreate);
  if (collections_.count() + creates >= kCollectionsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kCollectionsMax, " collections");
  }
  if (0xffffffffU - collections_.next_id() <= creates) {
    return Status::Error(Code::kLimitExceeded, "all collection ids were used");
  }
  OMENDB_TRY(collections_.ReserveAdd(creates + 1));
  *created = Collection::Make(collections_.next_id() + creates, name, options);
  if (!*created) return OutOfMemory(sizeof(Collection));
  return Status::Ok();
}

Status FrameBuilder::StageDrop(CollectionId id) {
  if (collections_.Find(id) == nullptr || Drops(id)) return NoSuchCollection(id);
  return collections_.ReserveDrop(CountOf(OperationKind::kDrop) + 1);
}

// ---- Writing ------------------------------------------------------------------------------------------

Status FrameBuilder::Upsert(CollectionId collection) {
  OMENDB_TRY(RequirePayload());
  OMENDB_TRY(operations_.ReserveMore(1));
  Operation operation;
  OMENDB_TRY(StageUpsert(collection, writer_.payload(), Origin::Argument("row batch"), &operation));
  operation.stored = writer_.Take(OperationKind::kUpsert, collection);
  frame_rows_ += operation.rows;
  operations_.PushReserved(std::move(operation));
  return Status::Ok();
}

Status FrameBuilder::Delete(CollectionId collection) {
  OMENDB_TRY(RequirePayload());
  OMENDB_TRY(operations_.ReserveMore(1));
  Operation operation;
  OMENDB_TRY(StageDelete(collection, writer_.payload(), Origin::Argument("id list"), &operation));
  operation.stored = writer_.Take(OperationKind::kDelete, collection);
  operations_.PushReserved(std::move(operation));
  return Status::Ok();
}

Status FrameBuilder::Create(std::string_view name, const CollectionOptions& options) {
  OMENDB_TRY(RequireOpen());
  OMENDB_TRY(operations_.ReserveMore(1));
  Operation operation;
  OMENDB_TRY(StageCreate(name, options, &operation.created));
  Bytes payload;
  OMENDB_TRY(PutOptions(payload, options));
  OMENDB_TRY(PutName(payload, name));
  OMENDB_ASSIGN(uint8_t* out, writer_.Prepare(payload.size()));
  std::memcpy(out, payload.data(), payload.size());
  operation.stored = writer_.Take(OperationKind::kCreate, operation.created->id());
  operations_.PushReserved(std::move(operation));
  return Status::Ok();
}

Status FrameBuilder::Drop(CollectionId collection) {
  OMENDB_TRY(RequireOpen());
  OMENDB_TRY(operations_.ReserveMore(1));
  OMENDB_TRY(StageDrop(collection));
  OMENDB_TRY(writer_.Prepare(0).status());
  Operation operation;
  operation.stored = writer_.Take(OperationKind::kDrop, collection);
  operations_.PushReserved(std::move(operation));
  return Status::Ok();
}

Status FrameBuilder::Token(const omendb::Token& token) {
  OMENDB_TRY(RequireOpen());
  if (operations_.empty() || operations_.back().has_token) {
    return Status::Error(Code::kInvalidArgument, "expected an operation that has no token yet");
  }
  OMENDB_ASSIGN(uint8_t* out, writer_.Prepare(2 * sizeof(uint64_t)));
  StoreAt(out, token.client);
  StoreAt(out + sizeof(uint64_t), token.request);
  (void)writer_.Take(OperationKind::kToken, 0);
  operations_.back().has_token = true;
  operations_.back().token = token;
  return Status::Ok();
}

Result<ByteSpan> FrameBuilder::Seal(uint64_t sequence, uint32_t epoch) {
  OMENDB_TRY(RequireOpen());
  if (operations_.empty()) return Status::Error(Code::kInvalidArgument, "the frame has no operations");
  OMENDB_ASSIGN(ByteSpan object, writer_.Seal(sequence, epoch, time_ms_));
  name_ = ObjectName::Frame(epoch, sequence);
  sealed_ = true;
  return object;
}

void FrameBuilder::Apply() {
  assert(sealed_);
  for (Operation& operation : operations_) {
    CollectionId id = operation.stored.collection;
    switch (operation.stored.kind) {
      case OperationKind::kCreate:
        operation.created->set_created(name_.number());
        collections_.Add(std::move(operation.created));
        break;
      case OperationKind::kDrop:
        // What it still has to do with this frame ends here: afterwards nobody finds it by its id.
        EndOperations(id);
        collections_.Drop(id, name_.number());
        break;
      case OperationKind::kUpsert: {
        const VectorsReference vectors = VectorsOf(operation);
        collections_.Find(id)->CommitStaged(operation.rows, name_.number(),
                                            operation.is_upload ? &vectors : nullptr);
        operation.count = operation.rows;
        break;
      }
      case OperationKind::kDelete: {
        // Checked when it was added.
        Result<BlobList> ids = BlobList::Decode(PayloadOf(operation.stored), Origin::Argument("id list"));
        assert(ids.ok());
        operation.count = collections_.Find(id)->Delete(ids.value(), name_.number());
        break;
      }
      case OperationKind::kToken:
        break;  // kept with the operation it belongs to
    }
  }
  EndOperations(0);
  open_ = false;
  sealed_ = false;
  writer_.Trim();
}

VectorsReference FrameBuilder::VectorsOf(const Operation& operation) const {
  VectorsReference vectors;
  if (!operation.is_upload) return vectors;
  vectors.object = ObjectReference::To(name_, writer_.bytes());
  vectors.in_frame = true;
  vectors.offset = uint64_t{operation.stored.payload_offset} + operation.vectors_offset;
  vectors.rows = operation.rows;
  return vectors;
}

void FrameBuilder::EndOperations(CollectionId only) {
  for (const Operation& operation : operations_) {
    const CollectionId id = operation.stored.collection;
    if (only != 0 && id != only) continue;
    // Not found: dropped by this frame, or created by it and thrown away with it.
    Collection* collection = collections_.Find(id);
    if (collection != nullptr) collection->EndOperation(operation.deaths, operation.is_upload);
  }
}

void FrameBuilder::UnstageAll() {
  for (size_t i = operations_.size(); i-- > 0;) {
    const Operation& operation = operations_[i];
    Collection* collection = collections_.Find(operation.stored.collection);
    // Rows of the frame before this one stay.
    if (collection != nullptr) collection->DropStaged(collection->staged() - operation.rows);
  }
  EndOperations(0);
  operations_.Clear();
}

uint32_t FrameBuilder::token_count() const {
  return static_cast<uint32_t>(std::count_if(operations_.begin(), operations_.end(),
                                             [](const Operation& operation) { return operation.has_token; }));
}

void FrameBuilder::Discard() {
  UnstageAll();
  open_ = false;
  sealed_ = false;
  writer_.Trim();
}

void FrameBuilder::Rewind() {
  assert(open_ && !sealed_);
  UnstageAll();
  frame_rows_ = 0;
  // Begin made this room already.
  const Status begun = writer_.Begin();
  assert(begun.ok());
  (void)begun;
}

uint32_t FrameBuilder::AppliedCount(uint32_t index) const {
  return index < operations_.size() ? operations_[index].count : 0;
}

Status FrameBuilder::Check(const Collection& collection, ByteSpan bytes) {
  if (bytes.size() > kBatchBytesMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchBytesMax,
                         " bytes in one commit, found ", bytes.size());
  }
  OMENDB_ASSIGN(RowBatch batch, RowBatch::Decode(bytes, Origin::Argument("row batch")));
  if (batch.count() > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchRowsMax,
                         " rows in one commit, found ", batch.count());
  }
  const CollectionOptions& options = collection.options();
  OMENDB_TRY(collection.CheckVectors(batch));
  OMENDB_TRY(duplicates_.Check(batch));
  // Copied, because a caller's bytes need not be aligned.
  Bytes vector;
  OMENDB_TRY(vector.Resize(collection.rows().vector_bytes()));
  for (uint32_t row = 0; row < batch.count(); ++row) {
    std::memcpy(vector.data(), batch.vector_bytes(row), vector.size());
    float inverse_norm = 1;
    Status valid = CheckStoredVector(options.metric, options.vector_type, vector.data(), options.dimensions,
                                     &inverse_norm);
    if (!valid.ok()) return Status::Error(valid.code(), "row ", row, ": ", valid.message());
  }
  return Status::Ok();
}

// ---- Reading back -------------------------------------------------------------------------------------

Status FrameBuilder::StageStoredCreate(const FrameOperation& stored, const Origin& origin,
                                       Operation* operation) {
  Reader in(PayloadOf(stored));
  CollectionOptions options;
  std::string_view name;
  OMENDB_TRY(ReadOptions(in, origin, &options));
  OMENDB_TRY(ReadName(in, origin, &name));
  if (!in.done()) return origin.Fault(in.offset(), "expected the operation's end, found more bytes");
  OMENDB_TRY(StageCreate(name, options, &operation->created));
  if (operation->created->id() != stored.collection) {
    return origin.Fault(0, "expected collection id ", operation->created->id(), ", found ",
                        stored.collection);
  }
  return Status::Ok();
}

Status FrameBuilder::StageStored(const FrameOperation& stored, const Origin& origin) {
  OMENDB_TRY(operations_.ReserveMore(1));
  Operation operation;
  operation.stored = stored;
  ByteSpan payload = PayloadOf(stored);
  switch (stored.kind) {
    case OperationKind::kCreate:
      OMENDB_TRY(StageStoredCreate(stored, origin, &operation));
      break;
    case OperationKind::kDrop:
      if (!payload.empty()) return origin.Fault(0, "expected no payload, found ", payload.size(), " bytes");
      OMENDB_TRY(StageDrop(stored.collection));
      break;
    case OperationKind::kUpsert:
      OMENDB_TRY(StageUpsert(stored.collection, payload, origin, &operation));
      break;
    case OperationKind::kDelete:
      OMENDB_TRY(StageDelete(stored.collection, payload, origin, &operation));
      break;
    case OperationKind::kToken:
      return TakeStoredToken(stored, origin);
  }
  frame_rows_ += operation.rows;
  operations_.PushReserved(std::move(operation));
  return Status::Ok();
}

Status FrameBuilder::TakeStoredToken(const FrameOperation& stored, const Origin& origin) {
  const ByteSpan payload = PayloadOf(stored);
  if (operations_.empty() || operations_.back().has_token || payload.size() != 2 * sizeof(uint64_t)) {
    return origin.Fault(0, "expected a token of 16 bytes for the operation before it");
  }
  operations_.back().has_token = true;
  operations_.back().token = {LoadAt<uint64_t>(payload.data()),
                              LoadAt<uint64_t>(payload.data() + sizeof(uint64_t))};
  return Status::Ok();
}

Status FrameBuilder::ReadOperations(const ObjectName& name) {
  Origin origin = Origin::Stored(name.text());
  OMENDB_ASSIGN(FrameReader reader, FrameReader::Open(writer_.bytes(), origin));
  if (reader.sequence() != name.number() || reader.epoch() != name.epoch()) {
    return origin.Fault(kObjectHeaderBytes, "expected sequence ", name.number(), " of epoch ", name.epoch(),
                        ", found ", reader.sequence(), " of ", reader.epoch());
  }
  if (reader.operation_count() == 0)
    return origin.Fault(kObjectHeaderBytes + 12, "expected operations, found 0");
  time_ms_ = reader.time_ms();
  for (uint32_t i = 0; i < reader.operation_count(); ++i) {
    OMENDB_ASSIGN(FrameOperation stored, reader.Next());
    Origin payload = origin.At(stored.payload_offset);
    Status staged = StageStored(stored, payload);
    // What a caller may do wrong, a stored frame cannot: it was checked before it was written.
    bool known = staged.ok() || staged.code() == Code::kCorruption || staged.code() == Code::kOutOfMemory ||
                 staged.code() == Code::kUnsupportedVersion;
    if (!known) return payload.Fault(0, staged.message());
    OMENDB_TRY(std::move(staged));
  }
  return reader.CheckEnd();
}

Status FrameBuilder::Read(ByteSpan object, const ObjectName& name) {
  if (open_) return Status::Error(Code::kInvalidArgument, "a frame is open already");
  OMENDB_TRY(writer_.Assign(object));
  operations_.Clear();
  frame_rows_ = 0;
  Status read = ReadOperations(name);
  if (!read.ok()) {
    UnstageAll();
    return read;
  }
  name_ = name;
  open_ = true;
  sealed_ = true;
  return Status::Ok();
}

}  // namespace omendb
