// A collection inside a manifest, as bytes (docs/file-format.md, "Manifest"): what is said of its segments
// and its graph must fit together. How collections relate to the manifest is manifest.cc's.
#ifndef OMENDB_FORMAT_MANIFEST_COLLECTION_H_
#define OMENDB_FORMAT_MANIFEST_COLLECTION_H_

#include "base/coding.h"
#include "format/manifest.h"

namespace omendb {

Status PutCollection(Bytes& out, const CollectionManifest& collection);
// CORRUPTION when the bytes end before it does or contradict each other; OUT_OF_MEMORY.
Status ReadCollection(Reader& in, const Origin& origin, CollectionManifest* collection);

// Makes room for a count that was read, after checking that as many entries can follow.
template <typename T>
Status ReserveEntries(const Reader& in, uint32_t count, size_t entry_bytes, const Origin& origin,
                      Array<T>* out) {
  if (uint64_t{count} * entry_bytes > in.remaining()) {
    return origin.Fault(in.offset(), "expected ", count, " entries of at least ", entry_bytes,
                        " bytes, found ", in.remaining(), " bytes");
  }
  return out->Reserve(count);
}

}  // namespace omendb

#endif  // OMENDB_FORMAT_MANIFEST_COLLECTION_H_
