// What differential tests of kernels share.
#ifndef OMENDB_TESTS_CORE_DISTANCE_SHIFTED_H_
#define OMENDB_TESTS_CORE_DISTANCE_SHIFTED_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "distance/kernels.h"
#include "gtest/gtest.h"

namespace omendb {

// A copy of values that starts `shift` bytes past an aligned address and ends exactly where its allocation
// does, so that AddressSanitizer sees any read past the end.
template <typename T>
class Shifted {
 public:
  Shifted(const std::vector<T>& values, size_t shift)
      : bytes_(values.size() * sizeof(T) + shift), shift_(shift) {
    if (!values.empty()) std::memcpy(bytes_.data() + shift, values.data(), values.size() * sizeof(T));
  }
  [[nodiscard]] const T* data() const {
    const void* start = bytes_.data() + shift_;
    return static_cast<const T*>(start);
  }

 private:
  std::vector<uint8_t> bytes_;
  size_t shift_;
};

inline std::string NameOfSet(const ::testing::TestParamInfo<const KernelSet*>& info) {
  std::string name = info.param->name;
  std::erase(name, '-');
  return name;
}

}  // namespace omendb

#endif  // OMENDB_TESTS_CORE_DISTANCE_SHIFTED_H_
