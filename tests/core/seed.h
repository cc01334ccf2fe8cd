// The seed of a randomized test: the same in every run, so that a run tells what a change did, or
// --gtest_random_seed to look further (an argument, because environment variables do not reach wasm).
// A failure prints it.
#ifndef OMENDB_TESTS_CORE_SEED_H_
#define OMENDB_TESTS_CORE_SEED_H_

#include <cstdint>

#include "gtest/gtest.h"

namespace omendb {

inline uint64_t TestSeed() {
  constexpr uint64_t kSeedDefault = 1;
  const auto given = static_cast<uint64_t>(GTEST_FLAG_GET(random_seed));
  return given != 0 ? given : kSeedDefault;
}

// In a test's scope: a failure then says how to run it again.
#define OMENDB_TRACE_SEED() \
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << ::omendb::TestSeed())

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_SEED_H_
