// Makes every allocation of an operation fail in turn.
#ifndef OMENDB_TESTS_CORE_ALLOCATION_FAULTS_H_
#define OMENDB_TESTS_CORE_ALLOCATION_FAULTS_H_

#include <cstdint>

#include "base/allocation.h"
#include "gtest/gtest.h"

namespace omendb {

// Runs attempt() with its first, second, ... allocation refused, until one run needs no refused one.
// attempt() returns the operation's Status after it has checked that a failure changed nothing; it must
// free what it made. Answers how many runs were refused.
template <typename Attempt>
uint64_t FailEachAllocation(Attempt attempt) {
  size_t held_before = AllocatedBytes();
  for (uint64_t successes = 0;; ++successes) {
    SetAllocationFault(AllocationFault::kForever, successes);
    Status status = attempt();
    SetAllocationFault(AllocationFault::kNone, 0);
    EXPECT_EQ(AllocatedBytes(), held_before) << "leak after " << successes << " allocations";
    if (status.ok()) return successes;
    EXPECT_EQ(status.code(), Code::kOutOfMemory);
    if (::testing::Test::HasFailure()) return successes;
  }
}

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_ALLOCATION_FAULTS_H_
