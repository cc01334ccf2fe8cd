#include "engine/row_reader.h"

#include "engine/answers.h"

namespace omendb {
namespace {

// A page of a listing ends here even when `limit` rows were not reached, so that large rows do not make
// an answer that memory cannot hold.
constexpr uint64_t kPageBytes = uint64_t{8} << 20;

uint32_t NextLive(const Collection& collection, uint32_t ordinal) {
  while (ordinal < collection.rows().size() && collection.tombstones().Test(ordinal)) ++ordinal;
  return ordinal;
}

}  // namespace

Status GetRows(const Collection& collection, ByteSpan ids_bytes, uint32_t include, Bytes& answer) {
  OMENDB_TRY(CheckInclude(include));
  OMENDB_ASSIGN(BlobList ids, DecodeIdList(ids_bytes, Origin::Argument("id list")));
  if (ids.count() > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected at most ", kBatchRowsMax, " ids, found ",
                         ids.count());
  }
  Array<uint32_t> ordinals;
  OMENDB_TRY(ordinals.Reserve(ids.count()));
  answer.Clear();
  OMENDB_TRY(answer.Resize(size_t{4} + ids.count()));
  StoreAt<uint32_t>(answer.data(), ids.count());
  for (uint32_t i = 0; i < ids.count(); ++i) {
    uint32_t ordinal = collection.Find(ids[i]);
    if (ordinal == kNoRow) continue;
    answer[size_t{4} + i] = 1;
    ordinals.PushReserved(ordinal);
  }
  return AppendRows(collection, ordinals.span(), include, answer);
}

Status ListRows(const Collection& collection, uint64_t cursor, uint32_t limit, uint32_t include,
                Bytes& answer) {
  OMENDB_TRY(CheckInclude(include));
  if (limit < 1) return Status::Error(Code::kInvalidArgument, "expected a limit of at least 1, found 0");
  if (limit > kBatchRowsMax) {
    return Status::Error(Code::kLimitExceeded, "expected a limit of at most ", kBatchRowsMax, ", found ",
                         limit);
  }
  OMENDB_ASSIGN(uint32_t ordinal, collection.OrdinalOf(cursor));
  Array<uint32_t> ordinals;
  uint64_t bytes = 0;
  ordinal = NextLive(collection, ordinal);
  while (ordinal < collection.rows().size() && ordinals.size() < limit) {
    bytes += RowBytes(collection, ordinal, include);
    if (bytes > kPageBytes && !ordinals.empty()) break;
    OMENDB_TRY(ordinals.Push(ordinal));
    ordinal = NextLive(collection, ordinal + 1);
  }
  uint64_t next = ordinal < collection.rows().size() ? collection.CursorFrom(ordinal) : 0;
  answer.Clear();
  OMENDB_TRY(PutNumber(answer, next));
  OMENDB_TRY(PutNumber<uint64_t>(answer, 0));
  return AppendRows(collection, ordinals.span(), include, answer);
}

Result<uint64_t> CursorAfterRow(const Collection& collection, ByteSpan ids_bytes) {
  OMENDB_ASSIGN(BlobList ids, DecodeIdList(ids_bytes, Origin::Argument("id list")));
  if (ids.count() != 1) {
    return Status::Error(Code::kInvalidArgument, "expected a list of 1 id, found ", ids.count());
  }
  uint32_t ordinal = collection.Find(ids[0]);
  if (ordinal == kNoRow) return Status::Error(Code::kNotFound, "no row has this id");
  return collection.CursorFrom(ordinal + 1);
}

}  // namespace omendb
