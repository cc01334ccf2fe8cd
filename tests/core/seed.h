// The seed of a randomized test: a new one each run, printed when the test fails, or --gtest_random_seed
// (an argument, because environment variables do not reach wasm).
#ifndef OMENDB_TESTS_CORE_SEED_H_
#define OMENDB_TESTS_CORE_SEED_H_

#include <cstdint>
#include <random>

#include "gtest/gtest.h"

namespace omendb {

inline uint64_t TestSeed() {
  constexpr uint32_t kSeedMax = 99999;  // GoogleTest's own limit
  static const uint32_t kSeed = [] {
    auto given = static_cast<uint32_t>(GTEST_FLAG_GET(random_seed));
    return given != 0 ? given : std::random_device()() % kSeedMax + 1;
  }();
  return kSeed;
}

// In a test's scope: a failure then says how to run it again.
#define OMENDB_TRACE_SEED() \
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << ::omendb::TestSeed())

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_SEED_H_
