// The one door to the heap. Returns null instead of aborting, so that out-of-memory is a Status.
//
// The core never uses operator new, std::vector or std::string for data: with exceptions off those
// abort the module. Tests make the n-th allocation fail through SetAllocationFault.
#ifndef OMENDB_BASE_ALLOCATION_H_
#define OMENDB_BASE_ALLOCATION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "omendb/status.h"

namespace omendb {

inline constexpr size_t kCacheLineBytes = 64;

// `bytes` uninitialized bytes aligned to kCacheLineBytes, or null. bytes > 0.
[[nodiscard]] void* AllocateBytes(size_t bytes);
void FreeBytes(void* pointer);
// Bytes now held through AllocateBytes; for stats and leak tests.
[[nodiscard]] size_t AllocatedBytes();

// Test hook: the next `successes` allocations succeed, then they fail (once, or for ever).
enum class AllocationFault : uint8_t { kNone, kOnce, kForever };
void SetAllocationFault(AllocationFault fault, uint64_t successes);

inline Status OutOfMemory(size_t bytes) {
  return Status::Error(Code::kOutOfMemory, "could not allocate ", bytes, " bytes");
}

// Owning pointer for objects made by MakeOwned.
template <typename T>
struct OwnedDeleter {
  OwnedDeleter() = default;
  // An owner of a derived object may become one of its base, its only one, which stands at the same address.
  template <typename Derived>
    requires(std::is_base_of_v<T, Derived> && std::has_virtual_destructor_v<T>)
  explicit(false) OwnedDeleter(OwnedDeleter<Derived> /*other*/) {}  // as for the pointers
  void operator()(T* object) const {
    object->~T();
    FreeBytes(object);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, OwnedDeleter<T>>;

// Null when memory is refused.
template <typename T, typename... Args>
[[nodiscard]] Owned<T> MakeOwned(Args&&... args) {
  void* memory = AllocateBytes(sizeof(T));
  if (memory == nullptr) return nullptr;
  return Owned<T>(new (memory) T(std::forward<Args>(args)...));
}

}  // namespace omendb

#endif  // OMENDB_BASE_ALLOCATION_H_
