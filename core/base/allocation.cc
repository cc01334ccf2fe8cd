#include "base/allocation.h"

#include <atomic>
#include <cstdlib>
#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

namespace omendb {
namespace {

// Sizes are asked back from the allocator: a header in front of each block would cost a whole cache
// line to keep the alignment.
size_t UsableBytes(void* pointer) {
#if defined(__APPLE__)
  return malloc_size(pointer);
#else
  return malloc_usable_size(pointer);
#endif
}

// Relaxed: a count of bytes orders nothing. Without threads (wasm) these are plain loads and stores.
std::atomic<size_t> held_bytes{0};

AllocationFault planned_fault = AllocationFault::kNone;
uint64_t successes_left = 0;

bool FailsByPlan() {
  if (planned_fault == AllocationFault::kNone) [[likely]]
    return false;
  if (successes_left > 0) {
    --successes_left;
    return false;
  }
  if (planned_fault == AllocationFault::kOnce) planned_fault = AllocationFault::kNone;
  return true;
}

}  // namespace

void* AllocateBytes(size_t bytes) {
  if (FailsByPlan()) return nullptr;
  // Allocators misbehave in different ways above half the address space.
  if (bytes > SIZE_MAX / 2) return nullptr;
  // aligned_alloc wants a multiple of the alignment.
  size_t rounded = (bytes + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
  void* pointer = std::aligned_alloc(kCacheLineBytes, rounded);
  if (pointer != nullptr) held_bytes.fetch_add(UsableBytes(pointer), std::memory_order_relaxed);
  return pointer;
}

void FreeBytes(void* pointer) {
  if (pointer == nullptr) return;
  held_bytes.fetch_sub(UsableBytes(pointer), std::memory_order_relaxed);
  std::free(pointer);
}

size_t AllocatedBytes() { return held_bytes.load(std::memory_order_relaxed); }

void SetAllocationFault(AllocationFault fault, uint64_t successes) {
  planned_fault = fault;
  successes_left = successes;
}

}  // namespace omendb
