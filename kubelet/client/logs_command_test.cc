#include <filesystem>
#include <gmock/gmock.h>
#include <string>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST_F(Client, LogsPrintsTheFileOfTheContainer) {
  addRunningPod("default", "web-node1");
  append(logPath("web-node1"), "one");
  append(logPath("web-node1"), "two");
  serve();
  EXPECT_EQ(run({"logs", "web"}), kDone) << err.str();
  EXPECT_EQ(text(), "one\ntwo\n");
  EXPECT_EQ(run({"logs", "default/web-node1", "--tail", "1", "--timestamps"}), kDone);
  EXPECT_EQ(text(), "2027-01-15T08:00:00.500000000Z two\n");
  EXPECT_EQ(run({"logs", "web", "--since", "30s"}), kDone);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(run({"logs", "web", "--since", "2m"}), kDone);
  EXPECT_EQ(text(), "one\ntwo\n");
}

TEST_F(Client, LogsPrintsThePreviousInstance) {
  core::ContainerStatus& status = *addRunningPod("default", "web").mutable_status()->mutable_containerstatuses(0);
  status.set_restartcount(1);
  status.mutable_laststate()->mutable_terminated()->set_exitcode(1);
  append(logPath("web", 0), "first life");
  append(logPath("web", 1), "second life");
  serve();
  EXPECT_EQ(run({"logs", "web", "-p"}), kDone) << err.str();
  EXPECT_EQ(text(), "first life\n");
  EXPECT_EQ(run({"logs", "web"}), kDone);
  EXPECT_EQ(text(), "second life\n");
}

TEST_F(Client, LogsSaysWhatIsWrong) {
  addRunningPod("default", "web");
  serve();
  EXPECT_EQ(run({"logs", "other"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("there is no pod 'other'"));
  EXPECT_EQ(run({"logs", "web", "-c", "x"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("it has: app"));
  EXPECT_EQ(run({"logs", "web", "--previous"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("not found"));
  EXPECT_EQ(run({"logs", "web"}), kFailed) << "the file is missing";
  EXPECT_THAT(err.str(), HasSubstr("0.log"));
}

TEST_F(Client, FollowingALogGoesAcrossRotationAndEndsWithTheContainer) {
  core::Pod& pod = addRunningPod("default", "web");
  std::string path = logPath("web");
  append(path, "one");
  serve();
  out.onFlush = [&](const std::string& sofar) {
    if (sofar == "one\n") append(path, "two");
    if (sofar == "one\ntwo\n") {
      fs::rename(path, path + ".20270115-080000");
      append(path, "three");
    }
    if (sofar == "one\ntwo\nthree\n")
      onAgent([&] {
        core::ContainerState& state = *pod.mutable_status()->mutable_containerstatuses(0)->mutable_state();
        state.clear_running();
        state.mutable_terminated()->set_exitcode(0);
      });
  };
  AgentClient agent(options.path);
  ClientIo where = io();
  LogsOptions logs;
  logs.pod = "web";
  logs.follow = true;
  Result<void> shown = showLogs(agent, where, logs);
  EXPECT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(text(), "one\ntwo\nthree\n");
}

TEST_F(Client, FollowingTheLogOfAnEndedContainerJustPrintsIt) {
  core::ContainerState& state =
      *addRunningPod("default", "web").mutable_status()->mutable_containerstatuses(0)->mutable_state();
  state.clear_running();
  state.mutable_terminated()->set_exitcode(0);
  append(logPath("web"), "done");
  serve();
  EXPECT_EQ(run({"logs", "-f", "web"}), kDone) << err.str();
  EXPECT_EQ(text(), "done\n");
}

}  // namespace
}  // namespace cubelet::client
