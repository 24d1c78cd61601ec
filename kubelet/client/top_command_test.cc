#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;

TEST_F(Client, TopShowsWhatPodsUse) {
  view.usageJson = R"({"node":{"nodeName":"n1","cpu":{"usageNanoCores":5000000}},"pods":[
    {"podRef":{"namespace":"a","name":"x"},"memory":{"workingSetBytes":1048576}},
    {"podRef":{"namespace":"b","name":"y"},"memory":{"workingSetBytes":2097152}}]})";
  serve();
  EXPECT_EQ(run({"top", "--sort-by", "memory"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("b           y     -            2Mi\na           x     -            1Mi\n"));
  EXPECT_EQ(run({"top", "-n", "a", "-o", "json"}), kDone);
  const auto json = nlohmann::json::parse(text());
  ASSERT_EQ(json["pods"].size(), 1u);
  EXPECT_EQ(json["pods"][0]["memoryBytes"], 1048576);
  EXPECT_EQ(run({"top", "--sort-by", "name"}), kUsage);
}

}  // namespace
}  // namespace cubelet::client
