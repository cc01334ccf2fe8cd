// Building the next frame while one is on its way to storage.
#include "test_database.h"

namespace omendb::test {
namespace {

class FramePairTest : public testing::Test {
 protected:
  void SetUp() override {
    CollectionOptions options;
    options.dimensions = 2;
    options.metric = Metric::kL2;
    ASSERT_TRUE(database_.Open().ok());
    ASSERT_TRUE(database_.Create("a", options).ok());
  }
  [[nodiscard]] Engine& engine() { return database_.engine(); }
  static Row RowOf(int64_t id, float x) { return {NumberId(id), {x, x}, "{}"}; }
  void Begin(const std::vector<Row>& rows) {
    ASSERT_TRUE(engine().BeginFrame().ok());
    ASSERT_TRUE(database_.AddUpsert(1, rows).ok());
  }
  std::string Seal() {
    EXPECT_TRUE(engine().SealFrame().ok());
    return std::string(engine().FrameName());
  }

  Storage storage_;
  Database database_{&storage_};
};

TEST_F(FramePairTest, AppliesInOrder) {
  Begin({RowOf(1, 1), RowOf(2, 2)});
  const std::string first = Seal();
  Begin({RowOf(1, 10)});
  ASSERT_TRUE(database_.AddDelete(1, {NumberId(2), NumberId(3)}).ok());
  const std::string second = Seal();
  EXPECT_NE(first, second);
  EXPECT_TRUE(engine().IsReferenced(first));
  EXPECT_TRUE(engine().IsReferenced(second));
  EXPECT_EQ(database_.ListAll(1).size(), 0U);

  engine().ApplyFrame();
  EXPECT_EQ(engine().AppliedCount(0), 2U);
  EXPECT_EQ(database_.ListAll(1), (std::vector<Row>{RowOf(1, 1), RowOf(2, 2)}));
  engine().ApplyFrame();
  EXPECT_EQ(engine().AppliedCount(0), 1U);
  EXPECT_EQ(engine().AppliedCount(1), 1U) << "the row that the first frame brought";
  EXPECT_EQ(database_.ListAll(1), std::vector<Row>{RowOf(1, 10)});
}

TEST_F(FramePairTest, AFrameThatIsStillBuiltIsNotApplied) {
  Begin({RowOf(1, 1)});
  Seal();
  Begin({RowOf(2, 2)});
  engine().ApplyFrame();
  EXPECT_EQ(database_.ListAll(1), std::vector<Row>{RowOf(1, 1)});
  engine().ApplyFrame();
  EXPECT_EQ(database_.ListAll(1), std::vector<Row>{RowOf(1, 1)});
  Seal();
  engine().ApplyFrame();
  EXPECT_EQ(database_.ListAll(1).size(), 2U);
}

TEST_F(FramePairTest, DiscardsTheNewestFirst) {
  Begin({RowOf(1, 1)});
  Seal();
  Begin({RowOf(2, 2)});
  engine().DiscardFrame();
  Begin({RowOf(3, 3)});
  engine().DiscardFrame();
  engine().ApplyFrame();
  EXPECT_EQ(database_.ListAll(1), std::vector<Row>{RowOf(1, 1)});

  const uint64_t sequence = engine().sequence();
  Begin({RowOf(4, 4)});
  Seal();
  Begin({RowOf(5, 5)});
  engine().DiscardFrame();
  engine().DiscardFrame();
  engine().ApplyFrame();
  EXPECT_EQ(engine().sequence(), sequence);
  EXPECT_EQ(database_.ListAll(1), std::vector<Row>{RowOf(1, 1)});
}

TEST_F(FramePairTest, RefusesMoreThanTwo) {
  Begin({RowOf(1, 1)});
  EXPECT_EQ(engine().BeginFrame().code(), Code::kInvalidArgument) << "the first is not sealed";
  Seal();
  Begin({RowOf(2, 2)});
  Seal();
  EXPECT_EQ(engine().BeginFrame().code(), Code::kInvalidArgument);
}

TEST_F(FramePairTest, RefusesWhatDependsOnTheFrameBefore) {
  const ViewId transaction = engine().BeginTransaction().value();
  const ViewId snapshot = engine().OpenView().value();
  Begin({RowOf(1, 1)});
  Seal();
  Begin({RowOf(2, 2)});
  EXPECT_EQ(engine().FrameCreate("b", {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().FrameDrop(1).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().FrameTransaction(transaction).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().FrameRestore(snapshot).code(), Code::kInvalidArgument);
  EXPECT_EQ(engine().BeginCheckpoint().code(), Code::kInvalidArgument);
  Seal();
  engine().ApplyFrame();
  engine().ApplyFrame();
  EXPECT_EQ(database_.ListAll(1).size(), 2U);

  ASSERT_TRUE(engine().BeginFrame().ok());
  ASSERT_TRUE(engine().FrameDrop(1).ok());
  Seal();
  EXPECT_EQ(engine().BeginFrame().code(), Code::kInvalidArgument) << "what follows may be for what it drops";
}

}  // namespace
}  // namespace omendb::test
