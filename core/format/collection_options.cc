#include "format/collection_options.h"

#include "format/utf8.h"
#include "omendb/limits.h"
#include "quantize/quantizer.h"

namespace omendb {
namespace {

Status CheckRange(std::string_view option, uint64_t found, uint64_t least, uint64_t most) {
  if (found >= least && found <= most) return Status::Ok();
  Code code = found < least ? Code::kInvalidArgument : Code::kLimitExceeded;
  return Status::Error(code, "expected ", option, " of ", least, " to ", most, ", found ", found);
}

ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

Status CheckOptions(const CollectionOptions& options) {
  OMENDB_TRY(CheckRange("dimensions", options.dimensions, 1, kDimensionsMax));
  if (options.metric > Metric::kL1) {
    return Status::Error(Code::kInvalidArgument, "expected a metric of 0 to 3, found ",
                         static_cast<uint8_t>(options.metric));
  }
  if (options.quantization > kQuantizationLast) {
    return Status::Error(Code::kInvalidArgument, "expected a quantization of 0 to ",
                         static_cast<uint8_t>(kQuantizationLast), ", found ",
                         static_cast<uint8_t>(options.quantization));
  }
  if (!SupportsMetric(options.quantization, options.metric)) {
    return Status::Error(Code::kInvalidArgument,
                         "RaBitQ has no estimate of l1 distances: expected the quantization "
                         "sq8, none or auto, found ",
                         static_cast<uint8_t>(options.quantization));
  }
  if (options.vector_type > VectorType::kBinary) {
    return Status::Error(Code::kInvalidArgument, "expected a vector type of 0 to 3, found ",
                         static_cast<uint8_t>(options.vector_type));
  }
  OMENDB_TRY(CheckRange("a degree (M)", options.degree, kGraphDegreeMin, kGraphDegreeMax));
  return CheckRange("an ef_construction", options.ef_construction, kEfConstructionMin, kEfConstructionMax);
}

Status CheckCollectionName(std::string_view name) {
  if (name.empty()) return Status::Error(Code::kInvalidArgument, "a collection's name must not be empty");
  if (name.size() > kCollectionNameBytesMax) {
    return Status::Error(Code::kLimitExceeded, "expected a collection's name of at most ",
                         kCollectionNameBytesMax, " bytes, found ", name.size());
  }
  if (!IsUtf8(AsBytes(name))) {
    return Status::Error(Code::kInvalidArgument, "expected a collection's name in UTF-8");
  }
  return Status::Ok();
}

Status PutOptions(Bytes& out, const CollectionOptions& options) {
  OMENDB_TRY(out.ReserveMore(kOptionsBytes));
  OMENDB_TRY(PutNumber<uint32_t>(out, options.dimensions));
  OMENDB_TRY(PutNumber<uint8_t>(out, static_cast<uint8_t>(options.metric)));
  OMENDB_TRY(PutNumber<uint8_t>(out, static_cast<uint8_t>(options.quantization)));
  OMENDB_TRY(PutNumber<uint16_t>(out, options.degree));
  OMENDB_TRY(PutNumber<uint16_t>(out, options.ef_construction));
  OMENDB_TRY(PutNumber<uint8_t>(out, static_cast<uint8_t>(options.vector_type)));
  OMENDB_TRY(PutNumber<uint8_t>(out, 0));
  OMENDB_TRY(PutNumber<uint32_t>(out, 0));
  return PutNumber<uint64_t>(out, options.seed);
}

Status PutName(Bytes& out, std::string_view name) {
  OMENDB_TRY(PutNumber<uint32_t>(out, static_cast<uint32_t>(name.size())));
  return out.Append(AsBytes(name));
}

Status ReadOptions(Reader& in, const Origin& origin, CollectionOptions* options) {
  size_t start = in.offset();
  CollectionOptions read;
  read.dimensions = in.Number<uint32_t>();
  read.metric = static_cast<Metric>(in.Number<uint8_t>());
  read.quantization = static_cast<Quantization>(in.Number<uint8_t>());
  read.degree = in.Number<uint16_t>();
  read.ef_construction = in.Number<uint16_t>();
  read.vector_type = static_cast<VectorType>(in.Number<uint8_t>());
  uint64_t reserved = in.Number<uint8_t>();
  reserved |= in.Number<uint32_t>();
  read.seed = in.Number<uint64_t>();
  if (in.failed()) return origin.Fault(start, "expected ", kOptionsBytes, " bytes of options, found fewer");
  if (reserved != 0) return origin.Fault(start, "expected reserved 0 in the options, found ", reserved);
  Status valid = CheckOptions(read);
  if (!valid.ok()) return origin.Fault(start, valid.message());
  *options = read;
  return Status::Ok();
}

Status ReadName(Reader& in, const Origin& origin, std::string_view* name) {
  size_t start = in.offset();
  uint32_t bytes = in.Number<uint32_t>();
  ByteSpan text = in.Take(bytes);
  if (in.failed()) return origin.Fault(start, "expected a name of ", bytes, " bytes, found fewer");
  std::string_view read(reinterpret_cast<const char*>(text.data()), text.size());
  Status valid = CheckCollectionName(read);
  if (!valid.ok()) return origin.Fault(start, valid.message());
  *name = read;
  return Status::Ok();
}

}  // namespace omendb
