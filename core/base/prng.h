// Seeded pseudo-random numbers: SplitMix64 (Steele, Lea & Flood 2014). Same seed, same sequence,
// on every platform. Not for secrets.
#ifndef OMENDB_BASE_PRNG_H_
#define OMENDB_BASE_PRNG_H_

#include <cstdint>

namespace omendb {

[[nodiscard]] constexpr uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

class Prng {
 public:
  explicit constexpr Prng(uint64_t seed) : state_(seed) {}
  [[nodiscard]] constexpr uint64_t Next() { return MixBits(state_ += 0x9e3779b97f4a7c15); }
  // Uniform in [0, bound), bound > 0.
  [[nodiscard]] constexpr uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(((Next() >> 32) * bound) >> 32);
  }
  // Uniform in [0, 1).
  [[nodiscard]] constexpr double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

}  // namespace omendb

#endif  // OMENDB_BASE_PRNG_H_
