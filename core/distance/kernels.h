// Distance kernels: the inner loops, one file per instruction set, chosen once.
//
// Not here: metrics (see metric.h), quantizer mathematics (see quantize/).
// Any length >= 0, any alignment that the element type allows; no kernel reads past its arguments.
//
// Numerical stability. f32 kernels accumulate in f32 over at least four partial sums. For n terms t_i the
// result differs from the exact sum by at most (n / lanes + lanes + 2) * 2^-24 * sum|t_i| to first order,
// plus n * 2^-149 where terms underflow; the differential tests hold every kernel to
// (n + 2) * 2^-23 * sum|t_i| + n * 2^-149 against a double-precision oracle. Inputs within kNormMax cannot
// overflow. Integer kernels are exact: callers keep sums within int32 (stated per kernel).
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
  // sum a_i * b_i; exact while 128 * sum|a_i| < 2^31.
  int32_t (*dot_i16_i8)(const int16_t* a, const int8_t* b, size_t count);
  // The same for four b at once: a is read once, and the processor waits for four rows of memory at a
  // time, where one short row ends before its prefetcher has noticed it (measured in wasm at 384
  // dimensions, per row: 17 against 23 ns in cache, 31 against 51 ns beyond it).
  void (*dot_i16_i8_x4)(const int16_t* a, const int8_t* const b[4], size_t count, int32_t dots[4]);
  // Symmetric integer forms; exact while count <= 16384.
  int32_t (*dot_i8)(const int8_t* a, const int8_t* b, size_t count);
  int32_t (*squared_l2_i8)(const int8_t* a, const int8_t* b, size_t count);
  int32_t (*l1_i8)(const int8_t* a, const int8_t* b, size_t count);
  // Packed codes: dots[r] = sum query_i * code_i of four rows of `count` codes, a multiple of 64, of 1, 2, 4
  // or 7 bits each. Codes of 7 bits take a byte each. Those of b < 7 bits lie in planes: in a block of 16
  // bytes, bits [b * p, b * p + b) of byte j are dimension 16 * p + j of the block's 128 / b; where only 64
  // dimensions of 1 bit are left, bit p of byte j of eight is dimension 8 * p + j. Exact.
  void (*dot_i8_u1_x4)(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
  void (*dot_i8_u2_x4)(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
  void (*dot_i8_u4_x4)(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
  void (*dot_i8_u7_x4)(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
  // `count` stored numbers, of any alignment, as floats; all exact. Infinities and NaNs stay what they are (a
  // NaN may become another one).
  void (*widen_f16)(const uint8_t* halves, size_t count, float* floats);
  void (*widen_i8)(const uint8_t* bytes, size_t count, float* floats);
  void (*widen_bits)(const uint8_t* bits, size_t count, float* floats);  // lowest bit first
};

// Every set that was compiled in and that this machine runs, scalar first; for differential tests.
[[nodiscard]] std::span<const KernelSet* const> AvailableKernelSets();

// Kernels(): the fastest set this machine runs; the choice is made once and never changes.
#if defined(__wasm_simd128__)
// A wasm module is compiled for one instruction set, so the choice is a constant here and
// Kernels().dot_f32(...) compiles to a direct call, which V8 can inline; a call through a table it cannot.
namespace simd128 {
float SquaredL2F32(const float* a, const float* b, size_t count);
float DotF32(const float* a, const float* b, size_t count);
float L1F32(const float* a, const float* b, size_t count);
int32_t DotI16I8(const int16_t* a, const int8_t* b, size_t count);
void DotI16I8X4(const int16_t* a, const int8_t* const b[4], size_t count, int32_t dots[4]);
int32_t DotI8(const int8_t* a, const int8_t* b, size_t count);
int32_t SquaredL2I8(const int8_t* a, const int8_t* b, size_t count);
int32_t L1I8(const int8_t* a, const int8_t* b, size_t count);
void DotI8U1X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void DotI8U2X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void DotI8U4X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void DotI8U7X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void WidenF16(const uint8_t* halves, size_t count, float* floats);
void WidenI8(const uint8_t* bytes, size_t count, float* floats);
void WidenBits(const uint8_t* bits, size_t count, float* floats);
inline constexpr KernelSet kKernels = {"simd128", SquaredL2F32, DotF32,  L1F32,     DotI16I8,  DotI16I8X4,
                                       DotI8,     SquaredL2I8,  L1I8,    DotI8U1X4, DotI8U2X4, DotI8U4X4,
                                       DotI8U7X4, WidenF16,     WidenI8, WidenBits};
}  // namespace simd128
#if defined(__wasm_relaxed_simd__)
// Relaxed SIMD has a fused multiply-add and a dot product of bytes to offer; the rest is plain SIMD128.
namespace relaxed_simd {
float SquaredL2F32(const float* a, const float* b, size_t count);
float DotF32(const float* a, const float* b, size_t count);
void DotI8U1X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void DotI8U2X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void DotI8U4X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
void DotI8U7X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]);
inline constexpr KernelSet kKernels = {
    "relaxed-simd",    SquaredL2F32,        DotF32,           simd128::L1F32,
    simd128::DotI16I8, simd128::DotI16I8X4, simd128::DotI8,   simd128::SquaredL2I8,
    simd128::L1I8,     DotI8U1X4,           DotI8U2X4,        DotI8U4X4,
    DotI8U7X4,         simd128::WidenF16,   simd128::WidenI8, simd128::WidenBits};
}  // namespace relaxed_simd
[[nodiscard]] inline const KernelSet& Kernels() { return relaxed_simd::kKernels; }
#else
[[nodiscard]] inline const KernelSet& Kernels() { return simd128::kKernels; }
#endif
#else
namespace dispatch {
extern const KernelSet* const kChosenKernels;  // set before main
}
[[nodiscard]] inline const KernelSet& Kernels() { return *dispatch::kChosenKernels; }
#endif

// The sets that a native build chooses from. AVX2 is there on x86-64 only.
namespace scalar {
extern const KernelSet kKernels;
}
namespace avx2 {
extern const KernelSet kKernels;
}

}  // namespace omendb

#endif  // OMENDB_DISTANCE_KERNELS_H_
