// What a transaction conflicts with, case by case; the model test has the rest.
#include <functional>

#include "test_database.h"

namespace omendb::test {
namespace {

const std::string kId = NumberId(1);
const std::string kOther = NumberId(2);

Row MakeRow(const std::string& id, float x) { return {id, {x, 0}, ""}; }

struct Case {
  const char* what;
  bool was_there;  // the row, when the transaction begins
  std::function<Status(Database&, CollectionId)> commit;
  bool touches;
};

class TransactionTest : public testing::TestWithParam<bool> {
 protected:
  // A new database, and a transaction that writes the row with kId.
  void Begin(bool was_there) {
    storage_ = Storage();
    database_.emplace(&storage_);
    ASSERT_TRUE(database_->Open().ok());
    CollectionOptions options;
    options.dimensions = 2;
    ASSERT_TRUE(database_->Create("notes", options).ok());
    notes_ = database_->engine().FindCollection("notes");
    if (was_there) ASSERT_TRUE(database_->Upsert(notes_, {MakeRow(kId, 1)}).ok());
    ASSERT_TRUE(database_->Upsert(notes_, {MakeRow(kOther, 1)}).ok());
    Engine& engine = database_->engine();
    transaction_ = engine.BeginTransaction().value();
    if (GetParam()) {
      ASSERT_TRUE(engine.TransactionDelete(transaction_, notes_, EncodeIds({kId})).ok());
    } else {
      const ByteVector batch = EncodeRows({MakeRow(kId, 2)}, 2);
      ASSERT_TRUE(engine.TransactionUpsert(transaction_, notes_, batch).ok());
    }
  }

  Code Commit() {
    EXPECT_TRUE(database_->engine().BeginFrame().ok());
    const Code code = database_->engine().FrameTransaction(transaction_).code();
    database_->engine().DiscardFrame();
    return code;
  }

  Storage storage_;
  std::optional<Database> database_;
  CollectionId notes_ = 0;
  ViewId transaction_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Of, TransactionTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "ADelete" : "AnUpsert"; });

TEST_P(TransactionTest, ConflictsWithWhatTouchedItsRowSinceItBegan) {
  const auto upsert = [](const std::string& id) {
    return [id](Database& database, CollectionId notes) { return database.Upsert(notes, {MakeRow(id, 3)}); };
  };
  const auto remove = [](const std::string& id) {
    return [id](Database& database, CollectionId notes) { return database.Delete(notes, {id}); };
  };
  const Case cases[] = {
      {"a row that was not there is inserted", false, upsert(kId), true},
      {"the row is replaced", true, upsert(kId), true},
      {"the row is deleted", true, remove(kId), true},
      {"a row that was not there is deleted", false, remove(kId), false},
      {"another row is inserted", true, upsert(NumberId(3)), false},
      {"another row is replaced", true, upsert(kOther), false},
      {"another row is deleted", true, remove(kOther), false},
  };
  for (const Case& each : cases) {
    // As the first, the second or the third commit since.
    for (uint32_t others = 0; others < 3; ++others) {
      for (const bool is_last : {true, false}) {
        SCOPED_TRACE(testing::Message()
                     << each.what << ", " << others << " others " << (is_last ? "before it" : "after it"));
        Begin(each.was_there);
        if (HasFatalFailure()) return;
        if (!is_last) ASSERT_TRUE(each.commit(*database_, notes_).ok());
        for (uint32_t i = 0; i < others; ++i) {
          ASSERT_TRUE(database_->Upsert(notes_, {MakeRow(NumberId(10 + i), 1)}).ok());
        }
        if (is_last) ASSERT_TRUE(each.commit(*database_, notes_).ok());
        EXPECT_EQ(Commit(), each.touches ? Code::kConflict : Code::kOk);
      }
    }
  }
}

TEST_P(TransactionTest, ConflictsWithNothingThatWasCommittedBeforeItBegan) {
  for (const bool was_there : {true, false}) {
    Begin(was_there);
    if (HasFatalFailure()) return;
    EXPECT_EQ(Commit(), Code::kOk);
  }
}

}  // namespace
}  // namespace omendb::test
