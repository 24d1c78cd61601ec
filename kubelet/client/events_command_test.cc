#include <gmock/gmock.h>
#include <string>

#include <nlohmann/json.hpp>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(Client, EventsPrintsATableAndJson) {
  core::Pod pod = addRunningPod("default", "web");
  view.recorder.warning(events::containerRef(pod, "app"), "BackOff", "Back-off restarting failed container");
  view.recorder.normal(events::nodeRef("node-1", ""), "Starting", "starting");
  serve();
  EXPECT_EQ(run({"events"}), kDone) << err.str();
  EXPECT_THAT(text(), StartsWith("LAST SEEN"));
  EXPECT_THAT(text(), HasSubstr("60s         default     Warning   BackOff    pod/web (app)   Back-off restarting"));
  EXPECT_EQ(run({"events", "web"}), kDone);
  EXPECT_THAT(text(), Not(HasSubstr("node-1")));
  EXPECT_EQ(run({"events", "-o", "json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(text())["items"].size(), 2u);
  EXPECT_EQ(run({"events", "nobody"}), kDone);
  EXPECT_EQ(err.str(), "no events\n");
}

TEST_F(Client, FollowingEventsPrintsThemAsTheyComeAndEndsWithTheAgent) {
  view.recorder.normal(events::nodeRef("node-1", ""), "Starting", "before");
  serve();
  out.onFlush = [&](const std::string& sofar) {
    if (sofar.ends_with("before\n"))
      onAgent([&] { view.recorder.normal(events::nodeRef("node-1", ""), "NodeReady", "after"); });
    if (sofar.ends_with("after\n")) loop.post([this] { closing.set_value(); });
  };
  EXPECT_EQ(run({"events", "-f"}), kUnreachable);
  EXPECT_THAT(text(), HasSubstr("NodeReady"));
  EXPECT_THAT(err.str(), HasSubstr("ended the connection"));
  thread.join();
}

}  // namespace
}  // namespace cubelet::client
