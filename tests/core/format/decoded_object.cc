#include "format/decoded_object.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "format/blobs_object.h"
#include "format/codes_object.h"
#include "format/frame.h"
#include "format/history_object.h"
#include "format/links_object.h"
#include "format/manifest.h"
#include "format/nodes_object.h"
#include "format/row_batch.h"
#include "format/tombstones_object.h"
#include "format/vectors_object.h"
#include "index/code_scorer.h"
#include "omendb/limits.h"

namespace omendb {
namespace {

// Rows that a test has memory for; a decoder is told of no more of them than the engine has read.
constexpr uint32_t kRowsThere = 1U << 20;

const Origin kOrigin = Origin::Stored("d00000001-0000000000000001");

// A number of the body, 0 past its end.
uint32_t Claim(ByteSpan object, size_t body_offset) {
  if (object.size() < kObjectHeaderBytes + body_offset + 4) return 0;
  return LoadAt<uint32_t>(object.data() + kObjectHeaderBytes + body_offset);
}

Status EncodeBlobs(ObjectKind kind, const BlobList& list, Bytes& again) {
  uint64_t content_bytes = 0;
  for (uint32_t i = 0; i < list.count(); ++i) content_bytes += list[i].size();
  BlobListWriter writer;
  OMENDB_TRY(BeginBlobs(list.count(), content_bytes, again, &writer));
  for (uint32_t i = 0; i < list.count(); ++i) writer.Add(list[i]);
  writer.Finish();
  return FinishObject(kind, again);
}

// What the engine reads out of a payload. Faults are not the frame's.
void ReadPayload(const FrameOperation& operation, ByteSpan payload) {
  Origin origin = kOrigin.At(operation.payload_offset);
  if (operation.kind == OperationKind::kCreate) {
    Reader in(payload);
    CollectionOptions options;
    std::string_view name;
    if (ReadOptions(in, origin, &options).ok()) (void)ReadName(in, origin, &name);
  } else if (operation.kind == OperationKind::kUpsert) {
    auto batch = RowBatch::Decode(payload, origin);
    uint64_t bytes = 0;
    for (uint32_t i = 0; batch.ok() && i < batch.value().count(); ++i) {
      bytes += batch.value().id(i).size() + batch.value().metadata(i).size();
    }
    if (bytes > payload.size()) std::abort();
  } else if (operation.kind == OperationKind::kDelete) {
    (void)DecodeIdList(payload, origin);
  }
}

Status Frame(ByteSpan object, Bytes& again) {
  OMENDB_ASSIGN(FrameReader reader, FrameReader::Open(object, kOrigin));
  FrameWriter writer;
  OMENDB_TRY(writer.Begin());
  for (uint32_t i = 0; i < reader.operation_count(); ++i) {
    OMENDB_ASSIGN(FrameOperation operation, reader.Next());
    ByteSpan payload = object.subspan(operation.payload_offset, operation.payload_bytes);
    ReadPayload(operation, payload);
    OMENDB_ASSIGN(uint8_t* room, writer.Prepare(payload.size()));
    if (!payload.empty()) std::memcpy(room, payload.data(), payload.size());
    (void)writer.Take(operation.kind, operation.collection);
  }
  OMENDB_TRY(reader.CheckEnd());
  OMENDB_ASSIGN(ByteSpan sealed, writer.Seal(reader.sequence(), reader.epoch(), reader.time_ms()));
  again.Clear();
  return again.Append(sealed);
}

Status Vectors(ByteSpan object, Bytes& again) {
  VectorsReference reference;
  reference.rows = Claim(object, 0);
  reference.offset = kVectorsOffset;
  uint32_t dimensions = Claim(object, 4);
  const auto type = static_cast<VectorType>(Claim(object, 8));
  OMENDB_ASSIGN(const uint8_t* vectors, DecodeVectors(object, reference, type, dimensions, kOrigin));
  OMENDB_TRY(BeginVectors(reference.rows, type, dimensions, again));
  OMENDB_TRY(again.Append({vectors, reference.rows * VectorBytes(type, dimensions)}));
  return FinishObject(ObjectKind::kVectors, again);
}

Status Tombstones(ByteSpan object, Bytes& again) {
  Bitmap tombstones;
  OMENDB_TRY(DecodeTombstones(object, Claim(object, 0), Claim(object, 4), kOrigin, &tombstones));
  return EncodeTombstones(tombstones, again);
}

// Bytes of a stored quantizer; no other test may tell (docs/file-format.md, "Quantizers").
uint64_t QuantizerBytes(Quantization kind, uint32_t dimensions) {
  return kind == Quantization::kSq8 ? 8 + uint64_t{8} * dimensions : 16 + uint64_t{4} * dimensions;
}

// Whether there is a quantizer is the manifest's to say: a tag and dimensions that could be one's are taken
// for it, and then the count stands behind it.
Status Nodes(ByteSpan object, Bytes& again) {
  CollectionOptions options;
  options.quantization = Quantization::kNone;
  size_t count_at = 8;
  const uint32_t tag = Claim(object, 8);
  const uint32_t dimensions = Claim(object, 12);
  const auto metric = static_cast<Metric>(tag & 0xff);
  const Quantization kind = metric <= Metric::kL1 ? KindOfTag(tag, metric) : Quantization::kNone;
  if (kind != Quantization::kNone && dimensions >= 1 && dimensions <= kDimensionsMax &&
      8 + QuantizerBytes(kind, dimensions) < object.size()) {
    options.quantization = kind;
    options.metric = metric;
    options.dimensions = dimensions;
    count_at = static_cast<size_t>(8 + QuantizerBytes(kind, dimensions));
  }
  // No manifest names a nodes object without nodes.
  uint32_t nodes = std::max(Claim(object, count_at) & 0x7fffffff, 1U);
  TrainingState training;
  Owned<Quantizer> quantizer;
  Array<uint32_t> rows;
  Array<uint32_t> checksums;
  OMENDB_TRY(
      DecodeNodes(object, options, nodes, kRowsThere, kOrigin, &training, &quantizer, &rows, &checksums));
  return EncodeNodes(training, quantizer.get(), rows.span(), checksums.span(), again);
}

void RequireNumber(float distance) {
  if (std::isnan(distance)) std::abort();
}

// What passes the decoder is compared, each row with the first, itself and a vector.
Status CompareCodes(Quantizer& quantizer, Metric metric, const uint8_t* codes, uint32_t nodes,
                    uint32_t dimensions) {
  std::vector<float> low(dimensions, -1);
  std::vector<float> high(dimensions, 1);
  const float* rows[] = {low.data(), high.data()};
  const float inverse_norms[] = {1, 1};
  OMENDB_TRY(quantizer.Train(rows, inverse_norms));
  ChunkedRows stored(quantizer.row_bytes());
  OMENDB_TRY(stored.Reserve(nodes));
  stored.Resize(nodes);
  for (uint32_t node = 0; node < nodes; ++node) {
    std::memcpy(stored.row(node), codes + node * quantizer.row_bytes(), quantizer.row_bytes());
  }
  OMENDB_ASSIGN(Owned<Scorer> scorer, MakeCodeScorer(quantizer, stored, metric));
  for (uint32_t node = 0; node < nodes; ++node) {
    scorer->SetRow(node);
    RequireNumber(scorer->Distance(0));
    RequireNumber(scorer->Distance(node));
    scorer->SetVector(high.data(), 1);
    const float distance = scorer->Distance(node);
    RequireNumber(distance);
    RequireNumber(scorer->ErrorBound(node, distance));
  }
  return Status::Ok();
}

// Of all dimensions with these row bytes the greatest; 0 when there are none.
uint32_t DimensionsOf(Quantization kind, Metric metric, uint32_t row_bytes) {
  Owned<Quantizer> smallest = MakeQuantizer(kind, metric, 1, 1);
  Owned<Quantizer> greatest = MakeQuantizer(kind, metric, kDimensionsMax, 1);
  if (!smallest || !greatest) return 0;
  if (row_bytes < smallest->row_bytes() || row_bytes > greatest->row_bytes()) return 0;
  const uint32_t step = kind == Quantization::kSq8 ? 16 : 64;  // dimensions that one more block holds
  const uint64_t block_bytes = (greatest->row_bytes() - smallest->row_bytes()) / (kDimensionsMax / step - 1);
  const uint64_t more = row_bytes - smallest->row_bytes();
  return more % block_bytes == 0 ? static_cast<uint32_t>((more / block_bytes + 1) * step) : 0;
}

Status CodesOf(Quantization kind, Metric metric, uint32_t dimensions, ByteSpan object, Bytes& again) {
  const uint32_t nodes = Claim(object, 0);
  Owned<Quantizer> quantizer = MakeQuantizer(kind, metric, dimensions, 1);
  if (!quantizer) return OutOfMemory(sizeof(Quantizer));
  OMENDB_ASSIGN(const uint8_t* codes, DecodeCodes(object, nodes, *quantizer, kOrigin));
  OMENDB_TRY(CompareCodes(*quantizer, metric, codes, nodes, dimensions));
  OMENDB_TRY(BeginCodes(nodes, quantizer->row_bytes(), again));
  OMENDB_TRY(again.Append({codes, nodes * quantizer->row_bytes()}));
  return FinishObject(ObjectKind::kCodes, again);
}

// Kind and metric are the manifest's to say: every pair that has rows of this size is tried.
Status Codes(ByteSpan object, Bytes& again) {
  Status refused = Status::Ok();
  bool accepted = false;
  bool tried = false;
  for (uint32_t number = 1; number <= static_cast<uint32_t>(kQuantizationLast); ++number) {
    const auto kind = static_cast<Quantization>(number);
    if (kind == Quantization::kAuto) continue;
    for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
      if (!SupportsMetric(kind, metric)) continue;
      const uint32_t dimensions = DimensionsOf(kind, metric, Claim(object, 4));
      if (dimensions == 0) continue;
      tried = true;
      Status read = CodesOf(kind, metric, dimensions, object, again);
      accepted = accepted || read.ok();
      if (!read.ok()) refused = std::move(read);
    }
  }
  if (!tried) return CodesOf(Quantization::kSq8, Metric::kL2, 1, object, again);
  return accepted ? Status::Ok() : std::move(refused);
}

Status Links(ByteSpan object, Bytes& again) {
  CollectionOptions options;
  uint32_t degree = Claim(object, 0);
  if (degree >= kGraphDegreeMin && degree <= kGraphDegreeMax) options.degree = static_cast<uint16_t>(degree);
  OMENDB_ASSIGN(ByteSpan part, DecodeLinksPart(object, kOrigin));
  HnswGraph graph(options.degree, options.seed);
  OMENDB_TRY(DecodeLinks(part, options, Claim(object, 4), kOrigin, &graph));
  Bytes bytes;
  OMENDB_TRY(graph.Serialize(bytes));
  return EncodeLinksPart(bytes.span(), again);
}

Status History(ByteSpan object, Bytes& again) {
  uint64_t rows = 0;
  for (uint32_t i = 0; i < Claim(object, 0) && 24 + 16 * uint64_t{i} < object.size(); ++i) {
    rows += Claim(object, 16 + 16 * size_t{i});
  }
  uint64_t known = rows < kRowsThere ? rows : kRowsThere;
  Array<Birth> births;
  Array<Death> deaths;
  OMENDB_TRY(
      DecodeHistory(object, static_cast<uint32_t>(known), uint64_t{1} << 40, kOrigin, &births, &deaths));
  return EncodeHistory(births.span(), deaths.span(), again);
}

}  // namespace

uint16_t KindOf(ByteSpan object) {
  return object.size() < kObjectHeaderBytes ? uint16_t{0} : LoadAt<uint16_t>(object.data() + 4);
}

Status DecodeAndEncode(ByteSpan object, Bytes& again) {
  switch (static_cast<ObjectKind>(KindOf(object))) {
    case ObjectKind::kHead: {
      OMENDB_ASSIGN(Head head, Head::Decode(object));
      return head.Encode(again);
    }
    case ObjectKind::kManifest: {
      OMENDB_ASSIGN(Manifest manifest, Manifest::Decode(object, kOrigin));
      return manifest.Encode(again);
    }
    case ObjectKind::kFrame:
      return Frame(object, again);
    case ObjectKind::kVectors:
      return Vectors(object, again);
    case ObjectKind::kIds: {
      OMENDB_ASSIGN(BlobList ids, DecodeIds(object, Claim(object, 0), kOrigin));
      return EncodeBlobs(ObjectKind::kIds, ids, again);
    }
    case ObjectKind::kMetadata: {
      OMENDB_ASSIGN(BlobList metadata, DecodeMetadata(object, Claim(object, 0), kOrigin));
      return EncodeBlobs(ObjectKind::kMetadata, metadata, again);
    }
    case ObjectKind::kTombstones:
      return Tombstones(object, again);
    case ObjectKind::kLinks:
      return Links(object, again);
    case ObjectKind::kNodes:
      return Nodes(object, again);
    case ObjectKind::kCodes:
      return Codes(object, again);
    case ObjectKind::kHistory:
      return History(object, again);
  }
  return DecodeObject(object, ObjectKind::kHead, kOrigin).status();
}

}  // namespace omendb
