// The seed of a randomized test: a new one each run, printed when the test fails, or OMENDB_TEST_SEED.
#ifndef OMENDB_TESTS_CORE_SEED_H_
#define OMENDB_TESTS_CORE_SEED_H_

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "gtest/gtest.h"

namespace omendb {

inline uint64_t TestSeed() {
  static const uint64_t kSeed = [] {
    if (const char* given = std::getenv("OMENDB_TEST_SEED")) return std::strtoull(given, nullptr, 0);
    std::random_device device;
    unsigned long long seed = (uint64_t{device()} << 32) | device();
    return seed;
  }();
  return kSeed;
}

// In a test's scope: a failure then says how to run it again.
#define OMENDB_TRACE_SEED() \
  SCOPED_TRACE(::testing::Message() << "rerun with OMENDB_TEST_SEED=" << ::omendb::TestSeed())

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_SEED_H_
