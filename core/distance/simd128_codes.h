// The loop that the SIMD128 and relaxed SIMD kernels of packed codes share (kernels.h, "Packed codes"). Only
// for files compiled for wasm.
#ifndef OMENDB_DISTANCE_SIMD128_CODES_H_
#define OMENDB_DISTANCE_SIMD128_CODES_H_

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

namespace omendb {

// sums[r] lanes are added up together.
inline void StoreSums(const v128_t sums_i32x4[4], int32_t dots[4]) {
  const v128_t sum01 = wasm_i32x4_add(wasm_i32x4_shuffle(sums_i32x4[0], sums_i32x4[1], 0, 4, 1, 5),
                                      wasm_i32x4_shuffle(sums_i32x4[0], sums_i32x4[1], 2, 6, 3, 7));
  const v128_t sum23 = wasm_i32x4_add(wasm_i32x4_shuffle(sums_i32x4[2], sums_i32x4[3], 0, 4, 1, 5),
                                      wasm_i32x4_shuffle(sums_i32x4[2], sums_i32x4[3], 2, 6, 3, 7));
  wasm_v128_store(dots, wasm_i32x4_add(wasm_i32x4_shuffle(sum01, sum23, 0, 1, 4, 5),
                                       wasm_i32x4_shuffle(sum01, sum23, 2, 3, 6, 7)));
}

// Arithmetic<kBits> says how 16 signed bytes of the query and 16 codes are multiplied and added up: Query
// Load and LoadHalf, Sum Zero, Sum Add(Sum, Query, codes), and v128_t Total(Sum), which gives four i32. A Sum
// holds kAddsMax additions.
template <typename Arithmetic, int kBits>
inline void DotCodesX4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  constexpr int kPlaneBits = kBits == 7 ? 8 : kBits;
  constexpr int kPlanes = 8 / kPlaneBits;
  constexpr size_t kBlock = size_t{16} * kPlanes;
  constexpr size_t kRound = kBlock * (Arithmetic::kAddsMax / kPlanes);
  static_assert(kRound > 0);
  const v128_t mask_u8x16 = wasm_u8x16_const_splat((1 << kBits) - 1);
  const uint8_t* row0 = rows[0];
  const uint8_t* row1 = rows[1];
  const uint8_t* row2 = rows[2];
  const uint8_t* row3 = rows[3];
  // Codes of one plane. Bytes are shifted as halves of words: what comes in from the neighbor is masked away.
  const auto plane_of = [&](v128_t codes, int plane) {
    if constexpr (kPlanes == 1) return codes;
    const v128_t shifted =
        plane == 0 ? codes : wasm_u16x8_shr(codes, static_cast<uint32_t>(plane * kPlaneBits));
    return wasm_v128_and(shifted, mask_u8x16);
  };
  v128_t totals_i32x4[4] = {};
  size_t done = 0;
  while (done + kBlock <= count) {
    auto sum0 = Arithmetic::Zero();
    auto sum1 = sum0;
    auto sum2 = sum0;
    auto sum3 = sum0;
    const size_t end = count - done < kRound ? count : done + kRound;
    for (; done + kBlock <= end; done += kBlock) {
      const size_t at = done / kPlanes;
      const v128_t codes0 = wasm_v128_load(row0 + at);
      const v128_t codes1 = wasm_v128_load(row1 + at);
      const v128_t codes2 = wasm_v128_load(row2 + at);
      const v128_t codes3 = wasm_v128_load(row3 + at);
#pragma unroll
      for (int plane = 0; plane < kPlanes; ++plane) {
        const auto part = Arithmetic::Load(query + done + 16 * plane);
        sum0 = Arithmetic::Add(sum0, part, plane_of(codes0, plane));
        sum1 = Arithmetic::Add(sum1, part, plane_of(codes1, plane));
        sum2 = Arithmetic::Add(sum2, part, plane_of(codes2, plane));
        sum3 = Arithmetic::Add(sum3, part, plane_of(codes3, plane));
      }
    }
    totals_i32x4[0] = wasm_i32x4_add(totals_i32x4[0], Arithmetic::Total(sum0));
    totals_i32x4[1] = wasm_i32x4_add(totals_i32x4[1], Arithmetic::Total(sum1));
    totals_i32x4[2] = wasm_i32x4_add(totals_i32x4[2], Arithmetic::Total(sum2));
    totals_i32x4[3] = wasm_i32x4_add(totals_i32x4[3], Arithmetic::Total(sum3));
  }
  if constexpr (kBits == 1) {
    // A last block of 64 dimensions: eight bytes, bit p of byte j is dimension 8p + j.
    if (done < count) {
      for (int row = 0; row < 4; ++row) {
        const v128_t codes = wasm_v128_load64_zero(rows[row] + done / 8);
        auto sum = Arithmetic::Zero();
#pragma unroll
        for (int plane = 0; plane < 8; ++plane) {
          sum = Arithmetic::Add(sum, Arithmetic::LoadHalf(query + done + 8 * plane), plane_of(codes, plane));
        }
        totals_i32x4[row] = wasm_i32x4_add(totals_i32x4[row], Arithmetic::Total(sum));
      }
    }
  }
  StoreSums(totals_i32x4, dots);
}

}  // namespace omendb

#endif  // OMENDB_DISTANCE_SIMD128_CODES_H_
