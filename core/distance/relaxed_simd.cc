// WebAssembly relaxed SIMD kernels: a multiply-add that is fused where the machine has it, so results may
// differ between machines in the last bits. Measured gain over SIMD128: under 10%.
#if defined(__wasm_relaxed_simd__)

#include <wasm_simd128.h>

#include "distance/kernels.h"
#include "distance/simd128_codes.h"
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

// Pairs of products stay in 16 bits for as long as they fit, which for codes of few bits spares half of the
// instructions. The second operand has 7 bits, so that the result is the same on every machine. The
// instruction that also widens and adds (i32x4.relaxed_dot_i8x16_i7x16_add) is not used: V8 11.3 (Node 20)
// loses what it adds to.
template <int kBits>
struct ByteDot {
  static constexpr size_t kAddsMax = 32767 / (2 * 128 * ((1 << kBits) - 1));
  static v128_t Load(const int8_t* query) { return wasm_v128_load(query); }
  static v128_t LoadHalf(const int8_t* query) { return wasm_v128_load64_zero(query); }
  static v128_t Zero() { return wasm_i16x8_const_splat(0); }
  static v128_t Add(v128_t sums_i16x8, v128_t query_i8x16, v128_t codes_u7x16) {
    return wasm_i16x8_add(sums_i16x8, wasm_i16x8_relaxed_dot_i8x16_i7x16(query_i8x16, codes_u7x16));
  }
  static v128_t Total(v128_t sums_i16x8) { return wasm_i32x4_extadd_pairwise_i16x8(sums_i16x8); }
};

}  // namespace

float SquaredL2F32(const float* a, const float* b, size_t count) {
  return FoldF32x4<SquaredDifference>(a, b, count);
}

float DotF32(const float* a, const float* b, size_t count) { return FoldF32x4<Product>(a, b, count); }

void DotI8U1X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<ByteDot<1>, 1>(query, rows, count, dots);
}

void DotI8U2X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<ByteDot<2>, 2>(query, rows, count, dots);
}

void DotI8U4X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<ByteDot<4>, 4>(query, rows, count, dots);
}

void DotI8U7X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  DotCodesX4<ByteDot<7>, 7>(query, rows, count, dots);
}

}  // namespace omendb::relaxed_simd

#endif  // defined(__wasm_relaxed_simd__)
