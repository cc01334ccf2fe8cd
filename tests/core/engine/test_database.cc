#include "test_database.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace omendb::test {
namespace {

template <typename T>
void Put(ByteVector& out, T value) {
  size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

template <typename T>
T At(std::span<const uint8_t> bytes, size_t offset) {
  T value;
  EXPECT_LE(offset + sizeof(T), bytes.size());
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

void PadTo(ByteVector& out, size_t alignment) {
  while (out.size() % alignment != 0) out.push_back(0);
}

std::string IntegerId(char kind, int64_t value) {
  std::string id(9, '\0');
  id[0] = kind;
  std::memcpy(id.data() + 1, &value, 8);
  return id;
}

std::vector<std::string> DecodeList(std::span<const uint8_t> list) {
  uint32_t count = At<uint32_t>(list, 0);
  std::vector<std::string> entries;
  size_t content = 4 + 4 * (size_t{count} + 1);
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t start = At<uint32_t>(list, 4 + 4 * size_t{i});
    uint32_t end = At<uint32_t>(list, 8 + 4 * size_t{i});
    entries.emplace_back(reinterpret_cast<const char*>(list.data()) + content + start, end - start);
  }
  return entries;
}

size_t AlignUp16(size_t offset) { return (offset + 15) / 16 * 16; }

}  // namespace

std::string StringId(const std::string& text) { return "\x02" + text; }
std::string NumberId(int64_t value) { return IntegerId('\0', value); }
std::string BigintId(int64_t value) { return IntegerId('\1', value); }

void PrintTo(const Row& row, std::ostream* out) {
  *out << testing::PrintToString(row.id) << " (" << row.vector.size() << " floats from "
       << (row.vector.empty() ? 0.0F : row.vector[0]) << ", " << row.metadata.size() << " bytes)";
}

ByteVector EncodeIds(const std::vector<std::string>& ids) {
  ByteVector out;
  Put(out, static_cast<uint32_t>(ids.size()));
  uint32_t offset = 0;
  Put(out, offset);
  for (const std::string& id : ids) Put(out, offset += static_cast<uint32_t>(id.size()));
  for (const std::string& id : ids) out.insert(out.end(), id.begin(), id.end());
  PadTo(out, 4);
  return out;
}

float Nearest(VectorType type, float value) {
  switch (type) {
    case VectorType::kFloat32:
      return value;
    case VectorType::kFloat16: {
      // A half has 11 digits, the last one worth 2^-24 at least.
      int exponent = 0;
      (void)std::frexp(value, &exponent);
      const float last = std::ldexp(1.0F, std::max(exponent - 11, -24));
      return std::nearbyint(value / last) * last;
    }
    case VectorType::kInt8:
      return std::clamp(std::nearbyint(value), -128.0F, 127.0F);
    case VectorType::kBinary:
      break;
  }
  return value > 0 ? 1 : 0;
}

ByteVector EncodeVector(VectorType type, const std::vector<float>& vector) {
  ByteVector out;
  if (type == VectorType::kBinary) out.resize((vector.size() + 7) / 8);
  for (size_t i = 0; i < vector.size(); ++i) {
    const float value = vector[i];
    switch (type) {
      case VectorType::kFloat32:
        Put(out, value);
        break;
      case VectorType::kFloat16: {
        // By the definition: sign, biased exponent, digits after the first.
        int exponent = 0;
        const float digits = std::frexp(std::fabs(value), &exponent);
        unsigned half = std::signbit(value) ? 0x8000 : 0;
        if (std::isnan(value)) {
          half |= 0x7e00;
        } else if (std::isinf(value)) {
          half |= 0x7c00;
        } else if (exponent < -13) {
          half |= static_cast<unsigned>(std::ldexp(digits, exponent + 24));
        } else if (value != 0) {
          half |= static_cast<unsigned>(exponent + 14) << 10;
          half += static_cast<unsigned>(std::ldexp(digits, 11)) - 1024;
        }
        Put(out, static_cast<uint16_t>(half));
        break;
      }
      case VectorType::kInt8:
        Put(out, static_cast<int8_t>(value));
        break;
      case VectorType::kBinary:
        if (value != 0) out[i / 8] = static_cast<uint8_t>(out[i / 8] | 1U << i % 8);
        break;
    }
  }
  return out;
}

ByteVector EncodeRows(const std::vector<Row>& rows, uint32_t dimensions, VectorType type) {
  std::vector<std::string> ids;
  std::vector<std::string> metadata;
  bool any_metadata = false;
  for (const Row& row : rows) {
    ids.push_back(row.id);
    metadata.push_back(row.metadata);
    any_metadata = any_metadata || !row.metadata.empty();
  }
  ByteVector id_list = EncodeIds(ids);
  ByteVector metadata_list = any_metadata ? EncodeIds(metadata) : ByteVector();
  ByteVector out;
  Put(out, static_cast<uint32_t>(rows.size()));
  Put(out, dimensions);
  Put(out, static_cast<uint32_t>(id_list.size()));
  Put(out, static_cast<uint32_t>(metadata_list.size()));
  Put(out, static_cast<uint32_t>(type));
  out.resize(32);
  out.insert(out.end(), id_list.begin(), id_list.end());
  out.insert(out.end(), metadata_list.begin(), metadata_list.end());
  PadTo(out, 16);
  for (const Row& row : rows) {
    const ByteVector vector = EncodeVector(type, row.vector);
    out.insert(out.end(), vector.begin(), vector.end());
  }
  return out;
}

std::vector<Row> DecodeRows(std::span<const uint8_t> batch) {
  uint32_t count = At<uint32_t>(batch, 0);
  uint32_t dimensions = At<uint32_t>(batch, 4);
  uint32_t id_bytes = At<uint32_t>(batch, 8);
  uint32_t metadata_bytes = At<uint32_t>(batch, 12);
  std::vector<std::string> ids = DecodeList(batch.subspan(32, id_bytes));
  std::vector<std::string> metadata(count);
  if (metadata_bytes > 0) metadata = DecodeList(batch.subspan(32 + size_t{id_bytes}, metadata_bytes));
  size_t vectors = AlignUp16(32 + size_t{id_bytes} + metadata_bytes);
  EXPECT_EQ(batch.size(), vectors + size_t{4} * count * dimensions);
  EXPECT_EQ(ids.size(), count);
  EXPECT_EQ(metadata.size(), count);
  std::vector<Row> rows;
  for (uint32_t i = 0; i < count; ++i) {
    Row row{ids[i], {}, metadata[i]};
    row.vector.resize(dimensions);
    if (dimensions > 0) {
      std::memcpy(row.vector.data(), batch.data() + vectors + size_t{4} * i * dimensions,
                  size_t{4} * dimensions);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::vector<Hit>> DecodeHits(std::span<const uint8_t> answer) {
  uint32_t queries = At<uint32_t>(answer, 0);
  uint32_t count = At<uint32_t>(answer, 4);
  size_t distances = 8 + 4 * size_t{queries};
  std::vector<Row> rows = DecodeRows(answer.subspan(AlignUp16(distances + 4 * size_t{count})));
  EXPECT_EQ(rows.size(), count);
  std::vector<std::vector<Hit>> hits(queries);
  size_t next = 0;
  for (uint32_t query = 0; query < queries; ++query) {
    uint32_t of_query = At<uint32_t>(answer, 8 + 4 * size_t{query});
    for (uint32_t i = 0; i < of_query; ++i, ++next) {
      hits[query].push_back({At<float>(answer, distances + 4 * next), rows[next]});
    }
  }
  EXPECT_EQ(next, count);
  return hits;
}

std::vector<std::optional<Row>> DecodeGot(std::span<const uint8_t> answer) {
  uint32_t count = At<uint32_t>(answer, 0);
  std::vector<Row> rows = DecodeRows(answer.subspan(AlignUp16(4 + size_t{count})));
  std::vector<std::optional<Row>> got(count);
  size_t next = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (answer[4 + size_t{i}] != 0) got[i] = rows.at(next++);
  }
  EXPECT_EQ(next, rows.size());
  return got;
}

uint32_t BringWanted(Engine& engine, const Storage& storage) {
  ByteVector bytes;
  const auto ranges = static_cast<uint32_t>(engine.Wanted().size());
  EXPECT_GT(ranges, 0U) << "vectors are wanted, but none is named";
  for (const WantedRange& range : engine.Wanted()) {
    const auto found = storage.objects.find(range.object);
    if (found == storage.objects.end() || range.offset + range.bytes > found->second.size()) {
      ADD_FAILURE() << "wanted bytes " << range.offset << " + " << range.bytes << " of " << range.object;
      return 0;
    }
    const auto first = found->second.begin() + static_cast<ptrdiff_t>(range.offset);
    bytes.insert(bytes.end(), first, first + static_cast<ptrdiff_t>(range.bytes));
  }
  const Status taken = engine.TakeWanted(bytes);
  EXPECT_TRUE(taken.ok()) << taken.message();
  return taken.ok() ? ranges : 0;
}

// ---- Opening ------------------------------------------------------------------------------------------

Status Database::LoadInto(Engine& engine) {
  for (uint32_t i = 0; i < engine.RequiredObjectCount(); ++i) {
    std::string name(engine.RequiredObjectName(i));
    auto found = storage_->objects.find(name);
    if (found == storage_->objects.end()) return Status::Error(Code::kCorruption, "no object ", name);
    // A copy of exactly its size, so that a read past the end is seen by the sanitizers.
    ByteVector copy = found->second;
    OMENDB_TRY(engine.LoadObject(i, copy));
  }
  return engine.FinishLoad();
}

Status Database::ReplayInto(Engine& engine) {
  for (const auto& [name, bytes] : storage_->objects) {
    if (name.starts_with(Engine::kWalPrefix)) OMENDB_TRY(engine.OfferWalName(name));
  }
  OMENDB_TRY(engine.PlanReplay());
  for (uint32_t i = 0; i < engine.ReplayCount(); ++i) {
    ByteVector copy = storage_->objects.at(std::string(engine.ReplayName(i)));
    OMENDB_TRY(engine.ReplayFrame(copy));
  }
  return Status::Ok();
}

Status Database::Open(bool writer) {
  engine_.reset();
  OMENDB_ASSIGN(Engine::Pointer engine, Engine::Create());
  engine->LeaveVectors(left_bytes_min);
  engine->SetMemoryBudget(memory_budget);
  if (storage_->head.has_value()) {
    ByteVector copy = *storage_->head;
    OMENDB_TRY(engine->OpenHead(copy));
  } else {
    engine->OpenNew();
  }
  if (writer) {
    OMENDB_TRY(engine->TakeOver());
    OMENDB_ASSIGN(std::span<const uint8_t> head, engine->EncodeHead());
    storage_->head = ByteVector(head.begin(), head.end());
  }
  OMENDB_TRY(LoadInto(*engine));
  OMENDB_TRY(ReplayInto(*engine));
  if (writer) {
    std::erase_if(storage_->objects, [&](const auto& entry) { return !engine->IsReferenced(entry.first); });
  }
  engine_ = std::move(engine);
  if (!keeps_history) engine_->ForgetBefore(~uint64_t{0});
  return Status::Ok();
}

// ---- Writing ------------------------------------------------------------------------------------------

Status Database::AddUpsertBytes(CollectionId collection, const ByteVector& payload) {
  OMENDB_ASSIGN(uint8_t* out, engine_->FramePayload(static_cast<uint32_t>(payload.size())));
  if (!payload.empty()) std::memcpy(out, payload.data(), payload.size());
  // Budgets are there for what leaves memory; what they refuse has tests of its own.
  engine_->SetMemoryBudget(0);
  const Status added = engine_->FrameUpsert(collection);
  engine_->SetMemoryBudget(memory_budget);
  return added;
}

Status Database::AddUpsert(CollectionId collection, const std::vector<Row>& rows) {
  auto dimensions = static_cast<uint32_t>(rows.empty() ? 1 : rows[0].vector.size());
  // One that is not there has no type to be wrong.
  auto options = engine_->CollectionOptionsOf(collection);
  const VectorType type = options.ok() ? options.value().vector_type : VectorType::kFloat32;
  return AddUpsertBytes(collection, EncodeRows(rows, dimensions, type));
}

Status Database::AddDelete(CollectionId collection, const std::vector<std::string>& ids) {
  ByteVector payload = EncodeIds(ids);
  OMENDB_ASSIGN(uint8_t* out, engine_->FramePayload(static_cast<uint32_t>(payload.size())));
  std::memcpy(out, payload.data(), payload.size());
  return engine_->FrameDelete(collection);
}

Status Database::Commit() {
  OMENDB_ASSIGN(std::span<const uint8_t> object, engine_->SealFrame());
  std::string name(engine_->FrameName());
  EXPECT_FALSE(storage_->objects.contains(name)) << "the name " << name << " was used twice";
  EXPECT_TRUE(engine_->IsReferenced(name));
  storage_->objects[name] = ByteVector(object.begin(), object.end());
  engine_->ApplyFrame();
  if (!keeps_history) engine_->ForgetBefore(~uint64_t{0});
  EXPECT_TRUE(engine_->IsReferenced(name));
  return Status::Ok();
}

Status Database::Create(const std::string& name, const CollectionOptions& options) {
  OMENDB_TRY(engine_->BeginFrame());
  Status status = engine_->FrameCreate(name, options);
  if (status.ok()) status = Commit();
  if (!status.ok()) engine_->DiscardFrame();
  return status;
}

Status Database::Drop(CollectionId collection) {
  OMENDB_TRY(engine_->BeginFrame());
  Status status = engine_->FrameDrop(collection);
  if (status.ok()) status = Commit();
  if (!status.ok()) engine_->DiscardFrame();
  return status;
}

Status Database::Upsert(CollectionId collection, const std::vector<Row>& rows) {
  OMENDB_TRY(engine_->BeginFrame());
  Status status = AddUpsert(collection, rows);
  if (status.ok()) status = Commit();
  if (!status.ok()) engine_->DiscardFrame();
  return status;
}

Status Database::Delete(CollectionId collection, const std::vector<std::string>& ids, uint32_t* deleted) {
  OMENDB_TRY(engine_->BeginFrame());
  Status status = AddDelete(collection, ids);
  if (status.ok()) status = Commit();
  if (!status.ok()) engine_->DiscardFrame();
  if (status.ok() && deleted != nullptr) *deleted = engine_->AppliedCount(0);
  return status;
}

// ---- Checkpoint and work ------------------------------------------------------------------------------

Result<bool> Database::Checkpoint(uint32_t stop_after, bool whole) {
  uint32_t writes = 0;
  auto dies = [&] {
    if (writes++ < stop_after) return false;
    Crash();
    return true;
  };
  OMENDB_TRY(engine_->BeginCheckpoint(whole));
  for (;;) {
    OMENDB_ASSIGN(bool more,
                  WithVectors(*engine_, *storage_, [&] { return engine_->NextCheckpointObject(); }));
    if (!more) break;
    std::string name(engine_->CheckpointObjectName());
    EXPECT_FALSE(storage_->objects.contains(name)) << "the name " << name << " was used twice";
    std::span<const uint8_t> object = engine_->CheckpointObject();
    if (dies()) return false;
    storage_->objects[name] = ByteVector(object.begin(), object.end());
  }
  OMENDB_ASSIGN(std::span<const uint8_t> head, engine_->EncodeHead());
  if (dies()) return false;
  storage_->head = ByteVector(head.begin(), head.end());
  engine_->FinishCheckpoint();
  std::vector<std::string> orphans;
  for (const auto& [name, bytes] : storage_->objects) {
    if (!engine_->IsReferenced(name)) orphans.push_back(name);
  }
  for (const std::string& name : orphans) {
    if (dies()) return false;
    storage_->objects.erase(name);
  }
  return true;
}

Storage Database::StoredCheckpoint() {
  Storage stored;
  stored.head = storage_->head;
  for (uint32_t i = 0; i < engine_->StoredObjectCount(); ++i) {
    const std::string name(engine_->StoredObjectName(i));
    EXPECT_TRUE(stored.objects.emplace(name, storage_->objects.at(name)).second)
        << name << " is listed twice";
  }
  return stored;
}

Status Database::TakePlaceWith(const Storage& backup) {
  Storage copy = backup;
  Database other(&copy);
  OMENDB_TRY(other.Open(false));
  OMENDB_TRY(other.engine_->TakePlaceOf(*engine_));
  engine_ = std::move(other.engine_);
  return Status::Ok();
}

Status Database::Finish() {
  for (;;) {
    OMENDB_ASSIGN(WorkState work, WithVectors(*engine_, *storage_, [&] { return engine_->Work(1000); }));
    if (work.remaining == 0) return Status::Ok();
  }
}

// ---- Reading ------------------------------------------------------------------------------------------

std::vector<Hit> Database::Search(CollectionId collection, const std::vector<float>& query, uint32_t k,
                                  bool exact, uint32_t include) {
  SearchRequest request;
  request.collection = collection;
  request.queries = query.data();
  request.query_count = 1;
  request.k = k;
  request.exact = exact;
  request.include = include;
  auto answer = WithVectors(*engine_, *storage_, [&] { return engine_->Search(request); });
  EXPECT_TRUE(answer.ok()) << answer.status().message();
  if (!answer.ok()) return {};
  return DecodeHits(answer.value()).at(0);
}

std::vector<std::optional<Row>> Database::Get(CollectionId collection, const std::vector<std::string>& ids) {
  auto answer = WithVectors(*engine_, *storage_, [&] {
    return engine_->Get(collection, EncodeIds(ids), kIncludeMetadata | kIncludeVectors);
  });
  EXPECT_TRUE(answer.ok()) << answer.status().message();
  if (!answer.ok()) return {};
  return DecodeGot(answer.value());
}

std::vector<Row> Database::ListAll(CollectionId collection, uint32_t page_rows) {
  std::vector<Row> rows;
  uint64_t cursor = 0;
  do {
    auto answer = WithVectors(*engine_, *storage_, [&] {
      return engine_->List(collection, cursor, page_rows, kIncludeMetadata | kIncludeVectors);
    });
    EXPECT_TRUE(answer.ok()) << answer.status().message();
    if (!answer.ok()) return rows;
    cursor = At<uint64_t>(answer.value(), 0);
    std::vector<Row> page = DecodeRows(answer.value().subspan(16));
    EXPECT_LE(page.size(), page_rows);
    rows.insert(rows.end(), page.begin(), page.end());
  } while (cursor != 0);
  return rows;
}

}  // namespace omendb::test
