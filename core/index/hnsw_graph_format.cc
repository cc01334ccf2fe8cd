// HnswGraph to bytes and back; docs/file-format.md, "Graph".
#include <algorithm>
#include <limits>

#include "index/hnsw_graph.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = 24;

// A link takes as many bytes as the greatest ordinal needs.
uint32_t LinkBytes(uint32_t size) {
  if (size <= 0x100) return 1;
  if (size <= 0x10000) return 2;
  return size <= 0x1000000 ? 3 : 4;
}

Status Corrupt(const Reader& in, const char* what, uint32_t node, uint64_t found) {
  return Status::Error(Code::kCorruption, "graph, before offset ", in.offset(), ": ", what, " of node ", node,
                       ": ", found);
}

}  // namespace

Status HnswGraph::Serialize(Bytes& out) const {
  const uint32_t link_bytes = LinkBytes(size_);
  size_t bytes = kHeaderBytes + size_;
  for (uint32_t node = 0; node < size_; ++node) {
    for (uint32_t level = 0; level <= LevelOf(node); ++level) {
      bytes += 1 + Links(node, level).size() * link_bytes;
    }
  }
  OMENDB_TRY(out.ReserveMore(bytes));
  uint32_t next = 0;
  return SerializeSome(&next, std::numeric_limits<size_t>::max(), out);
}

Status HnswGraph::SerializeSome(uint32_t* next, size_t target, Bytes& out) const {
  const size_t before = out.size();
  uint32_t node = *next;
  Status status = node == 0 ? SerializeHeader(out) : Status::Ok();
  do {
    if (!status.ok() || node == size_) break;
    status = SerializeNode(node++, out);
  } while (out.size() < target);
  if (status.ok()) {
    *next = node;
  } else {
    out.Truncate(before);
  }
  return status;
}

Status HnswGraph::SerializeHeader(Bytes& out) const {
  OMENDB_TRY(out.ReserveMore(kHeaderBytes + size_));
  // Nothing below can fail.
  (void)PutNumber(out, degree_);
  (void)PutNumber(out, size_);
  (void)PutNumber(out, entry_);
  (void)PutNumber(out, upper_links_.size());
  (void)PutNumber(out, uint64_t{0});
  return out.Append(levels_.span());
}

Status HnswGraph::SerializeNode(uint32_t node, Bytes& out) const {
  const uint32_t link_bytes = LinkBytes(size_);
  uint32_t sorted[2 * kGraphDegreeMax];
  for (uint32_t level = 0; level <= LevelOf(node); ++level) {
    const std::span<const uint32_t> links = Links(node, level);
    OMENDB_TRY(out.ReserveMore(1 + links.size() * link_bytes));
    // Sorted, so that "never twice the same" is one comparison for a reader.
    std::copy(links.begin(), links.end(), sorted);
    std::sort(sorted, sorted + links.size());
    out.PushReserved(static_cast<uint8_t>(links.size()));
    for (size_t i = 0; i < links.size(); ++i) {
      (void)out.Append({reinterpret_cast<const uint8_t*>(&sorted[i]), link_bytes});
    }
  }
  return Status::Ok();
}

Status HnswGraph::Deserialize(Reader& in, uint32_t degree, uint64_t seed) {
  *this = HnswGraph(degree, seed);
  const uint32_t stored_degree = in.Number<uint32_t>();
  const uint32_t size = in.Number<uint32_t>();
  const uint32_t entry = in.Number<uint32_t>();
  const uint32_t upper_rows = in.Number<uint32_t>();
  const uint64_t reserved = in.Number<uint64_t>();
  const ByteSpan levels = in.Take(size);
  if (in.failed()) {
    return Status::Error(Code::kCorruption, "graph: ", size, " nodes do not fit into ", in.remaining(),
                         " bytes");
  }
  if (stored_degree != degree) {
    return Status::Error(Code::kCorruption, "graph: expected degree ", degree, ", found ", stored_degree);
  }
  if (reserved != 0 || size > kRowsMax || (entry != kNoNode && entry >= size)) {
    return Status::Error(Code::kCorruption, "graph: ", size, " nodes, entry ", entry, ", reserved ",
                         reserved);
  }
  uint64_t rows = 0;
  for (uint32_t node = 0; node < size; ++node) {
    if (levels[node] > kLevelMax) return Corrupt(in, "level", node, levels[node]);
    rows += levels[node];
  }
  // Each list has a byte at least: no memory is asked for on the word of a count alone.
  if (rows != upper_rows || in.remaining() < size + rows) {
    return Status::Error(Code::kCorruption, "graph: ", size, " nodes with ", upper_rows,
                         " upper lists, found ", rows, " and ", in.remaining(), " bytes");
  }
  Status status = ReadNodes(in, levels);
  // Nodes that were all cleared have no entry: they wait for other rows.
  if (status.ok() && entry != kNoNode) SetEntry(entry);
  if (!status.ok()) *this = HnswGraph(degree, seed);
  return status;
}

Status HnswGraph::ReadNodes(Reader& in, ByteSpan levels) {
  const uint32_t size = static_cast<uint32_t>(levels.size());
  const uint32_t link_bytes = LinkBytes(size);
  OMENDB_TRY(Reserve(size));
  for (uint8_t level : levels) OMENDB_TRY(AddNode(level));
  for (uint32_t node = 0; node < size; ++node) {
    for (uint32_t level = 0; level <= LevelOf(node); ++level) {
      OMENDB_TRY(ReadList(in, node, level, link_bytes));
    }
  }
  return Status::Ok();
}

Status HnswGraph::ReadList(Reader& in, uint32_t node, uint32_t level, uint32_t link_bytes) {
  const uint32_t count = in.Number<uint8_t>();
  const ByteSpan raw = in.Take(uint64_t{count} * link_bytes);
  if (in.failed() || count > max_links(level)) return Corrupt(in, "list", node, count);
  uint32_t* list = List(node, level);
  uint64_t least = 0;  // links rise strictly
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t link = 0;
    std::memcpy(&link, raw.data() + size_t{i} * link_bytes, link_bytes);
    if (link < least || link >= size_ || link == node || LevelOf(link) < level) {
      return Corrupt(in, "link", node, link);
    }
    least = uint64_t{link} + 1;
    list[1 + i] = link;
  }
  list[0] = count;
  return Status::Ok();
}

}  // namespace omendb
