#include "golden_files.h"

#include <cstdio>

#include "format/head.h"

namespace omendb::test {
namespace {

ByteVector ReadFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  if (file == nullptr) return {};
  ByteVector bytes;
  uint8_t buffer[65536];
  for (size_t read = sizeof(buffer); read == sizeof(buffer);) {
    read = std::fread(buffer, 1, sizeof(buffer), file);
    bytes.insert(bytes.end(), buffer, buffer + read);
  }
  EXPECT_EQ(std::ferror(file), 0) << path;
  EXPECT_EQ(std::fclose(file), 0) << path;
  return bytes;
}

}  // namespace

void AddGoldenNames(const char* prefix, std::initializer_list<int> numbers, std::vector<std::string>& names) {
  for (int number : numbers) {
    char digits[17];
    EXPECT_EQ(std::snprintf(digits, sizeof(digits), "%016x", static_cast<unsigned>(number)), 16);
    names.push_back(prefix + std::string(digits));
  }
}

Storage ReadGolden(const std::string& folder, const std::vector<std::string>& names) {
  const std::string path = std::string(OMENDB_GOLDEN_FOLDER) + "/" + folder + "/";
  Storage storage;
  storage.head = ReadFile(path + "head");
  for (const std::string& name : names) storage.objects[name] = ReadFile(path + name);
  return storage;
}

Manifest DecodeManifest(const Storage& storage) {
  auto head = Head::Decode(SpanOf(*storage.head));
  EXPECT_TRUE(head.ok() && head.value().has_manifest);
  const std::string name(head.value().manifest.name().text());
  auto manifest = Manifest::Decode(SpanOf(storage.objects.at(name)), Origin::Stored(name));
  EXPECT_TRUE(manifest.ok()) << manifest.status().message();
  return std::move(manifest.value());
}

}  // namespace omendb::test
