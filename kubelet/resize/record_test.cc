#include "kubelet/resize/record.h"

#include <gtest/gtest.h>

namespace cubelet::resize {
namespace {

TEST(ResizeRecord, RSZ_1_ComesBackAsItWasWritten) {
  Record record;
  record.allocated.containers["web"] = {.requests = {{"cpu", "200m"}}, .limits = {{"memory", "64Mi"}}};
  record.allocated.pod = {.requests = {{"cpu", "1"}}};
  record.actuated.containers["web"] = {.requests = {{"cpu", "100m"}}};
  record.settled = false;
  record.generation = 7;
  const Result<Record> read = fromText(toText(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->allocated.containers.at("web").requests, record.allocated.containers.at("web").requests);
  EXPECT_EQ(read->allocated.containers.at("web").limits, record.allocated.containers.at("web").limits);
  EXPECT_EQ(read->allocated.pod.requests, record.allocated.pod.requests);
  EXPECT_EQ(read->actuated.containers.at("web").requests, record.actuated.containers.at("web").requests);
  EXPECT_FALSE(read->settled);
  EXPECT_EQ(read->generation, 7);
}

TEST(ResizeRecord, AnythingElseIsRefused) {
  for (const char* text :
       {"", "{", "[]", "1", R"({"schema":2,"allocated":{"containers":{}},"actuated":{"containers":{}}})",
        R"({"schema":1,"allocated":{"containers":{}}})", R"({"schema":1,"allocated":{"containers":[]},"actuated":{}})"})
    EXPECT_FALSE(fromText(text)) << text;
  EXPECT_TRUE(fromText(R"({"schema":1,"allocated":{"containers":{}},"actuated":{"containers":{"a":1}}})"));
}

}  // namespace
}  // namespace cubelet::resize
