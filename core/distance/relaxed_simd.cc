// WebAssembly relaxed SIMD kernels: a multiply-add that is fused where the machine has it, so results may
// differ between machines in the last bits. Measured gain over SIMD128: under 10%.
#if defined(__wasm_relaxed_simd__)

#include <wasm_simd128.h>

#include "distance/kernels.h"
#include "distance/simd128_fold.h"

namespace omendb::relaxed_simd {
namespace {

struct SquaredDifference {
  static v128_t Add(v128_t sum, v128_t a, v128_t b) {
    v128_t difference = wasm_f32x4_sub(a, b);
    return wasm_f32x4_relaxed_madd(difference, difference, sum);
  }
  static float Term(float a, float b) { return (a - b) * (a - b); }
};

struct Product {
  static v128_t Add(v128_t sum, v128_t a, v128_t b) { return wasm_f32x4_relaxed_madd(a, b, sum); }
  static float Term(float a, float b) { return a * b; }
};

}  // namespace

float SquaredL2F32(const float* a, const float* b, size_t count) {
  return FoldF32x4<SquaredDifference>(a, b, count);
}

float DotF32(const float* a, const float* b, size_t count) { return FoldF32x4<Product>(a, b, count); }

}  // namespace omendb::relaxed_simd

#endif  // defined(__wasm_relaxed_simd__)
