// The head and manifests.
#include "fuzz/checked_object.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using omendb::ObjectKind;
  constexpr ObjectKind kKinds[] = {ObjectKind::kHead, ObjectKind::kManifest};
  omendb::CheckObject({data, size}, kKinds);
  return 0;
}
