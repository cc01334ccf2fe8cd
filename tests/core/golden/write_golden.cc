// Wrote the files of tests/golden/. No test runs it: what it wrote is kept as it is, and this program stays
// to show how it came to be, and as a pattern for the one that writes the next format version.
//
//   write_golden v1 <empty folder>
//   write_golden v1-codes <empty folder>
#include <cstdio>
#include <string>

#include "engine/golden_codes.h"
#include "engine/golden_database.h"

namespace omendb::test {
namespace {

Status Add(Database& database, const GoldenOperation& operation) {
  Engine& engine = database.engine();
  const CollectionId collection = engine.FindCollection(operation.collection);
  switch (operation.kind) {
    case GoldenOperation::Kind::kCreate:
      return engine.FrameCreate(operation.collection, operation.options);
    case GoldenOperation::Kind::kDrop:
      return engine.FrameDrop(collection);
    case GoldenOperation::Kind::kUpsert:
      return database.AddUpsert(collection, operation.rows);
    case GoldenOperation::Kind::kDelete:
      return database.AddDelete(collection, operation.ids);
  }
  return Status::Ok();
}

Status CommitOne(Database& database, const GoldenCommit& commit) {
  OMENDB_TRY(database.engine().BeginFrame(commit.time_ms));
  for (const GoldenOperation& operation : commit.operations) {
    OMENDB_TRY(Add(database, operation));
    if (operation.token.has_value()) OMENDB_TRY(database.engine().FrameToken(*operation.token));
  }
  return database.Commit();
}

// Background work until nothing is left, then a checkpoint.
Status Store(Database& database) {
  OMENDB_TRY(database.Finish());
  return database.Checkpoint().status();
}

Status MakeV1(Storage& storage) {
  Database database(&storage);
  database.keeps_history = true;
  OMENDB_TRY(database.Open());
  for (const GoldenCommit& commit : GoldenCommits()) {
    OMENDB_TRY(CommitOne(database, commit));
    const uint64_t sequence = database.engine().sequence();
    if (sequence == kGoldenOldest) {
      database.engine().ForgetBefore(commit.time_ms);
      OMENDB_TRY(Store(database));
    }
    if (sequence == kGoldenUpload) {
      OMENDB_TRY(Store(database));
      // The next writer: names of two epochs.
      database.Crash();
      OMENDB_TRY(database.Open());
    }
    if (sequence == kGoldenManifest) OMENDB_TRY(Store(database));
  }
  return Status::Ok();
}

Status AddCodeRows(Database& database, const GoldenCodes& collection, int first, int count) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) rows.push_back(GoldenCodeRow(collection, first + i));
  return database.AddUpsert(database.engine().FindCollection(collection.name), rows);
}

Status MakeV1Codes(Storage& storage) {
  Database database(&storage);
  OMENDB_TRY(database.Open());
  for (const GoldenCodes& each : GoldenCodeCollections()) {
    OMENDB_TRY(database.Create(each.name, each.options));
    OMENDB_TRY(database.engine().BeginFrame(0));
    OMENDB_TRY(AddCodeRows(database, each, 0, kGoldenCodeRows));
    OMENDB_TRY(database.Commit());
  }
  OMENDB_TRY(Store(database));
  OMENDB_TRY(database.engine().BeginFrame(0));
  for (const GoldenCodes& each : GoldenCodeCollections()) {
    OMENDB_TRY(AddCodeRows(database, each, kGoldenCodeRows, kGoldenLateRows));
  }
  return database.Commit();
}

bool Write(const std::string& path, const ByteVector& bytes) {
  // Never over a file that is there: these are the ones that must not change.
  std::FILE* file = std::fopen(path.c_str(), "wbx");
  if (file == nullptr) return false;
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return std::fclose(file) == 0 && written;
}

bool WriteAll(const std::string& folder, const Storage& storage) {
  bool written = Write(folder + "/head", *storage.head);
  for (const auto& [name, bytes] : storage.objects) {
    std::printf("%s %zu bytes\n", name.c_str(), bytes.size());
    written = written && Write(folder + "/" + name, bytes);
  }
  return written;
}

}  // namespace
}  // namespace omendb::test

int main(int count, char** arguments) {
  const std::string which = count == 3 ? arguments[1] : "";
  if (which != "v1" && which != "v1-codes") {
    std::fprintf(stderr, "expected v1 or v1-codes, and the folder to write to\n");
    return 2;
  }
  omendb::test::Storage storage;
  const omendb::Status made =
      which == "v1" ? omendb::test::MakeV1(storage) : omendb::test::MakeV1Codes(storage);
  if (!made.ok()) {
    std::fprintf(stderr, "%s\n", std::string(made.message()).c_str());
    return 1;
  }
  if (!omendb::test::WriteAll(arguments[2], storage)) {
    std::fprintf(stderr, "could not write to %s: it must be an empty folder\n", arguments[2]);
    return 1;
  }
  return 0;
}
