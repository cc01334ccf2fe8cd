#include "format/manifest.h"

#include <algorithm>

#include "format/manifest_collection.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = 32;
constexpr size_t kCollectionCountOffset = 12;
constexpr size_t kTokenCountOffset = 28;
constexpr size_t kCommitBytes = 16;
constexpr size_t kTokenBytes = 20;

Status ReadCommits(Reader& in, uint32_t count, const Origin& origin, Manifest* manifest) {
  OMENDB_TRY(ReserveEntries(in, count, kCommitBytes, origin, &manifest->commits));
  for (uint32_t i = 0; i < count; ++i) {
    size_t at = in.offset();
    CommitTime commit;
    commit.sequence = in.Number<uint64_t>();
    commit.time_ms = in.Number<uint64_t>();
    if (commit.sequence < manifest->oldest_sequence || commit.sequence > manifest->sequence) {
      return origin.Fault(at, "expected a commit of sequence ", manifest->oldest_sequence, " to ",
                          manifest->sequence, ", found ", commit.sequence);
    }
    if (i > 0 && commit.sequence <= manifest->commits.back().sequence) {
      return origin.Fault(at, "expected a commit after sequence ", manifest->commits.back().sequence,
                          ", found ", commit.sequence);
    }
    manifest->commits.PushReserved(commit);
  }
  return Status::Ok();
}

Status ReadTokens(Reader& in, uint32_t count, const Origin& origin, Manifest* manifest) {
  if (count > kTokensMax) {
    return origin.Fault(kTokenCountOffset, "expected at most ", kTokensMax, " tokens, found ", count);
  }
  OMENDB_TRY(ReserveEntries(in, count, kTokenBytes, origin, &manifest->tokens));
  for (uint32_t i = 0; i < count; ++i) {
    size_t at = in.offset();
    TokenResult result;
    result.token.client = in.Number<uint64_t>();
    result.token.request = in.Number<uint64_t>();
    result.rows = in.Number<uint32_t>();
    // Every pair: kTokensMax keeps this below a millisecond.
    for (const TokenResult& other : manifest->tokens) {
      if (other.token == result.token) {
        return origin.Fault(at, "expected a token that is not there yet, found request ",
                            result.token.request, " of client ", result.token.client, " again");
      }
    }
    manifest->tokens.PushReserved(result);
  }
  return Status::Ok();
}

Status CheckLifetime(const CollectionManifest& collection, const Manifest& manifest, const Origin& origin,
                     size_t at) {
  uint32_t least = manifest.collections.empty() ? 1 : manifest.collections.back().id + 1;
  // No wrap: the id before is below next_collection.
  if (collection.id < least || collection.id >= manifest.next_collection) {
    return origin.Fault(at, "expected a collection id of at least ", least, " and below ",
                        manifest.next_collection, ", found ", collection.id);
  }
  if (collection.created > manifest.sequence) {
    return origin.Fault(at, "expected a collection of sequence ", manifest.sequence, " or before, found ",
                        collection.created);
  }
  if (collection.dropped != 0 &&
      (collection.dropped <= collection.created || collection.dropped > manifest.sequence)) {
    return origin.Fault(at, "expected a collection dropped after sequence ", collection.created, ", up to ",
                        manifest.sequence, ", found ", collection.dropped);
  }
  return Status::Ok();
}

}  // namespace

uint32_t CollectionManifest::rows() const {
  uint32_t rows = 0;
  for (const SegmentManifest& segment : segments) rows += segment.rows;
  return rows;
}

Status Manifest::Encode(Bytes& out) const {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, sequence));
  OMENDB_TRY(PutNumber(out, next_collection));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(collections.size())));
  OMENDB_TRY(PutNumber(out, oldest_sequence));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(commits.size())));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(tokens.size())));
  for (const CommitTime& commit : commits) {
    OMENDB_TRY(PutNumber(out, commit.sequence));
    OMENDB_TRY(PutNumber(out, commit.time_ms));
  }
  for (const TokenResult& result : tokens) {
    OMENDB_TRY(PutNumber(out, result.token.client));
    OMENDB_TRY(PutNumber(out, result.token.request));
    OMENDB_TRY(PutNumber(out, result.rows));
  }
  for (const CollectionManifest& collection : collections) OMENDB_TRY(PutCollection(out, collection));
  return FinishObject(ObjectKind::kManifest, out);
}

Result<Manifest> Manifest::Decode(ByteSpan object, const Origin& origin) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kManifest, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  Reader in(body);
  Manifest manifest;
  manifest.sequence = in.Number<uint64_t>();
  manifest.next_collection = in.Number<uint32_t>();
  uint32_t count = in.Number<uint32_t>();
  manifest.oldest_sequence = in.Number<uint64_t>();
  uint32_t commits = in.Number<uint32_t>();
  uint32_t tokens = in.Number<uint32_t>();
  if (in.failed()) {
    return in_body.Fault(0, "expected a manifest of at least ", kHeaderBytes, " bytes, found ", body.size());
  }
  if (manifest.oldest_sequence > manifest.sequence) {
    return in_body.Fault(16, "expected an oldest sequence of at most ", manifest.sequence, ", found ",
                         manifest.oldest_sequence);
  }
  if (count > kCollectionsMax) {
    return in_body.Fault(kCollectionCountOffset, "expected at most ", kCollectionsMax, " collections, found ",
                         count);
  }
  OMENDB_TRY(ReadCommits(in, commits, in_body, &manifest));
  OMENDB_TRY(ReadTokens(in, tokens, in_body, &manifest));
  for (uint32_t i = 0; i < count; ++i) {
    size_t start = in.offset();
    CollectionManifest collection;
    OMENDB_TRY(ReadCollection(in, in_body, &collection));
    OMENDB_TRY(CheckLifetime(collection, manifest, in_body, start));
    OMENDB_TRY(manifest.collections.Push(std::move(collection)));
  }
  if (!in.done()) {
    return in_body.Fault(in.offset(), "expected the manifest's end, found ", in.remaining(), " more bytes");
  }
  return manifest;
}

size_t Manifest::IndexOf(uint32_t id) const {
  const CollectionManifest* found =
      std::lower_bound(collections.begin(), collections.end(), id,
                       [](const CollectionManifest& entry, uint32_t wanted) { return entry.id < wanted; });
  if (found == collections.end() || found->id != id) return kNotFound;
  return static_cast<size_t>(found - collections.begin());
}

}  // namespace omendb
