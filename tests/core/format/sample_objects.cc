#include "format/sample_objects.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "format/blobs_object.h"
#include "format/codes_object.h"
#include "format/frame.h"
#include "format/history_object.h"
#include "format/links_object.h"
#include "format/nodes_object.h"
#include "format/row_batch.h"
#include "format/tombstones_object.h"
#include "format/vectors_object.h"

namespace omendb {
namespace {

// Samples are made without a test framework, because fuzzing has none.
void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "sample: %.*s\n", static_cast<int>(status.message().size()), status.message().data());
  std::abort();
}

// As long as any dimension's rows: number, bigint, string, in turn.
std::vector<std::string> SampleIdTexts() {
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < kSampleRows; ++i) {
    std::string id(1, static_cast<char>(i % 3));
    if (i % 3 == 2) {
      id += "\xc3\xa4 " + std::to_string(i);
    } else {
      id.resize(9);
      StoreAt<int64_t>(reinterpret_cast<uint8_t*>(id.data()) + 1, int64_t{i} - 3);
    }
    ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> SampleMetadataTexts() {
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < kSampleRows; ++i) {
    texts.push_back(i % 2 == 0 ? "" : "{\"i\":" + std::to_string(i) + "}");
  }
  return texts;
}

Bytes MakeBlobs(ObjectKind kind, const std::vector<std::string>& texts) {
  uint64_t content_bytes = 0;
  for (const std::string& text : texts) content_bytes += text.size();
  Bytes out;
  BlobListWriter writer;
  Must(BeginBlobs(static_cast<uint32_t>(texts.size()), content_bytes, out, &writer));
  for (const std::string& text : texts) writer.Add(AsBytes(text));
  writer.Finish();
  Must(FinishObject(kind, out));
  return out;
}

void AddOperation(FrameWriter& frame, OperationKind kind, uint32_t collection, ByteSpan payload) {
  auto room = frame.Prepare(payload.size());
  Must(room.status());
  if (!payload.empty()) std::memcpy(room.value(), payload.data(), payload.size());
  (void)frame.Take(kind, collection);
}

SegmentManifest FrameSegment() {
  SegmentManifest segment;
  segment.rows = 30;
  segment.dead_rows = 3;
  Must(segment.vectors.Push({{1, 2, 3, 500}, true, 64, 20}));
  Must(segment.vectors.Push({{1, 3, 4, 252}, false, kVectorsOffset, 10}));
  Must(segment.ids.Push({{1, 4, 5, 400}, 30}));
  Must(segment.metadata.Push({{1, 5, 6, 400}, 12}));
  Must(segment.metadata.Push({{1, 6, 7, 400}, 18}));
  Must(segment.tombstones.Push({1, 7, 8, 100}));
  return segment;
}

SegmentManifest PlainSegment() {
  SegmentManifest segment;
  segment.rows = 10;
  Must(segment.vectors.Push({{2, 8, 1, 252}, false, kVectorsOffset, 10}));
  Must(segment.ids.Push({{2, 9, 2, 400}, 4}));
  Must(segment.ids.Push({{2, 10, 3, 400}, 6}));
  return segment;
}

CollectionManifest NamedCollection(uint32_t id, uint64_t created) {
  CollectionManifest collection;
  collection.id = id;
  collection.options = SampleOptions();
  collection.created = created;
  Must(collection.name.Append(AsBytes("name " + std::to_string(id))));
  return collection;
}

}  // namespace

ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

CollectionOptions SampleOptions(Quantization quantization) {
  CollectionOptions options;
  options.dimensions = kSampleDimensions;
  options.metric = Metric::kL2;
  options.quantization = quantization;
  options.degree = 4;
  return options;
}

std::vector<float> SampleVectors() {
  std::vector<float> values;
  for (uint32_t i = 0; i < kSampleRows * kSampleDimensions; ++i) {
    values.push_back(static_cast<float>((i * 37) % 23) - 11.5F);
  }
  return values;
}

Owned<Quantizer> SampleQuantizer(Quantization kind) {
  std::vector<float> values = SampleVectors();
  std::vector<const float*> rows;
  for (uint32_t i = 0; i < kSampleRows; ++i) rows.push_back(values.data() + size_t{i} * kSampleDimensions);
  std::vector<float> inverse_norms(kSampleRows, 1);
  Owned<Quantizer> quantizer = MakeQuantizer(kind, Metric::kL2, kSampleDimensions, 5);
  Must(quantizer->Train(rows, inverse_norms));
  return quantizer;
}

HnswGraph SampleGraph() {
  CollectionOptions options = SampleOptions();
  HnswGraph graph(options.degree, options.seed);
  Must(graph.Reserve(kSampleNodes));
  for (uint32_t level : {0U, 1U, 0U, 2U, 1U, 0U}) Must(graph.AddNode(level));
  auto link = [&](uint32_t level, uint32_t a, uint32_t b) {
    if (!graph.AppendLink(a, level, b) || !graph.AppendLink(b, level, a)) std::abort();
  };
  link(0, 0, 1);
  link(0, 1, 2);
  link(0, 2, 3);
  link(0, 3, 4);
  link(0, 0, 4);
  link(1, 1, 3);
  link(1, 3, 4);
  graph.SetEntry(3);
  return graph;
}

Bytes SampleLinkBytes() {
  Bytes bytes;
  Must(SampleGraph().Serialize(bytes));
  return bytes;
}

std::vector<uint32_t> SampleNodeRows() { return {0, 1, 2, 3, kNoStoredRow, 6}; }

Manifest SampleManifest() {
  Manifest manifest;
  manifest.sequence = kSampleSequence;
  manifest.next_collection = 9;
  manifest.oldest_sequence = 70;
  Must(manifest.commits.Push({70, 1'700'000'000'000}));
  Must(manifest.commits.Push({74, 1'700'000'000'500}));
  Must(manifest.commits.Push({77, 1'700'000'000'400}));  // clocks can be put back
  Must(manifest.tokens.Push({{11, 1}, 5}));
  Must(manifest.tokens.Push({{11, 2}, 0}));
  Must(manifest.tokens.Push({{12, 1}, 1}));

  CollectionManifest full = NamedCollection(2, 3);
  Must(full.segments.Push(FrameSegment()));
  Must(full.segments.Push(PlainSegment()));
  full.graph_nodes = 50;  // ten of them free
  full.link_bytes = 500;
  Must(full.nodes.Push({2, 11, 4, 500}));
  Must(full.links.Push({2, 12, 5, 436}));
  Must(full.links.Push({2, 13, 6, 136}));
  Must(full.codes.Push({{2, 14, 7, 400}, 30}));
  Must(full.codes.Push({{2, 15, 8, 400}, 20}));
  Must(full.history.Push({2, 16, 9, 200}));
  Must(manifest.collections.Push(std::move(full)));

  CollectionManifest dropped = NamedCollection(5, 71);
  dropped.dropped = 72;
  Must(manifest.collections.Push(std::move(dropped)));

  CollectionManifest plain = NamedCollection(6, 77);
  plain.options.quantization = Quantization::kNone;
  Must(plain.segments.Push(PlainSegment()));
  plain.graph_nodes = 10;
  plain.link_bytes = 100;
  Must(plain.nodes.Push({2, 17, 10, 80}));
  Must(plain.links.Push({2, 18, 11, 136}));
  Must(manifest.collections.Push(std::move(plain)));
  return manifest;
}

Bytes SampleRowBatch() {
  std::vector<std::string> ids = SampleIdTexts();
  std::vector<std::string> metadata = SampleMetadataTexts();
  std::vector<float> vectors = SampleVectors();
  RowBatchLayout layout{.count = kSampleRows, .dimensions = kSampleDimensions, .has_metadata = true};
  for (uint32_t i = 0; i < kSampleRows; ++i) {
    layout.id_bytes += ids[i].size();
    layout.metadata_bytes += metadata[i].size();
  }
  Bytes out;
  Must(out.Resize(static_cast<size_t>(layout.bytes())));
  RowBatchWriter writer(layout, out.data());
  for (uint32_t i = 0; i < kSampleRows; ++i) {
    std::memcpy(writer.Add(AsBytes(ids[i]), AsBytes(metadata[i])),
                vectors.data() + size_t{i} * kSampleDimensions, kSampleDimensions * sizeof(float));
  }
  writer.Finish();
  return out;
}

Bytes SampleHead() {
  Head head;
  head.epoch = 9;
  head.has_manifest = true;
  head.manifest = {1, 2, 3, 400};
  Bytes out;
  Must(head.Encode(out));
  return out;
}

Bytes SampleFrame() {
  FrameWriter frame;
  Must(frame.Begin());
  Bytes create;
  Must(PutOptions(create, SampleOptions()));
  Must(PutName(create, "notes"));
  AddOperation(frame, OperationKind::kCreate, 3, create.span());
  AddOperation(frame, OperationKind::kUpsert, 3, SampleRowBatch().span());
  uint8_t token[16] = {1, 0, 0, 0, 0, 0, 0, 0, 2};
  AddOperation(frame, OperationKind::kToken, 0, token);
  Bytes ids = MakeBlobs(ObjectKind::kIds, {std::string("\x02z", 2)});
  auto body = DecodeObject(ids.span(), ObjectKind::kIds, Origin::Stored("ids"));
  Must(body.status());
  AddOperation(frame, OperationKind::kDelete, 3, body.value());
  AddOperation(frame, OperationKind::kToken, 0, token);
  AddOperation(frame, OperationKind::kDrop, 2, {});
  auto sealed = frame.Seal(kSampleSequence, 3, 1'700'000'000'000);
  Must(sealed.status());
  Bytes out;
  Must(out.Append(sealed.value()));
  return out;
}

Bytes SampleVectorsObject() {
  std::vector<float> values = SampleVectors();
  Bytes out;
  Must(BeginVectors(kSampleRows, VectorType::kFloat32, kSampleDimensions, out));
  Must(out.Append({reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)}));
  Must(FinishObject(ObjectKind::kVectors, out));
  return out;
}

Bytes SampleIds() { return MakeBlobs(ObjectKind::kIds, SampleIdTexts()); }

Bytes SampleMetadata() { return MakeBlobs(ObjectKind::kMetadata, SampleMetadataTexts()); }

Bytes SampleTombstones() {
  Bitmap tombstones;
  Must(tombstones.Resize(70));
  for (uint32_t i : {0U, 63U, 64U, 69U}) tombstones.Set(i);
  Bytes out;
  Must(EncodeTombstones(tombstones, out));
  return out;
}

Bytes SampleNodes(Quantization kind) {
  Owned<Quantizer> quantizer;
  TrainingState training;
  std::vector<uint32_t> checksums;
  if (kind != Quantization::kNone) {
    quantizer = SampleQuantizer(kind);
    training = {4, 3};
    checksums.assign(SampleNodeRows().size(), 0x9d14c3b8);
  }
  Bytes out;
  Must(EncodeNodes(training, quantizer.get(), SampleNodeRows(), checksums, out));
  return out;
}

Bytes SampleCodes(Quantization kind) {
  Owned<Quantizer> quantizer = SampleQuantizer(kind);
  std::vector<float> values = SampleVectors();
  std::vector<float> room(quantizer->room_floats());
  const size_t row_bytes = quantizer->row_bytes();
  Bytes out;
  Must(BeginCodes(kSampleNodes, row_bytes, out));
  size_t start = out.size();
  Must(out.Resize(start + kSampleNodes * row_bytes));
  std::vector<uint32_t> rows = SampleNodeRows();
  for (uint32_t node = 0; node < kSampleNodes; ++node) {
    if (rows[node] == kNoStoredRow) continue;
    const float* vector = values.data() + size_t{rows[node]} * kSampleDimensions;
    quantizer->Encode(vector, 1, room.data(), out.data() + start + node * row_bytes);
  }
  Must(FinishObject(ObjectKind::kCodes, out));
  return out;
}

Bytes SampleLinks() {
  Bytes out;
  Must(EncodeLinksPart(SampleLinkBytes().span(), out));
  return out;
}

Bytes SampleHistory() {
  const Birth births[] = {{0, 3}, {70, 1}, {kSampleSequence, 3}};
  const Death deaths[] = {{2, 71}, {0, 71}, {4, kSampleSequence}};
  Bytes out;
  Must(EncodeHistory(births, deaths, out));
  return out;
}

std::vector<SampleObject> AllSampleObjects() {
  std::vector<SampleObject> all;
  Bytes manifest;
  Must(SampleManifest().Encode(manifest));
  all.push_back({"head", SampleHead()});
  all.push_back({"manifest", std::move(manifest)});
  all.push_back({"frame", SampleFrame()});
  all.push_back({"vectors", SampleVectorsObject()});
  all.push_back({"ids", SampleIds()});
  all.push_back({"metadata", SampleMetadata()});
  all.push_back({"tombstones", SampleTombstones()});
  all.push_back({"nodes-f32", SampleNodes(Quantization::kNone)});
  for (const NamedKind& named : kCodeKinds) {
    all.push_back({std::string("nodes-") + named.name, SampleNodes(named.kind)});
    all.push_back({std::string("codes-") + named.name, SampleCodes(named.kind)});
  }
  all.push_back({"links", SampleLinks()});
  all.push_back({"history", SampleHistory()});
  return all;
}

}  // namespace omendb
