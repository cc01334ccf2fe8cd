// Random operations against a model that keeps every version of every row.
#include <cstdlib>

#include "../seed.h"
#include "model_driver.h"

namespace omendb::test {
namespace {

// A mean of fewer would say what one search did.
constexpr uint64_t kSearchesMin = 30;

void ExpectRecall(const char* of, const ModelRecall& recall, double least) {
  testing::Test::RecordProperty(of, std::to_string(recall.mean()));
  if (recall.searches >= kSearchesMin) EXPECT_GE(recall.mean(), least) << of;
}

TEST(EngineModel, RandomOperationsAgreeWithAModelThatKeepsEveryVersion) {
  OMENDB_TRACE_SEED();
  const size_t held = Engine::MemoryBytes();
  {
    constexpr uint64_t kSteps = 20'000;
    const char* given = std::getenv("OMENDB_MODEL_STEPS");
    const uint64_t steps = given == nullptr ? kSteps : std::strtoull(given, nullptr, 10);
    ModelDriver driver(TestSeed());
    for (uint64_t i = 0; i < steps && !HasFailure(); ++i) {
      SCOPED_TRACE(testing::Message() << "step " << i);
      driver.Step();
    }
    if (!HasFailure()) driver.CheckAll();
    const ModelReached& reached = driver.reached();
    const ModelRecalls& recalls = driver.reads().recalls();
    ExpectRecall("newest", recalls.newest, 0.97);
    ExpectRecall("views", recalls.views, 0.97);
    ExpectRecall("dot", recalls.dot, 0.9);
    if (steps >= kSteps && !HasFailure()) {
      EXPECT_GE(recalls.newest.searches + recalls.dot.searches, kSearchesMin);
      EXPECT_GT(reached.indexed_rows_max, kFlatRowsMax);
      EXPECT_GT(reached.cleanings, 0U);
      EXPECT_GT(reached.sweeps, 100U);
      EXPECT_GT(reached.transactions, 50U);
      EXPECT_GT(reached.conflicts, 5U);
      EXPECT_GT(reached.restores, 10U);
      EXPECT_GT(reached.past_states, 50U);
      EXPECT_GT(reached.not_retained, 20U);
      EXPECT_GT(reached.uploads, 20U);
      EXPECT_GT(reached.kept_frames, 10U);
      EXPECT_GT(reached.built_ahead, 100U);
      EXPECT_GT(reached.died_in_checkpoint, 20U);
      EXPECT_GT(reached.commits_in_checkpoint, 50U);
      EXPECT_GT(reached.took_place, 1U);
      EXPECT_GT(reached.evictions, 1000U);
    }
  }
  EXPECT_EQ(Engine::MemoryBytes(), held);
}

}  // namespace
}  // namespace omendb::test
