// AVX2 + FMA + F16C kernels for x86-64. This file alone is compiled with those instructions, so it includes
// nothing whose inline functions another file might pick up.
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>

#include "distance/kernels.h"

namespace omendb::avx2 {
namespace {

struct SquaredDifference {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) {
    __m256 difference = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(difference, difference, sum);
  }
  static float Term(float a, float b) { return (a - b) * (a - b); }
};

struct Product {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, sum); }
  static float Term(float a, float b) { return a * b; }
};

struct AbsoluteDifference {
  static __m256 Add(__m256 sum, __m256 a, __m256 b) {
    return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(a, b)));
  }
  static float Term(float a, float b) { return a < b ? b - a : a - b; }
};

float SumLanes(__m256 sums_f32x8) {
  __m128 sums = _mm_add_ps(_mm256_castps256_ps128(sums_f32x8), _mm256_extractf128_ps(sums_f32x8, 1));
  sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
  sums = _mm_add_ss(sums, _mm_movehdup_ps(sums));
  return _mm_cvtss_f32(sums);
}

template <typename Op>
float FoldF32x8(const float* a, const float* b, size_t count) {
  __m256 sum0_f32x8 = _mm256_setzero_ps();
  __m256 sum1_f32x8 = sum0_f32x8;
  __m256 sum2_f32x8 = sum0_f32x8;
  __m256 sum3_f32x8 = sum0_f32x8;
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    sum0_f32x8 = Op::Add(sum0_f32x8, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
    sum1_f32x8 = Op::Add(sum1_f32x8, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
    sum2_f32x8 = Op::Add(sum2_f32x8, _mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16));
    sum3_f32x8 = Op::Add(sum3_f32x8, _mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24));
  }
  for (; i + 8 <= count; i += 8) {
    sum0_f32x8 = Op::Add(sum0_f32x8, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
  }
  float sum =
      SumLanes(_mm256_add_ps(_mm256_add_ps(sum0_f32x8, sum1_f32x8), _mm256_add_ps(sum2_f32x8, sum3_f32x8)));
  for (; i < count; ++i) sum += Op::Term(a[i], b[i]);
  return sum;
}

__m256i LoadI16x16(const int16_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(from));
}
__m256i LoadI16x16(const int8_t* from) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(from)));
}

int32_t SumLanes(__m256i sums_i32x8) {
  __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(sums_i32x8), _mm256_extracti128_si256(sums_i32x8, 1));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(sums);
}

// Op::Terms(a, b) gives eight i32 sums of two terms each from sixteen i16 of both sides.
template <typename Op, typename Left>
int32_t FoldI16x16(const Left* a, const int8_t* b, size_t count) {
  __m256i sum0_i32x8 = _mm256_setzero_si256();
  __m256i sum1_i32x8 = sum0_i32x8;
  __m256i sum2_i32x8 = sum0_i32x8;
  __m256i sum3_i32x8 = sum0_i32x8;
  auto terms = [a, b](size_t i) { return Op::Terms(LoadI16x16(a + i), LoadI16x16(b + i)); };
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    sum0_i32x8 = _mm256_add_epi32(sum0_i32x8, terms(i));
    sum1_i32x8 = _mm256_add_epi32(sum1_i32x8, terms(i + 16));
    sum2_i32x8 = _mm256_add_epi32(sum2_i32x8, terms(i + 32));
    sum3_i32x8 = _mm256_add_epi32(sum3_i32x8, terms(i + 48));
  }
  for (; i + 16 <= count; i += 16) sum0_i32x8 = _mm256_add_epi32(sum0_i32x8, terms(i));
  int32_t sum = SumLanes(
      _mm256_add_epi32(_mm256_add_epi32(sum0_i32x8, sum1_i32x8), _mm256_add_epi32(sum2_i32x8, sum3_i32x8)));
  for (; i < count; ++i) sum += Op::Term(a[i], b[i]);
  return sum;
}

struct IntegerProduct {
  static __m256i Terms(__m256i a_i16x16, __m256i b_i16x16) { return _mm256_madd_epi16(a_i16x16, b_i16x16); }
  static int32_t Term(int32_t a, int32_t b) { return a * b; }
};

struct IntegerSquaredDifference {
  static __m256i Terms(__m256i a_i16x16, __m256i b_i16x16) {
    __m256i difference = _mm256_sub_epi16(a_i16x16, b_i16x16);
    return _mm256_madd_epi16(difference, difference);
  }
  static int32_t Term(int32_t a, int32_t b) { return (a - b) * (a - b); }
};

struct IntegerAbsoluteDifference {
  static __m256i Terms(__m256i a_i16x16, __m256i b_i16x16) {
    __m256i difference = _mm256_abs_epi16(_mm256_sub_epi16(a_i16x16, b_i16x16));
    return _mm256_madd_epi16(difference, _mm256_set1_epi16(1));
  }
  static int32_t Term(int32_t a, int32_t b) { return a < b ? b - a : a - b; }
};

float SquaredL2F32(const float* a, const float* b, size_t count) {
  return FoldF32x8<SquaredDifference>(a, b, count);
}

float DotF32(const float* a, const float* b, size_t count) { return FoldF32x8<Product>(a, b, count); }

float L1F32(const float* a, const float* b, size_t count) {
  return FoldF32x8<AbsoluteDifference>(a, b, count);
}

int32_t DotI16I8(const int16_t* a, const int8_t* b, size_t count) {
  return FoldI16x16<IntegerProduct>(a, b, count);
}

void DotI16I8X4(const int16_t* a, const int8_t* const b[4], size_t count, int32_t dots[4]) {
  __m256i sums_i32x8[4] = {};
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256i a_i16x16 = LoadI16x16(a + i);
    for (size_t row = 0; row < 4; ++row) {
      const __m256i terms = IntegerProduct::Terms(a_i16x16, LoadI16x16(b[row] + i));
      sums_i32x8[row] = _mm256_add_epi32(sums_i32x8[row], terms);
    }
  }
  for (size_t row = 0; row < 4; ++row) dots[row] = SumLanes(sums_i32x8[row]);
  for (; i < count; ++i) {
    for (size_t row = 0; row < 4; ++row) dots[row] += IntegerProduct::Term(a[i], b[row][i]);
  }
}

int32_t DotI8(const int8_t* a, const int8_t* b, size_t count) {
  return FoldI16x16<IntegerProduct>(a, b, count);
}

int32_t SquaredL2I8(const int8_t* a, const int8_t* b, size_t count) {
  return FoldI16x16<IntegerSquaredDifference>(a, b, count);
}

int32_t L1I8(const int8_t* a, const int8_t* b, size_t count) {
  return FoldI16x16<IntegerAbsoluteDifference>(a, b, count);
}

__m256i LoadBytes(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i_u*>(from)); }

// Products of 32 signed bytes with 32 codes of 0..127, in eight sums: pairs fit 16 bits.
__m256i AddProducts(__m256i sums_i32x8, __m256i query_i8x32, __m256i codes_u7x32) {
  const __m256i pairs_i16x16 = _mm256_maddubs_epi16(codes_u7x32, query_i8x32);
  return _mm256_add_epi32(sums_i32x8, _mm256_madd_epi16(pairs_i16x16, _mm256_set1_epi16(1)));
}

// Blocks of 16 bytes, so that two planes of a block fill a register.
template <int kBits>
void DotI8CodesX4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  constexpr int kPlanes = 8 / kBits;
  constexpr size_t kBlockDimensions = size_t{16} * kPlanes;
  const __m256i mask = _mm256_set1_epi8((1 << kBits) - 1);
  __m256i sums_i32x8[4] = {};
  size_t done = 0;
  for (; done + kBlockDimensions <= count; done += kBlockDimensions) {
    for (size_t row = 0; row < 4; ++row) {
      const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(rows[row] + done / kPlanes));
      // The upper half one plane ahead of the lower.
      const __m256i both = _mm256_set_m128i(_mm_srli_epi16(codes, kBits), codes);
#pragma unroll
      for (int plane = 0; plane < kPlanes; plane += 2) {
        const __m256i lanes = _mm256_and_si256(_mm256_srli_epi16(both, plane * kBits), mask);
        sums_i32x8[row] = AddProducts(
            sums_i32x8[row], LoadBytes(query + done + size_t{16} * static_cast<size_t>(plane)), lanes);
      }
    }
  }
  for (size_t row = 0; row < 4; ++row) dots[row] = SumLanes(sums_i32x8[row]);
  if (done == count) return;
  // A last block of 64 dimensions of one bit: four planes of eight bytes fill a register. What a shift brings
  // in from the next byte is masked away.
  const __m256i ahead = _mm256_setr_epi64x(0, 1, 2, 3);
  for (size_t row = 0; row < 4; ++row) {
    const __m256i codes = _mm256_broadcastq_epi64(_mm_loadu_si64(rows[row] + done / 8));
    __m256i sums = _mm256_setzero_si256();
    for (int plane = 0; plane < 8; plane += 4) {
      const __m256i lanes = _mm256_and_si256(_mm256_srlv_epi64(_mm256_srli_epi64(codes, plane), ahead), mask);
      sums = AddProducts(sums, LoadBytes(query + done + size_t{8} * static_cast<size_t>(plane)), lanes);
    }
    dots[row] += SumLanes(sums);
  }
}

void DotI8U7X4(const int8_t* query, const uint8_t* const rows[4], size_t count, int32_t dots[4]) {
  __m256i sums_i32x8[4] = {};
  for (size_t i = 0; i < count; i += 32) {
    const __m256i query_i8x32 = LoadBytes(query + i);
    for (size_t row = 0; row < 4; ++row) {
      sums_i32x8[row] = AddProducts(sums_i32x8[row], query_i8x32, LoadBytes(rows[row] + i));
    }
  }
  for (size_t row = 0; row < 4; ++row) dots[row] = SumLanes(sums_i32x8[row]);
}

void WidenF16(const uint8_t* halves, size_t count, float* floats) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i half_u16x8 = _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(halves + 2 * i));
    _mm256_storeu_ps(floats + i, _mm256_cvtph_ps(half_u16x8));
  }
  for (; i < count; ++i) {
    const int half = halves[2 * i] | halves[2 * i + 1] << 8;
    floats[i] = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
  }
}

void WidenI8(const uint8_t* bytes, size_t count, float* floats) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i bytes_i8x8 = _mm_loadu_si64(bytes + i);
    _mm256_storeu_ps(floats + i, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes_i8x8)));
  }
  for (; i < count; ++i) floats[i] = static_cast<float>(static_cast<int8_t>(bytes[i]));
}

void WidenBits(const uint8_t* bits, size_t count, float* floats) {
  const __m256i bit_i32x8 = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(bits[i / 8]), bit_i32x8);
    const __m256i is_set = _mm256_cmpeq_epi32(set, bit_i32x8);
    _mm256_storeu_ps(floats + i, _mm256_and_ps(_mm256_castsi256_ps(is_set), _mm256_set1_ps(1)));
  }
  for (; i < count; ++i) floats[i] = static_cast<float>(bits[i / 8] >> (i % 8) & 1);
}

}  // namespace

const KernelSet kKernels = {
    "avx2", SquaredL2F32,    DotF32,          L1F32,           DotI16I8,  DotI16I8X4, DotI8,   SquaredL2I8,
    L1I8,   DotI8CodesX4<1>, DotI8CodesX4<2>, DotI8CodesX4<4>, DotI8U7X4, WidenF16,   WidenI8, WidenBits};

}  // namespace omendb::avx2

#endif  // defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
