// Distance kernels: the inner loops, one file per instruction set, chosen once.
//
// Not here: metrics (see metric.h), quantizer mathematics (see quantize/).
// Any length >= 0, any alignment; no kernel reads past its arguments.
//
// Numerical stability. f32 kernels accumulate in f32 over at least four (scalar: one per lane) partial
// sums, so for n terms t_i the result differs from the exact sum by at most
// (n / lanes + lanes) * 2^-24 * sum|t_i| to first order; the differential tests hold every kernel to
// n * 2^-23 * sum|t_i| against a double-precision oracle. Inputs within kNormMax cannot overflow.
// Integer kernels are exact: callers keep sums within int32 (stated per kernel).
#ifndef OMENDB_DISTANCE_KERNELS_H_
#define OMENDB_DISTANCE_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace omendb {

// Each function reads `count` elements from a and from b.
struct KernelSet {
  const char* name;  // "scalar", "simd128", "relaxed-simd", "avx2"
  float (*squared_l2_f32)(const float* a, const float* b, size_t count);  // sum (a_i - b_i)^2
  float (*dot_f32)(const float* a, const float* b, size_t count);         // sum a_i * b_i
  float (*l1_f32)(const float* a, const float* b, size_t count);          // sum |a_i - b_i|
  // sum a_i * b_i; exact while count * 128 * max|a_i| < 2^31.
  int32_t (*dot_i16_i8)(const int16_t* a, const int8_t* b, size_t count);
  // Symmetric integer forms; exact while count <= 16384.
  int32_t (*dot_i8)(const int8_t* a, const int8_t* b, size_t count);
  int32_t (*squared_l2_i8)(const int8_t* a, const int8_t* b, size_t count);
  int32_t (*l1_i8)(const int8_t* a, const int8_t* b, size_t count);
  // False when any element is NaN or infinite.
  bool (*all_finite)(const float* a, size_t count);
};

// The fastest set this machine runs; the choice is made once and never changes.
[[nodiscard]] const KernelSet& Kernels();
// Every set that was compiled in and that this machine runs, scalar first; for differential tests.
[[nodiscard]] std::span<const KernelSet* const> AvailableKernelSets();

}  // namespace omendb

#endif  // OMENDB_DISTANCE_KERNELS_H_
