// The mutator of every target: changes an object's body and makes its checksums right again. Else no change
// would get past the first checksum, and no parser would ever be reached.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/coding.h"
#include "format/decoded_object.h"
#include "format/object.h"

extern "C" {
// libFuzzer's own mutator.
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size, const uint8_t* second,
                                 size_t second_size, uint8_t* out, size_t out_size_max, unsigned seed);
}

namespace omendb {
namespace {

// One change in this many is left to the checksums, so that those are tested too.
constexpr unsigned kRawChanges = 16;

// As many are numbers that sizes and counts go wrong with: the ends of 32 and 64 bits, a little off.
constexpr unsigned kExtremeNumbers = 4;

// Over 4 or 8 bytes of the body, at a multiple of 4, where the format has nearly all of its numbers.
void StoreExtreme(Bytes& body, unsigned seed) {
  constexpr uint64_t kEnds[] = {0, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 63};
  const uint64_t value = kEnds[seed % 4] + (seed >> 2) % 33 - 16;
  const size_t bytes = (seed >> 8) % 2 == 0 ? 4 : 8;
  if (body.size() < bytes) return;
  const size_t at = (seed >> 9) % ((body.size() - bytes) / 4 + 1) * 4;
  std::memcpy(body.data() + at, &value, bytes);
}

size_t BodyBytes(ByteSpan object) {
  const uint64_t claimed = LoadAt<uint64_t>(object.data() + 8);
  const size_t most = object.size() - kObjectHeaderBytes;
  return claimed < most ? static_cast<size_t>(claimed) : most;
}

// The whole object with this body into `out`; 0 when it does not fit.
size_t Seal(uint16_t kind, ByteSpan body, uint8_t* out, size_t size_max) {
  Bytes object;
  if (ObjectBytes(body.size()) > size_max || !BeginObject(object).ok() || !object.Append(body).ok() ||
      !FinishObject(static_cast<ObjectKind>(kind), object).ok()) {
    return 0;
  }
  std::memcpy(out, object.data(), object.size());
  return object.size();
}

}  // namespace
}  // namespace omendb

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  using namespace omendb;  // NOLINT(google-build-using-namespace)
  const uint16_t kind = KindOf(ByteSpan(data, size));
  if (kind == 0 || seed % kRawChanges == 0) return LLVMFuzzerMutate(data, size, size_max);
  Bytes body;
  const size_t body_bytes = BodyBytes(ByteSpan(data, size));
  // Room to grow by one long insertion; the block table takes the rest.
  constexpr size_t kGrowth = 256;
  if (!body.Append(ByteSpan(data + kObjectHeaderBytes, body_bytes)).ok() || !body.ReserveMore(kGrowth).ok()) {
    return size;
  }
  if (seed % kExtremeNumbers == 1) {
    StoreExtreme(body, seed / kExtremeNumbers);
  } else {
    (void)body.Resize(body_bytes + kGrowth);  // reserved
    body.Truncate(LLVMFuzzerMutate(body.data(), body_bytes, body_bytes + kGrowth));
  }
  const size_t sealed = Seal(kind, body.span(), data, size_max);
  return sealed == 0 ? size : sealed;
}

// Of two bodies: the beginning of the first, then the rest of the second from the same place.
size_t LLVMFuzzerCustomCrossOver(const uint8_t* first, size_t first_size, const uint8_t* second,
                                 size_t second_size, uint8_t* out, size_t out_size_max, unsigned seed) {
  using namespace omendb;  // NOLINT(google-build-using-namespace)
  const ByteSpan a(first, first_size);
  const ByteSpan b(second, second_size);
  const uint16_t kind = KindOf(a);
  if (kind == 0 || kind != KindOf(b)) return 0;
  const ByteSpan body_a = a.subspan(kObjectHeaderBytes, BodyBytes(a));
  const ByteSpan body_b = b.subspan(kObjectHeaderBytes, BodyBytes(b));
  const size_t cut = body_a.empty() ? 0 : seed % body_a.size();
  Bytes body;
  if (!body.Append(body_a.first(cut)).ok()) return 0;
  if (cut < body_b.size() && !body.Append(body_b.subspan(cut)).ok()) return 0;
  return Seal(kind, body.span(), out, out_size_max);
}
