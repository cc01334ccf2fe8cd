// Origin: where bytes come from, so that a fault can name object and offset.
//
// The same layouts arrive from callers (INVALID_ARGUMENT) and from storage (CORRUPTION): the decoder
// is one, the origin says which of the two a fault is. Not an owner: the name must outlive it.
#ifndef OMENDB_FORMAT_ORIGIN_H_
#define OMENDB_FORMAT_ORIGIN_H_

#include <cstdint>
#include <string_view>

#include "omendb/status.h"

namespace omendb {

struct Origin {
  Code fault_code = Code::kCorruption;
  std::string_view name;  // "object d00000001-..." or "row batch"
  uint64_t offset = 0;    // of the decoded bytes inside what `name` names

  static Origin Stored(std::string_view object_name, uint64_t offset = 0) {
    return {Code::kCorruption, object_name, offset};
  }
  static Origin Argument(std::string_view what) { return {Code::kInvalidArgument, what, 0}; }

  [[nodiscard]] Origin At(uint64_t more) const { return {fault_code, name, offset + more}; }

  // "<name>, byte <offset + at>: <pieces>"
  template <typename... Pieces>
  [[nodiscard]] Status Fault(uint64_t at, const Pieces&... pieces) const {
    return Status::Error(fault_code, name, ", byte ", offset + at, ": ", pieces...);
  }
};

}  // namespace omendb

#endif  // OMENDB_FORMAT_ORIGIN_H_
