#include "engine/wanted_vectors.h"

#include <cstring>

namespace omendb {
namespace {

template <typename Visit>
void ForEachCollection(CollectionSet& collections, const Visit& visit) {
  for (uint32_t i = 0; i < collections.count(); ++i) visit(collections.at(i));
  for (uint32_t i = 0; i < collections.dropped_count(); ++i) visit(collections.dropped_at(i));
}

}  // namespace

Status WantedVectors::GatherOf(Collection& collection) {
  VectorStore& vectors = collection.vectors();
  vectors.SortWanted();
  const size_t row_bytes = vectors.vector_bytes();
  const VectorsReference* part = nullptr;
  for (uint32_t slot : vectors.wanted()) {
    OMENDB_TRY(entries_.Push({&collection, slot}));
    const VectorStore::Stored stored = vectors.Locate(slot);
    const uint64_t offset = stored.part->offset + uint64_t{stored.row} * row_bytes;
    if (stored.part == part && ranges_.back().offset + ranges_.back().bytes == offset) {
      ranges_.back().bytes += row_bytes;
      continue;
    }
    part = stored.part;
    const ObjectName name = part->name();
    WantedRange range;
    std::memcpy(range.object, name.text().data(), name.text().size());
    range.offset = offset;
    range.bytes = row_bytes;
    OMENDB_TRY(ranges_.Push(range));
  }
  return Status::Ok();
}

Status WantedVectors::Gather(CollectionSet& collections) {
  any_ = true;
  ranges_.Clear();
  entries_.Clear();
  Status gathered;
  ForEachCollection(collections, [&](Collection& collection) {
    if (gathered.ok() && !collection.vectors().wanted().empty()) gathered = GatherOf(collection);
  });
  return gathered;
}

Status WantedVectors::Take(ByteSpan bytes) {
  uint64_t expected = 0;
  for (const WantedRange& range : ranges_) expected += range.bytes;
  if (bytes.size() != expected || ranges_.empty()) {
    return Status::Error(Code::kInvalidArgument, "expected ", expected, " bytes of vectors, found ",
                         bytes.size());
  }
  const uint8_t* vector = bytes.data();
  for (const Entry& entry : entries_) {
    // Some may have come before a failure.
    if (!entry.collection->vectors().in_memory(entry.slot)) {
      OMENDB_TRY(entry.collection->Bring(entry.slot, vector));
    }
    vector += entry.collection->vectors().vector_bytes();
  }
  for (const Entry& entry : entries_) entry.collection->vectors().WantNothing();
  ranges_.Clear();
  entries_.Clear();
  taken_ = true;
  return Status::Ok();
}

void WantedVectors::End(CollectionSet& collections) {
  if (!any_) return;
  any_ = false;
  ranges_.Clear();
  entries_.Clear();
  ForEachCollection(collections, [](Collection& collection) {
    collection.vectors().ForgetWanted();
    collection.EndBrief();
  });
}

}  // namespace omendb
