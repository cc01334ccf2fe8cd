#include "format/links_object.h"

#include "base/coding.h"

namespace omendb {
namespace {

constexpr size_t kNodeCountOffset = 4;

}  // namespace

Status EncodeLinksPart(ByteSpan part, Bytes& out) {
  assert(!part.empty());
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(out.Append(part));
  return FinishObject(ObjectKind::kLinks, out);
}

Result<ByteSpan> DecodeLinksPart(ByteSpan object, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kLinks, origin));
  if (body.empty()) return origin.Fault(kObjectHeaderBytes, "expected a part of 1 byte or more, found 0");
  return body;
}

Status DecodeLinks(ByteSpan bytes, const CollectionOptions& options, uint32_t nodes, const Origin& origin,
                   HnswGraph* graph) {
  *graph = HnswGraph(options.degree, options.seed);
  Origin in_body = origin.At(kObjectHeaderBytes);
  if (bytes.size() < kNodeCountOffset + 4) {
    return in_body.Fault(0, "expected a graph of at least 8 bytes, found ", bytes.size());
  }
  // Before the graph is read: each of its nodes asks for much more memory than it has bytes.
  uint32_t found = LoadAt<uint32_t>(bytes.data() + kNodeCountOffset);
  if (found != nodes) {
    return in_body.Fault(kNodeCountOffset, "expected a graph of ", nodes, " nodes, found ", found);
  }
  Reader in(bytes);
  Status read = graph->Deserialize(in, options.degree, options.seed);
  if (read.code() == Code::kCorruption) return in_body.Fault(0, read.message());
  OMENDB_TRY(std::move(read));
  if (!in.done()) {
    *graph = HnswGraph(options.degree, options.seed);
    return in_body.Fault(in.offset(), "expected the graph's end, found ", in.remaining(), " more bytes");
  }
  return Status::Ok();
}

}  // namespace omendb
