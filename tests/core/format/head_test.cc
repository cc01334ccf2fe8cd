#include "format/head.h"

#include "gtest/gtest.h"

namespace omendb {
namespace {

TEST(Head, ComesBackAsItWasWritten) {
  for (bool has_manifest : {false, true}) {
    Head head;
    head.epoch = 7;
    head.has_manifest = has_manifest;
    if (has_manifest) head.manifest = {6, 5, 4, 300};
    Bytes out;
    ASSERT_TRUE(head.Encode(out).ok());
    auto read = Head::Decode(out.span());
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read.value().epoch, 7U);
    EXPECT_EQ(read.value().has_manifest, has_manifest);
    EXPECT_EQ(read.value().manifest, head.manifest);
  }
  Head head;
  head.epoch = 3;
  head.has_manifest = true;
  head.manifest = {4, 5, 4, 300};  // of an epoch that is still to come
  Bytes out;
  ASSERT_TRUE(head.Encode(out).ok());
  EXPECT_EQ(Head::Decode(out.span()).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace omendb
