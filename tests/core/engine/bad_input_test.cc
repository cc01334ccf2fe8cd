// Every refusal of the public API: its code, and that nothing changed.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "test_database.h"

namespace omendb::test {
namespace {

class BadInput : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database_.Open().ok());
    CollectionOptions options;
    options.dimensions = 4;
    options.metric = Metric::kCosine;
    ASSERT_TRUE(database_.Create("notes", options).ok());
    notes_ = engine().FindCollection("notes");
    ASSERT_TRUE(database_.Upsert(notes_, {MakeRow("a", 1), MakeRow("b", 2)}).ok());
    before_ = database_.ListAll(notes_);
  }
  void TearDown() override {
    if (!database_.is_open()) return;
    EXPECT_EQ(database_.ListAll(notes_), before_);
    EXPECT_EQ(engine().sequence(), 2U);
    EXPECT_EQ(engine().Count(notes_).value(), 2U);
  }

  Engine& engine() { return database_.engine(); }
  static Row MakeRow(const std::string& name, float value) {
    return {StringId(name), {value, 1, 2, 3}, "{\"v\":1}"};
  }
  // The code and message of an upsert of these bytes; CheckRowBatch has to answer the same.
  Status UpsertBytes(const ByteVector& payload) {
    Status checked = engine().CheckRowBatch(notes_, payload);
    EXPECT_TRUE(engine().BeginFrame().ok());
    Status status = database_.AddUpsertBytes(notes_, payload);
    EXPECT_EQ(checked.code(), status.code());
    EXPECT_EQ(checked.message(), status.message());
    engine().DiscardFrame();
    return status;
  }
  Status UpsertRows(const std::vector<Row>& rows, uint32_t dimensions = 4) {
    return UpsertBytes(EncodeRows(rows, dimensions));
  }
  SearchRequest Request() {
    SearchRequest request;
    request.collection = notes_;
    request.queries = query_;
    request.query_count = 1;
    request.k = 1;
    return request;
  }

  Storage storage_;
  Database database_{&storage_};
  CollectionId notes_ = 0;
  std::vector<Row> before_;
  float query_[8] = {1, 2, 3, 4, 5, 6, 7, 8};
};

bool Mentions(const Status& status, std::string_view text) {
  return status.message().find(text) != std::string_view::npos;
}

TEST_F(BadInput, VectorsThatAreNotFiniteAreNamedByRowAndDimension) {
  for (float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    std::vector<Row> rows = {MakeRow("x", 1), MakeRow("y", 2)};
    rows[1].vector[3] = bad;
    Status status = UpsertRows(rows);
    EXPECT_EQ(status.code(), Code::kInvalidVector);
    EXPECT_TRUE(Mentions(status, "row 1")) << status.message();
    EXPECT_TRUE(Mentions(status, "dimension 3")) << status.message();
  }
}

TEST_F(BadInput, ZeroVectorsHaveNoDirectionUnderCosine) {
  Row row = MakeRow("x", 0);
  row.vector = {0, 0, 0, 0};
  EXPECT_EQ(UpsertRows({row}).code(), Code::kInvalidVector);
  row.vector = {1e-20F, 0, 0, 0};
  EXPECT_EQ(UpsertRows({row}).code(), Code::kInvalidVector);
  row.vector = {3e38F, 3e38F, 0, 0};
  EXPECT_EQ(UpsertRows({row}).code(), Code::kInvalidVector);
}

TEST_F(BadInput, OtherDimensions) {
  Row row{StringId("x"), {1, 2, 3}, ""};
  Status status = UpsertRows({row}, 3);
  EXPECT_EQ(status.code(), Code::kDimensionMismatch);
  EXPECT_TRUE(Mentions(status, "expected vectors of 4 dimensions, found 3")) << status.message();
  row.vector.clear();
  EXPECT_EQ(UpsertRows({row}, 0).code(), Code::kDimensionMismatch);
}

TEST_F(BadInput, OneIdTwiceInABatchNamesBothRows) {
  Status status = UpsertRows({MakeRow("x", 1), MakeRow("y", 2), MakeRow("x", 3)});
  EXPECT_EQ(status.code(), Code::kDuplicateId);
  EXPECT_TRUE(Mentions(status, "rows 0 and 2")) << status.message();
}

TEST_F(BadInput, Ids) {
  auto code_of = [&](const std::string& id) {
    Row row = MakeRow("x", 1);
    row.id = id;
    return UpsertRows({row}).code();
  };
  EXPECT_EQ(code_of(""), Code::kInvalidArgument);
  EXPECT_EQ(code_of("\x02"), Code::kInvalidArgument);                      // an empty string
  EXPECT_EQ(code_of("\x03xyz"), Code::kInvalidArgument);                   // no such kind
  EXPECT_EQ(code_of(std::string("\0\1\2", 3)), Code::kInvalidArgument);    // a number of 2 bytes
  EXPECT_EQ(code_of(NumberId(int64_t{1} << 53)), Code::kInvalidArgument);  // not a safe integer
  EXPECT_EQ(code_of(NumberId(-(int64_t{1} << 53))), Code::kInvalidArgument);
  EXPECT_EQ(code_of(StringId("\xff")), Code::kInvalidArgument);              // not UTF-8
  EXPECT_EQ(code_of(StringId("\xc0\x80")), Code::kInvalidArgument);          // overlong
  EXPECT_EQ(code_of(StringId("\xed\xa0\x80")), Code::kInvalidArgument);      // a surrogate
  EXPECT_EQ(code_of(StringId("\xf4\x90\x80\x80")), Code::kInvalidArgument);  // beyond Unicode
  EXPECT_EQ(code_of(StringId("\xe2\x82")), Code::kInvalidArgument);          // cut off
  EXPECT_EQ(code_of(StringId(std::string(kIdBytesMax + 1, 'x'))), Code::kLimitExceeded);
}

TEST_F(BadInput, Metadata) {
  Row row = MakeRow("x", 1);
  row.metadata = "{\"v\":\"\xff\"}";
  EXPECT_EQ(UpsertRows({row}).code(), Code::kInvalidArgument);
  row.metadata = std::string(kMetadataBytesMax + 1, ' ');
  Status status = UpsertRows({row});
  EXPECT_EQ(status.code(), Code::kLimitExceeded);
  EXPECT_TRUE(Mentions(status, "row 0")) << status.message();
}

TEST_F(BadInput, EveryCutAndEveryLongerBatch) {
  ByteVector whole = EncodeRows({MakeRow("x", 1), MakeRow("y", 2)}, 4);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(UpsertBytes({whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)}).code(),
              Code::kInvalidArgument);
  }
  whole.resize(whole.size() + 4);
  EXPECT_EQ(UpsertBytes(whole).code(), Code::kInvalidArgument);
}

TEST_F(BadInput, EveryByteOfABatchChanged) {
  // Whatever it becomes, it is refused with a code or it is a batch of the same shape; never a crash.
  ByteVector whole = EncodeRows({MakeRow("x", 1), MakeRow("y", 2)}, 4);
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int flip : {0x01, 0x80, 0xff}) {
      ByteVector changed = whole;
      changed[i] = static_cast<uint8_t>(changed[i] ^ flip);
      Status status = UpsertBytes(changed);
      if (i < 32) EXPECT_FALSE(status.ok()) << "byte " << i;
    }
  }
}

TEST_F(BadInput, CountsThatWrapIn32Bits) {
  ByteVector batch(32);
  uint32_t huge[4] = {0x40000000, 16384, 0xfffffff0, 0xfffffff0};
  std::memcpy(batch.data(), huge, sizeof(huge));
  EXPECT_EQ(UpsertBytes(batch).code(), Code::kInvalidArgument);
  ByteVector list = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
  EXPECT_EQ(engine().Get(notes_, list, 0).status().code(), Code::kInvalidArgument);
  list = {0xfe, 0xff, 0xff, 0x3f, 0, 0, 0, 0};
  EXPECT_EQ(engine().Get(notes_, list, 0).status().code(), Code::kInvalidArgument);
}

TEST_F(BadInput, SearchArguments) {
  auto code_of = [&](const std::function<void(SearchRequest&)>& change) {
    SearchRequest request = Request();
    change(request);
    return engine().Search(request).status().code();
  };
  EXPECT_EQ(code_of([](SearchRequest&) {}), Code::kOk);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.k = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.k = kHitsMax + 1; }), Code::kLimitExceeded);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.k = kHitsMax; }), Code::kOk);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.ef_search = kEfSearchMax + 1; }), Code::kLimitExceeded);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.query_count = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.queries = nullptr; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.include = 4; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](SearchRequest& r) { r.collection = 77; }), Code::kNotFound);
  SearchRequest request = Request();
  request.query_count = 2;
  query_[6] = std::nanf("");
  Status status = engine().Search(request).status();
  EXPECT_EQ(status.code(), Code::kInvalidVector);
  EXPECT_TRUE(Mentions(status, "query 1")) << status.message();
}

TEST_F(BadInput, ReadingArguments) {
  ByteVector one = EncodeIds({StringId("a")});
  EXPECT_EQ(engine().Get(77, one, 0).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().Get(notes_, one, 8).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().Get(notes_, {}, 0).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().List(77, 0, 1, 0).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().List(notes_, 0, 0, 0).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().List(notes_, 0, kBatchRowsMax + 1, 0).status().code(), Code::kLimitExceeded);
  EXPECT_EQ(engine().List(notes_, 0, 1, 16).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().List(notes_, 99, 1, 0).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().List(notes_, uint64_t{5} << 32 | 1, 1, 0).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().CursorAfter(notes_, EncodeIds({StringId("zzz")})).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().CursorAfter(notes_, EncodeIds({})).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().Count(77).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().Stats(0).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().CollectionName(77).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().CollectionOptionsOf(77).status().code(), Code::kNotFound);
  EXPECT_EQ(engine().FindCollection("nobody"), 0U);
  EXPECT_EQ(engine().CollectionAt(1), 0U);
}

TEST_F(BadInput, Options) {
  auto code_of = [&](const std::function<void(CollectionOptions&)>& change) {
    CollectionOptions options;
    options.dimensions = 4;
    change(options);
    EXPECT_TRUE(engine().BeginFrame().ok());
    Code code = engine().FrameCreate("other", options).code();
    EXPECT_EQ(Engine::CheckOptions(options).code(), code);
    engine().DiscardFrame();
    return code;
  };
  EXPECT_EQ(code_of([](CollectionOptions&) {}), Code::kOk);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.dimensions = 0; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.dimensions = kDimensionsMax + 1; }), Code::kLimitExceeded);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.metric = static_cast<Metric>(4); }), Code::kInvalidArgument);
  for (uint32_t kind = 0; kind < 256; ++kind) {
    const auto quantization = static_cast<Quantization>(kind);
    for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDot, Metric::kL1}) {
      const bool rotates = quantization >= Quantization::kRabitq1;
      const bool allowed = quantization <= kQuantizationLast && !(rotates && metric == Metric::kL1);
      EXPECT_EQ(code_of([&](CollectionOptions& o) {
                  o.quantization = quantization;
                  o.metric = metric;
                }),
                allowed ? Code::kOk : Code::kInvalidArgument)
          << "quantization " << kind << ", metric " << static_cast<int>(metric);
    }
  }
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.vector_type = VectorType::kBinary; }), Code::kOk);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.vector_type = static_cast<VectorType>(4); }),
            Code::kInvalidArgument);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.degree = kGraphDegreeMin - 1; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.degree = kGraphDegreeMax + 1; }), Code::kLimitExceeded);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.ef_construction = 1; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](CollectionOptions& o) { o.ef_construction = 2001; }), Code::kLimitExceeded);
}

TEST_F(BadInput, CollectionNames) {
  auto code_of = [&](const std::string& name) {
    CollectionOptions options;
    options.dimensions = 4;
    EXPECT_TRUE(engine().BeginFrame().ok());
    Code code = engine().FrameCreate(name, options).code();
    engine().DiscardFrame();
    return code;
  };
  EXPECT_EQ(code_of(""), Code::kInvalidArgument);
  EXPECT_EQ(code_of("notes"), Code::kInvalidArgument);
  EXPECT_EQ(code_of("\xff"), Code::kInvalidArgument);
  EXPECT_EQ(code_of(std::string(kCollectionNameBytesMax, 'n')), Code::kOk);
  EXPECT_EQ(code_of(std::string(kCollectionNameBytesMax + 1, 'n')), Code::kLimitExceeded);
}

TEST_F(BadInput, FramesOutOfTurn) {
  EXPECT_EQ(engine().FramePayload(8).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().FrameUpsert(notes_).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().FrameDrop(notes_).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().SealFrame().status().code(), Code::kInvalidArgument);
  engine().DiscardFrame();
  engine().ApplyFrame();
  ASSERT_TRUE(engine().BeginFrame().ok());
  EXPECT_EQ(engine().BeginFrame().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().SealFrame().status().code(), Code::kInvalidArgument);  // it is empty
  EXPECT_EQ(engine().FrameUpsert(notes_).code(), Code::kInvalidArgument);   // without payload
  EXPECT_EQ(engine().FrameDelete(notes_).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().FramePayload(kBatchBytesMax).status().code(), Code::kLimitExceeded);
  ASSERT_TRUE(database_.AddDelete(notes_, {StringId("a")}).ok());
  ASSERT_TRUE(engine().SealFrame().ok());
  EXPECT_EQ(engine().FrameDrop(notes_).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().SealFrame().status().code(), Code::kInvalidArgument);
  engine().DiscardFrame();
}

TEST_F(BadInput, UnknownCollectionsAndThoseDroppedInTheSameFrame) {
  ASSERT_TRUE(engine().BeginFrame().ok());
  EXPECT_EQ(database_.AddUpsert(77, {MakeRow("x", 1)}).code(), Code::kNotFound);
  EXPECT_EQ(database_.AddDelete(77, {StringId("a")}).code(), Code::kNotFound);
  EXPECT_EQ(engine().FrameDrop(77).code(), Code::kNotFound);
  EXPECT_EQ(engine().CheckRowBatch(77, EncodeRows({MakeRow("x", 1)}, 4)).code(), Code::kNotFound);
  ASSERT_TRUE(engine().FrameDrop(notes_).ok());
  EXPECT_EQ(database_.AddUpsert(notes_, {MakeRow("x", 1)}).code(), Code::kNotFound);
  EXPECT_EQ(engine().FrameDrop(notes_).code(), Code::kNotFound);
  CollectionOptions options;
  options.dimensions = 2;
  EXPECT_TRUE(engine().FrameCreate("notes", options).ok());
  EXPECT_EQ(engine().FrameCreate("notes", options).code(), Code::kInvalidArgument);
  engine().DiscardFrame();
}

TEST_F(BadInput, CheckpointsOutOfTurn) {
  EXPECT_EQ(engine().NextCheckpointObject().status().code(), Code::kInvalidArgument);
  engine().FinishCheckpoint();
  engine().AbortCheckpoint();
  ASSERT_TRUE(engine().BeginCheckpoint().ok());
  EXPECT_EQ(engine().BeginCheckpoint().code(), Code::kInvalidArgument);
  engine().FinishCheckpoint();  // not complete: as if aborted
  EXPECT_EQ(engine().NextCheckpointObject().status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().UncheckpointedWalObjects(), 2U);
}

TEST(Phases, AnEngineThatIsNotOpenRefusesEverything) {
  auto made = Engine::Create();
  ASSERT_TRUE(made.ok());
  Engine& engine = *made.value();
  EXPECT_EQ(engine.BeginFrame().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.TakeOver().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.FinishLoad().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.PlanReplay().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.ReplayFrame({}).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.LoadObject(0, {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.Work(1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.Count(1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.BeginCheckpoint().code(), Code::kInvalidArgument);
  engine.OpenNew();
  EXPECT_EQ(engine.BeginFrame().code(), Code::kReadOnly);
  EXPECT_EQ(engine.BeginCheckpoint().code(), Code::kReadOnly);
  EXPECT_EQ(engine.OpenHead({}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(engine.TakeOver().ok());
  EXPECT_TRUE(engine.FinishLoad().ok());
  EXPECT_TRUE(engine.BeginFrame().ok());
  EXPECT_EQ(engine.OfferWalName("d00000001-0000000000000001").code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.OfferWalName("w00000001-000000000000000G").code(), Code::kInvalidArgument);
  EXPECT_EQ(engine.OfferWalName("").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace omendb::test
