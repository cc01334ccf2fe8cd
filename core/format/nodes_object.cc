#include "format/nodes_object.h"

#include "base/bitmap.h"
#include "base/coding.h"

namespace omendb {
namespace {

// In the count of nodes, which is below 2^31: checksums follow the rows.
constexpr uint32_t kChecksumsFlag = 1U << 31;

Status ReadRows(ByteSpan stored, uint32_t row_count, const Origin& origin, Array<uint32_t>* rows) {
  Bitmap seen;
  OMENDB_TRY(seen.Resize(row_count));
  rows->Clear();
  OMENDB_TRY(rows->Reserve(stored.size() / sizeof(uint32_t)));
  for (size_t at = 0; at < stored.size(); at += sizeof(uint32_t)) {
    uint32_t row = LoadAt<uint32_t>(stored.data() + at);
    if (row != kNoStoredRow) {
      if (row >= row_count) return origin.Fault(at, "expected a row below ", row_count, ", found ", row);
      if (seen.Test(row)) return origin.Fault(at, "expected a row that has no node yet, found ", row);
      seen.Set(row);
    }
    rows->PushReserved(row);
  }
  return Status::Ok();
}

Status ReadQuantizer(Reader& in, const CollectionOptions& options, const Origin& origin,
                     Owned<Quantizer>* quantizer) {
  const auto tag = in.Number<uint32_t>();
  const Quantization kind = in.failed() ? Quantization::kNone : KindOfTag(tag, options.metric);
  const bool expected = options.quantization == Quantization::kAuto || kind == options.quantization;
  if (kind == Quantization::kNone || !expected) {
    return origin.Fault(0, "expected a quantizer of kind ", static_cast<uint32_t>(options.quantization),
                        " and metric ", static_cast<uint32_t>(options.metric), ", found tag ", tag);
  }
  // The seed is part of what is read.
  *quantizer = MakeQuantizer(kind, options.metric, options.dimensions, 0);
  if (!*quantizer) return OutOfMemory(sizeof(Quantizer));
  Status read = (*quantizer)->Deserialize(in);
  if (read.code() == Code::kCorruption) return origin.Fault(4, read.message());
  return read;
}

}  // namespace

Status EncodeNodes(const TrainingState& training, const Quantizer* quantizer, std::span<const uint32_t> rows,
                   std::span<const uint32_t> checksums, Bytes& out) {
  OMENDB_TRY(BeginObject(out));
  OMENDB_TRY(PutNumber(out, training.trained_rows));
  OMENDB_TRY(PutNumber(out, training.new_rows));
  if (quantizer != nullptr) OMENDB_TRY(quantizer->Serialize(out));
  const uint32_t flag = checksums.empty() ? 0 : kChecksumsFlag;
  OMENDB_TRY(PutNumber(out, static_cast<uint32_t>(rows.size()) | flag));
  OMENDB_TRY(out.Append(ByteSpan(reinterpret_cast<const uint8_t*>(rows.data()), rows.size_bytes())));
  OMENDB_TRY(
      out.Append(ByteSpan(reinterpret_cast<const uint8_t*>(checksums.data()), checksums.size_bytes())));
  return FinishObject(ObjectKind::kNodes, out);
}

Status DecodeNodes(ByteSpan object, const CollectionOptions& options, uint32_t nodes, uint32_t row_count,
                   const Origin& origin, TrainingState* training, Owned<Quantizer>* quantizer,
                   Array<uint32_t>* rows, Array<uint32_t>* checksums) {
  OMENDB_ASSIGN(ByteSpan body, DecodeObject(object, ObjectKind::kNodes, origin));
  Origin in_body = origin.At(kObjectHeaderBytes);
  Reader in(body);
  training->trained_rows = in.Number<uint32_t>();
  training->new_rows = in.Number<uint32_t>();
  if (in.failed()) return in_body.Fault(0, "expected a body of at least 12 bytes, found ", body.size());
  if (options.quantization != Quantization::kNone) {
    OMENDB_TRY(ReadQuantizer(in, options, in_body.At(8), quantizer));
  }
  size_t count_at = in.offset();
  const auto stored_count = in.Number<uint32_t>();
  const uint32_t count = stored_count & ~kChecksumsFlag;
  if (in.failed() || count != nodes) {
    return in_body.Fault(count_at, "expected ", nodes, " nodes, found ", count);
  }
  const uint64_t row_bytes = uint64_t{count} * sizeof(uint32_t);
  const uint64_t expected = stored_count == count ? row_bytes : 2 * row_bytes;
  if (in.remaining() != expected) {
    return in_body.Fault(in.offset(), "expected ", expected, " bytes for ", count, " nodes, found ",
                         in.remaining());
  }
  size_t rows_at = in.offset();
  OMENDB_TRY(ReadRows(in.Take(static_cast<size_t>(row_bytes)), row_count, in_body.At(rows_at), rows));
  const ByteSpan stored = in.Take(in.remaining());
  OMENDB_TRY(checksums->ResizeToOverwrite(stored.size() / sizeof(uint32_t)));
  if (!stored.empty()) std::memcpy(checksums->data(), stored.data(), stored.size());
  return Status::Ok();
}

}  // namespace omendb
