// Writes the first corpus, one file for each sample object, into <folder>/<target>/.
//
//   write_corpus tests/core/fuzz/corpus
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "format/decoded_object.h"
#include "format/sample_objects.h"

namespace {

const char* TargetOf(omendb::ObjectKind kind) {
  switch (kind) {
    case omendb::ObjectKind::kFrame:
      return "frame";
    case omendb::ObjectKind::kHead:
    case omendb::ObjectKind::kManifest:
      return "manifest";
    default:
      return "segment";
  }
}

bool Write(const std::string& path, const omendb::Bytes& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return std::fclose(file) == 0 && written;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "expected the folder to write to\n");
    return 2;
  }
  for (const omendb::SampleObject& sample : omendb::AllSampleObjects()) {
    const auto kind = static_cast<omendb::ObjectKind>(omendb::KindOf(sample.bytes.span()));
    const std::string folder = std::string(arguments[1]) + "/" + TargetOf(kind);
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const std::string path = folder + "/" + sample.name + ".bin";
    if (error || !Write(path, sample.bytes)) {
      std::fprintf(stderr, "could not write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}
