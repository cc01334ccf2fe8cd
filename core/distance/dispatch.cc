// Which kernel sets there are and which one is used.
#include "distance/kernels.h"

namespace omendb {
namespace {

#if defined(__wasm_relaxed_simd__)
constexpr const KernelSet* kAvailable[] = {&scalar::kKernels, &simd128::kKernels, &relaxed_simd::kKernels};
#elif defined(__wasm_simd128__)
constexpr const KernelSet* kAvailable[] = {&scalar::kKernels, &simd128::kKernels};
#elif defined(__x86_64__)
constexpr const KernelSet* kAvailable[] = {&scalar::kKernels, &avx2::kKernels};
#else
constexpr const KernelSet* kAvailable[] = {&scalar::kKernels};
#endif

#if !defined(__wasm_simd128__)
size_t AvailableCount() {
#if defined(__x86_64__)
  __builtin_cpu_init();  // this may run before the constructor that would do it
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
             ? 2
             : 1;
#else
  return 1;
#endif
}
#endif

}  // namespace

#if defined(__wasm_simd128__)
std::span<const KernelSet* const> AvailableKernelSets() { return kAvailable; }
#else
namespace dispatch {
const KernelSet* const kChosenKernels = kAvailable[AvailableCount() - 1];
}

std::span<const KernelSet* const> AvailableKernelSets() { return {kAvailable, AvailableCount()}; }
#endif

}  // namespace omendb
