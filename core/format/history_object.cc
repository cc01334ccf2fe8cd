#include "format/history_object.h"

#include "base/bitmap.h"
#include "base/coding.h"

namespace omendb {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kEntryBytes = 16;

// u64 sequence, u32 rows or row, u32 0.
struct Entry {
  uint64_t sequence = 0;
  uint32_t number = 0;
};

Status PutEntry(Bytes& out, uint64_t sequence, uint32_t number) {
  OMENDB_TRY(PutNumber(out, sequence));
  OMENDB_TRY(PutNumber(out, number));
  return PutNumber(out, uint32_t{0});
}

Status ReadEntry(Reader& in, uint64_t least, uint64_t most, const Origin& in_body, Entry* entry) {
  size_t at = in.offset();
  entry->sequence = in.Number<uint64_t>();
  entry->number = in.Number<uint32_t>();
  uint32_t reserved = in.Number<uint32_t>();
  if (entry->sequence < least || entry->sequence > most) {
    return in_body.Fault(at, "expected a sequence of ", least, " to ", most, ", found ", entry->sequence);
  }
  if (reserved != 0) return in_body.Fault(at + 12, "expected 0, found ", reserved);
  return Status::Ok();
}

Status ReadBirths(Reader& in, uint32_t count, uint32_t rows, uint64_t sequence, const Origin& in_body,
                  Array<Birth>* births) {
  births->Clear();
  OMENDB_TRY(births->Reserve(count));
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) {
    size_t at = in.offset();
    // The sequence before was at most `sequence`; where it was the greatest there is, nothing can rise.
    if (i > 0 && births->back().sequence == sequence) {
      return in_body.Fault(at, "expected no birth after sequence ", sequence, ", found another");
    }
    Entry entry;
    OMENDB_TRY(ReadEntry(in, i == 0 ? 0 : births->back().sequence + 1, sequence, in_body, &entry));
    if (entry.number == 0) return in_body.Fault(at + 8, "expected 1 row or more, found 0");
    births->PushReserved({entry.sequence, entry.number});
    total += entry.number;
  }
  if (total != rows) {
    return in_body.Fault(kHeaderBytes, "expected births of ", rows, " rows, found ", total);
  }
  return Status::Ok();
}

Status ReadDeaths(Reader& in, uint32_t count, uint32_t rows, uint64_t sequence, const Origin& in_body,
                  Array<Death>* deaths) {
  Bitmap dead;
  if (count > 0) OMENDB_TRY(dead.Resize(rows));
  deaths->Clear();
  OMENDB_TRY(deaths->Reserve(count));
  for (uint32_t i = 0; i < count; ++i) {
    size_t at = in.offset();
    Entry entry;
    OMENDB_TRY(ReadEntry(in, i == 0 ? 0 : deaths->back().sequence, sequence, in_body, &entry));
    if (entry.number >= rows) {
      return in_body.Fault(at + 8, "expected a row below ", rows, ", found ", entry.number);
    }
    if (dead.Test(entry.number)) {
      return in_body.Fault(at + 8, "expected a row that has not died yet, found ", entry.number);
    }
    dead.Set(entry.number);
    deaths->PushReserved({entry.number, entry.sequence});
  }
  return Status::Ok();
}

}  // namespace

Status EncodeHistory(std::span<const Birth> births, std::span<const Death> deaths, Bytes& out) {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(out.ReserveMore(kHeaderBytes + (births.size() + deaths.size()) * kEntryBytes));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(births.size())));
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(deaths.size())));
  for (const Birth& birth : births) OMENDB_TRY(PutEntry(out, birth.sequence, birth.rows));
  for (const Death& death : deaths) OMENDB_TRY(PutEntry(out, death.sequence, death.row));
  return FinishObject(ObjectKind::kHistory, out);
}

Status DecodeHistory(ByteSpan object, uint32_t rows, uint64_t sequence, const Origin& origin,
                     Array<Birth>* births, Array<Death>* deaths) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kHistory, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  Reader in(body);
  uint32_t birth_count = in.Number<uint32_t>();
  uint32_t death_count = in.Number<uint32_t>();
  uint64_t expected = kHeaderBytes + (uint64_t{birth_count} + death_count) * kEntryBytes;
  if (in.failed() || body.size() != expected) {
    return in_body.Fault(0, "expected a body of ", expected, " bytes for ", birth_count, " births and ",
                         death_count, " deaths, found ", body.size());
  }
  OMENDB_TRY(ReadBirths(in, birth_count, rows, sequence, in_body, births));
  return ReadDeaths(in, death_count, rows, sequence, in_body, deaths);
}

}  // namespace omendb
