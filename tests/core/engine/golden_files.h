// The stored databases of tests/golden/, read file by file. Tests name every file: no folder has to be
// listed, which differs between a native program and wasm, and a file more or less does not go unnoticed.
#ifndef OMENDB_TESTS_CORE_ENGINE_GOLDEN_FILES_H_
#define OMENDB_TESTS_CORE_ENGINE_GOLDEN_FILES_H_

#include <initializer_list>
#include <string>
#include <vector>

#include "format/manifest.h"
#include "test_database.h"

namespace omendb::test {

// Adds `prefix` with each number in 16 hexadecimal digits.
void AddGoldenNames(const char* prefix, std::initializer_list<int> numbers, std::vector<std::string>& names);

// The head and the objects of tests/golden/<folder>.
Storage ReadGolden(const std::string& folder, const std::vector<std::string>& names);

// What the head names.
Manifest DecodeManifest(const Storage& storage);

inline ByteSpan SpanOf(const ByteVector& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_GOLDEN_FILES_H_
