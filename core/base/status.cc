#include "omendb/status.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace omendb {
namespace {

constexpr std::array<const char*, kCodeCount> kCodeNames = {
    "OK",
    "INVALID_ARGUMENT",
    "DIMENSION_MISMATCH",
    "INVALID_VECTOR",
    "DUPLICATE_ID",
    "LIMIT_EXCEEDED",
    "OUT_OF_MEMORY",
    "CORRUPTION",
    "UNSUPPORTED_VERSION",
    "NOT_FOUND",
    "SCHEMA_MISMATCH",
    "LOCKED",
    "READ_ONLY",
    "CLOSED",
    "ABORTED",
    "STORAGE_FAILED",
    "QUOTA_EXCEEDED",
    "CONFLICT",
    "ENGINE_FAILED",
    "UNSUPPORTED",
    "EVICTED",
    "NOT_RETAINED",
};
static_assert(kCodeNames.back() != nullptr);
static_assert(static_cast<uint8_t>(Code::kNotRetained) + 1 == kCodeCount);

}  // namespace

const char* CodeName(Code code) {
  auto index = static_cast<size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : "UNKNOWN";
}

void Status::Append(std::string_view text) {
  size_t copied = std::min(text.size(), kMessageCapacity - 1 - length_);
  if (copied > 0) std::memcpy(message_ + length_, text.data(), copied);
  length_ = static_cast<uint8_t>(length_ + copied);
}

void Status::AppendUnsigned(uint64_t value) {
  char digits[20];
  size_t first = sizeof(digits);
  do {
    digits[--first] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  Append(std::string_view(digits + first, sizeof(digits) - first));
}

void Status::AppendSigned(int64_t value) {
  if (value < 0) Append(std::string_view("-"));
  AppendUnsigned(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
}

}  // namespace omendb
