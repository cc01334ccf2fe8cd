// Collection options and names: their limits and their bytes (docs/file-format.md, "WAL frame").
#ifndef OMENDB_FORMAT_COLLECTION_OPTIONS_H_
#define OMENDB_FORMAT_COLLECTION_OPTIONS_H_

#include <string_view>

#include "base/coding.h"
#include "format/origin.h"
#include "omendb/types.h"

namespace omendb {

inline constexpr size_t kOptionsBytes = 24;

// INVALID_ARGUMENT or LIMIT_EXCEEDED, naming the option, its limits and what was found.
Status CheckOptions(const CollectionOptions& options);
// INVALID_ARGUMENT for an empty name or one that is not UTF-8, LIMIT_EXCEEDED for one too long.
Status CheckCollectionName(std::string_view name);

Status PutOptions(Bytes& out, const CollectionOptions& options);
// u32 bytes, then the name.
Status PutName(Bytes& out, std::string_view name);

// Both check what they read; faults carry `origin`.
Status ReadOptions(Reader& in, const Origin& origin, CollectionOptions* options);
Status ReadName(Reader& in, const Origin& origin, std::string_view* name);

}  // namespace omendb

#endif  // OMENDB_FORMAT_COLLECTION_OPTIONS_H_
