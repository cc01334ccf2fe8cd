// The loop that the SIMD128 and relaxed SIMD f32 kernels share. Only for files compiled for wasm.
#ifndef OMENDB_DISTANCE_SIMD128_FOLD_H_
#define OMENDB_DISTANCE_SIMD128_FOLD_H_

#include <wasm_simd128.h>

#include <cstddef>

namespace omendb {

// Sum of Op over a and b. Op::Add(sum, a, b) adds four terms to a vector of sums; Op::Term is one term.
// Four sums: an addition takes three to four cycles, so that fewer would wait on each other (measured:
// one sum is 2 to 3 times slower, eight gain nothing).
template <typename Op>
inline float FoldF32x4(const float* a, const float* b, size_t count) {
  v128_t sum0_f32x4 = wasm_f32x4_const_splat(0);
  v128_t sum1_f32x4 = sum0_f32x4;
  v128_t sum2_f32x4 = sum0_f32x4;
  v128_t sum3_f32x4 = sum0_f32x4;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    sum0_f32x4 = Op::Add(sum0_f32x4, wasm_v128_load(a + i), wasm_v128_load(b + i));
    sum1_f32x4 = Op::Add(sum1_f32x4, wasm_v128_load(a + i + 4), wasm_v128_load(b + i + 4));
    sum2_f32x4 = Op::Add(sum2_f32x4, wasm_v128_load(a + i + 8), wasm_v128_load(b + i + 8));
    sum3_f32x4 = Op::Add(sum3_f32x4, wasm_v128_load(a + i + 12), wasm_v128_load(b + i + 12));
  }
  for (; i + 4 <= count; i += 4) {
    sum0_f32x4 = Op::Add(sum0_f32x4, wasm_v128_load(a + i), wasm_v128_load(b + i));
  }
  v128_t sum_f32x4 =
      wasm_f32x4_add(wasm_f32x4_add(sum0_f32x4, sum1_f32x4), wasm_f32x4_add(sum2_f32x4, sum3_f32x4));
  float sum = (wasm_f32x4_extract_lane(sum_f32x4, 0) + wasm_f32x4_extract_lane(sum_f32x4, 1)) +
              (wasm_f32x4_extract_lane(sum_f32x4, 2) + wasm_f32x4_extract_lane(sum_f32x4, 3));
  for (; i < count; ++i) sum += Op::Term(a[i], b[i]);
  return sum;
}

}  // namespace omendb

#endif  // OMENDB_DISTANCE_SIMD128_FOLD_H_
