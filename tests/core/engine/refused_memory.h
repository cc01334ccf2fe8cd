// Scenarios in which every allocation is refused in turn.
#ifndef OMENDB_TESTS_CORE_ENGINE_REFUSED_MEMORY_H_
#define OMENDB_TESTS_CORE_ENGINE_REFUSED_MEMORY_H_

#include <functional>

#include "base/allocation.h"
#include "gtest/gtest.h"
#include "omendb/engine.h"

namespace omendb::test {

// Runs a scenario whose calls may run out of memory once.
class Scenario {
 public:
  Scenario(AllocationFault fault, uint64_t successes) : fault_(fault), successes_(successes) { Restart(); }
  // Allocations count from here on: after a preparation with all the memory it wants.
  void Restart() { SetAllocationFault(fault_, successes_); }
  ~Scenario() { SetAllocationFault(AllocationFault::kNone, 0); }

  // A call that fails is made again with memory, after `unchanged` has looked at the state.
  void Try(const std::function<Status()>& call, const std::function<void()>& unchanged = [] {}) {
    Status status = call();
    if (status.ok()) return;
    ASSERT_EQ(status.code(), Code::kOutOfMemory) << status.message();
    SetAllocationFault(AllocationFault::kNone, 0);
    refused_ = true;
    unchanged();
    status = call();
    ASSERT_TRUE(status.ok()) << status.message();
  }
  [[nodiscard]] bool refused() const { return refused_; }

 private:
  AllocationFault fault_;
  uint64_t successes_;
  bool refused_ = false;
};

// Runs `body` with the n-th allocation refused, for every n, once and for ever.
inline void RefuseEach(const std::function<void(Scenario&)>& body) {
  size_t held = Engine::MemoryBytes();
  for (AllocationFault fault : {AllocationFault::kOnce, AllocationFault::kForever}) {
    for (uint64_t successes = 0;; ++successes) {
      SCOPED_TRACE(testing::Message() << "after " << successes << " allocations");
      bool refused = false;
      {
        Scenario scenario(fault, successes);
        body(scenario);
        refused = scenario.refused();
      }
      ASSERT_EQ(Engine::MemoryBytes(), held);
      if (testing::Test::HasFailure()) return;
      if (!refused) break;
    }
  }
}

}  // namespace omendb::test

#endif  // OMENDB_TESTS_CORE_ENGINE_REFUSED_MEMORY_H_
