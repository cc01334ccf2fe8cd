// OmenDB's core built natively (CMake preset native-release: AVX2 chosen at run time) as an engine of the
// benchmark: the same public C++ API that the wasm module wraps, without JavaScript. Driven line by line, see
// peer_protocol.h.
//   option: auto (default), sq8 or f32
#include <cstring>

#include "omendb/engine.h"
#include "peer_protocol.h"

namespace {

using namespace omendb;

constexpr uint32_t kBatchRows = 4096;
constexpr uint32_t kWorkSteps = 1000;
constexpr size_t kIdBytes = 9;  // a kind and an int64

void Check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(status.message().size()), status.message().data());
  std::exit(1);
}

template <typename T>
T Take(Result<T> result) {
  Check(result.status());
  return std::move(result.value());
}

template <typename T>
T LoadAs(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

size_t AlignUp(size_t offset, size_t alignment) { return (offset + alignment - 1) / alignment * alignment; }

// docs/file-format.md, "Row batch", with numbers as ids and no metadata.
std::vector<uint8_t> EncodeBatch(const bench::Setup& setup, uint32_t first, uint32_t count) {
  const size_t offsets = sizeof(uint32_t) * (size_t{count} + 2);
  const size_t id_list = AlignUp(offsets + kIdBytes * count, 4);
  const size_t vectors = AlignUp(32 + id_list, 16);
  const size_t vector_bytes = setup.dimensions * sizeof(float);
  std::vector<uint8_t> batch(vectors + vector_bytes * count);
  const auto put = [&batch](size_t at, auto value) { std::memcpy(batch.data() + at, &value, sizeof(value)); };
  put(0, count);
  put(4, static_cast<uint32_t>(setup.dimensions));
  put(8, static_cast<uint32_t>(id_list));
  put(32, count);
  for (uint32_t i = 0; i <= count; ++i) put(36 + 4 * size_t{i}, static_cast<uint32_t>(kIdBytes * i));
  for (uint32_t i = 0; i < count; ++i) put(32 + offsets + kIdBytes * i + 1, int64_t{first} + i);
  std::memcpy(batch.data() + vectors, setup.row(first), vector_bytes * count);
  return batch;
}

Metric MetricOf(const std::string& name) {
  if (name == "cosine") return Metric::kCosine;
  return name == "dot" ? Metric::kDot : Metric::kL2;
}

class OmendbIndex {
 public:
  explicit OmendbIndex(const bench::Setup& setup) : setup_(setup), engine_(Take(Engine::Create())) {}

  void Build() {
    engine_->OpenNew();
    Check(engine_->TakeOver());
    CollectionOptions options;
    options.dimensions = static_cast<uint32_t>(setup_.dimensions);
    options.metric = MetricOf(setup_.metric);
    options.quantization = Quantization::kAuto;
    if (setup_.option == "sq8") options.quantization = Quantization::kSq8;
    if (setup_.option == "f32") options.quantization = Quantization::kNone;
    options.degree = static_cast<uint16_t>(setup_.degree);
    options.ef_construction = static_cast<uint16_t>(setup_.ef_construction);
    Check(engine_->BeginFrame());
    Check(engine_->FrameCreate("rows", options));
    Commit();
    collection_ = engine_->FindCollection("rows");
    const uint32_t rows = static_cast<uint32_t>(setup_.rows());
    for (uint32_t first = 0; first < rows; first += kBatchRows) {
      const std::vector<uint8_t> batch = EncodeBatch(setup_, first, std::min(kBatchRows, rows - first));
      Check(engine_->BeginFrame());
      std::memcpy(Take(engine_->FramePayload(static_cast<uint32_t>(batch.size()))), batch.data(),
                  batch.size());
      Check(engine_->FrameUpsert(collection_));
      Commit();
    }
    while (Take(engine_->Work(kWorkSteps)).remaining > 0) continue;
  }

  void SetEf(size_t ef) { ef_ = static_cast<uint32_t>(ef); }

  size_t Search(const float* query, size_t k, uint32_t* rows) {
    SearchRequest request;
    request.collection = collection_;
    request.queries = query;
    request.query_count = 1;
    request.k = static_cast<uint32_t>(k);
    request.ef_search = ef_;
    request.include = 0;
    // docs/file-format.md, "Answers": counts, distances, then a row batch with the ids.
    const std::span<const uint8_t> answer = Take(engine_->Search(request));
    const uint32_t count = LoadAs<uint32_t>(answer.data() + 4);
    const uint8_t* ids = answer.data() + AlignUp(12 + sizeof(float) * count, 16) + 32;
    const uint8_t* content = ids + sizeof(uint32_t) * (size_t{count} + 2);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t at = LoadAs<uint32_t>(ids + 4 + sizeof(uint32_t) * i);
      rows[i] = static_cast<uint32_t>(LoadAs<int64_t>(content + at + 1));
    }
    return count;
  }

  uint64_t Save(const std::string& path) {
    std::filesystem::create_directories(path);
    uint64_t bytes = 0;
    const auto write = [&](std::string_view name, std::span<const uint8_t> content) {
      std::ofstream file(path + "/" + std::string(name), std::ios::binary);
      file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
      bytes += content.size();
    };
    Check(engine_->BeginCheckpoint(true));
    while (Take(engine_->NextCheckpointObject())) {
      write(engine_->CheckpointObjectName(), engine_->CheckpointObject());
    }
    write("head", Take(engine_->EncodeHead()));
    engine_->FinishCheckpoint();
    return bytes;
  }

  void Load(const std::string& path) {
    const auto read = [&path](std::string_view name) {
      std::ifstream file(path + "/" + std::string(name), std::ios::binary | std::ios::ate);
      std::vector<uint8_t> content(static_cast<size_t>(file.tellg()));
      file.seekg(0);
      file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
      return content;
    };
    Check(engine_->OpenHead(read("head")));
    for (uint32_t i = 0; i < engine_->RequiredObjectCount(); ++i) {
      Check(engine_->LoadObject(i, read(engine_->RequiredObjectName(i))));
    }
    Check(engine_->FinishLoad());
    Check(engine_->PlanReplay());
    collection_ = engine_->FindCollection("rows");
  }

 private:
  void Commit() {
    Check(engine_->SealFrame().status());
    engine_->ApplyFrame();
    engine_->ForgetBefore(~uint64_t{0});
  }

  const bench::Setup& setup_;
  Engine::Pointer engine_;
  CollectionId collection_ = 0;
  uint32_t ef_ = 0;
};

}  // namespace

int main(int argc, char** argv) { return bench::Peer<OmendbIndex>(bench::ReadSetup(argc, argv)).Serve(); }
