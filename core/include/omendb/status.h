// Status and Result: how every fallible function of the core answers.
//
// The core is built without exceptions. A function that can fail because of its caller, of stored
// bytes or of memory returns Status (or Result<T>); assertions are for our own mistakes only.
// A Status owns its message in place, so reporting "out of memory" needs no memory.
//
// Not here: retry, logging, stack traces. Thread rule: values, no shared state.
// The same codes stand in js/errors/codes.ts and docs/error-codes.md; a test keeps them equal.
#ifndef OMENDB_STATUS_H_
#define OMENDB_STATUS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace omendb {

// Append only: numbers are part of the wasm boundary and of documentation.
enum class Code : uint8_t {
  kOk = 0,
  kInvalidArgument = 1,     // an argument is of the wrong type, shape or range
  kDimensionMismatch = 2,   // a vector's length is not the collection's dimensions
  kInvalidVector = 3,       // NaN, infinity, out-of-range norm, or a zero vector under cosine
  kDuplicateId = 4,         // one id twice in one batch
  kLimitExceeded = 5,       // a stated limit (see limits.h) would be passed
  kOutOfMemory = 6,         // an allocation failed; state is as before the call
  kCorruption = 7,          // stored bytes are not what was written
  kUnsupportedVersion = 8,  // stored bytes were written by a newer format version
  kNotFound = 9,            // the named collection or id does not exist
  kSchemaMismatch = 10,     // a collection exists with other options
  kLocked = 11,             // another writer holds, or has taken over, the database
  kReadOnly = 12,           // a write through a handle that can only read
  kClosed = 13,             // the database handle was closed
  kAborted = 14,            // the caller's AbortSignal fired
  kStorageFailed = 15,      // the storage refused or broke; the message says how
  kQuotaExceeded = 16,      // the storage has no room left
  kConflict = 17,           // another commit got there first
  kEngineFailed = 18,       // the engine trapped; reopen the database to recover
  kUnsupported = 19,        // this runtime lacks what the call needs
  kEvicted = 20,            // the database was there and the browser has removed it
  kNotRetained = 21,        // a past state that is no longer kept
};
inline constexpr uint8_t kCodeCount = 22;
// No error, and never a user's: the call needs vectors that lie in storage only. The host reads what
// Engine::Wanted names, gives it to Engine::TakeWanted, and makes the call again.
inline constexpr Code kVectorsWanted = static_cast<Code>(255);

// "INVALID_ARGUMENT", ...: the spelling JavaScript sees.
[[nodiscard]] const char* CodeName(Code code);

class [[nodiscard]] Status {
 public:
  static constexpr size_t kMessageCapacity = 192;

  Status() = default;
  static Status Ok() { return Status(); }

  // Builds a message from pieces: string_view, any integer, bool. Cut at kMessageCapacity - 1 bytes.
  //   return Status::Error(Code::kDimensionMismatch, "expected ", dims, " floats, found ", n);
  template <typename... Pieces>
  static Status Error(Code code, const Pieces&... pieces) {
    Status status;
    status.code_ = code;
    (status.Append(pieces), ...);
    return status;
  }

  [[nodiscard]] bool ok() const { return code_ == Code::kOk; }
  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] std::string_view message() const { return {message_, length_}; }

 private:
  void Append(std::string_view text);
  void Append(const char* text) { Append(std::string_view(text)); }
  void AppendUnsigned(uint64_t value);
  void AppendSigned(int64_t value);
  template <typename T>
    requires std::is_integral_v<T>
  void Append(T value) {
    if constexpr (std::is_signed_v<T>) {
      AppendSigned(static_cast<int64_t>(value));
    } else {
      AppendUnsigned(static_cast<uint64_t>(value));
    }
  }

  Code code_ = Code::kOk;
  uint8_t length_ = 0;
  char message_[kMessageCapacity];  // only the first length_ bytes are set
};

// A T, or the Status that says why there is none. T is movable.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : status_(status) {}     // NOLINT(google-explicit-constructor)
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return value_.has_value(); }
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] T& value() { return *value_; }
  [[nodiscard]] const T& value() const { return *value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

#define OMENDB_CONCAT_(a, b) a##b
#define OMENDB_CONCAT(a, b) OMENDB_CONCAT_(a, b)
// Leaves the function with the Status when it is not OK.
#define OMENDB_TRY(expression)                     \
  do {                                             \
    ::omendb::Status omendb_status = (expression); \
    if (!omendb_status.ok()) [[unlikely]]          \
      return omendb_status;                        \
  } while (false)
// OMENDB_ASSIGN(auto value, Compute()): declares or assigns on success, else leaves with the Status.
#define OMENDB_ASSIGN(target, expression) \
  OMENDB_ASSIGN_(OMENDB_CONCAT(omendb_result_, __LINE__), target, expression)
#define OMENDB_ASSIGN_(result, target, expression) \
  auto result = (expression);                      \
  if (!result.ok()) [[unlikely]]                   \
    return result.status();                        \
  target = std::move(result.value())

}  // namespace omendb

#endif  // OMENDB_STATUS_H_
