// Every object that a manifest names for a collection: its segments, its graph, its history.
#include "fuzz/checked_object.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using omendb::ObjectKind;
  constexpr ObjectKind kKinds[] = {ObjectKind::kVectors,    ObjectKind::kIds,    ObjectKind::kMetadata,
                                   ObjectKind::kTombstones, ObjectKind::kLinks,  ObjectKind::kNodes,
                                   ObjectKind::kCodes,      ObjectKind::kHistory};
  omendb::CheckObject({data, size}, kKinds);
  return 0;
}
