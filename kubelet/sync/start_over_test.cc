// The exit of one container lets all containers of its pod start over. Behaviour RST-2.
#include <fstream>
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;
using Names = std::vector<std::string>;

constexpr int kAgain = 88;

struct StartOver : testing::Test {
  StartOver() {
    wanted = makePod("p", "uid-p");
    core::Container& init = *wanted.mutable_spec()->add_initcontainers();
    init.set_name("init");
    init.set_image("web:1");
    core::Container& worker = *wanted.mutable_spec()->add_containers();
    worker.set_name("worker");
    worker.set_image("web:1");
    wanted.mutable_spec()->set_restartpolicy("Never");
    core::Container& web = *wanted.mutable_spec()->mutable_containers(0);
    web.set_restartpolicy("Never");
    core::ContainerRestartRule& rule = *web.add_restartpolicyrules();
    rule.set_action("RestartAllContainers");
    rule.mutable_exitcodes()->set_operator_("In");
    rule.mutable_exitcodes()->add_values(kAgain);
    api::setDefaults(wanted);
    runtime.program("init").exitsAfter = seconds(1);
  }
  void startPod() {
    node.startAgent();
    node.setPods({wanted});
    ASSERT_TRUE(runsAll());
  }
  bool runsAll() {
    return node.advanceUntil([&] { return runtime.running().size() == 2 && phase() == "Running"; }, seconds(30));
  }
  std::string phase() { return node.status("p").phase(); }
  const core::ContainerStatus& statusOf(const std::string& name) {
    for (const auto* list : {&node.status("p").containerstatuses(), &node.status("p").initcontainerstatuses()})
      for (const core::ContainerStatus& one : *list)
        if (one.name() == name) return one;
    static const core::ContainerStatus none;
    return none;
  }
  std::string restarting() {
    for (const core::PodCondition& one : node.status("p").conditions())
      if (one.type() == "AllContainersRestarting") return one.status();
    return "";
  }
  std::string writeLog(const std::string& container, int attempt) {
    const std::string directory = node.temp / ("logs/default_p_uid-p/" + container);
    EXPECT_TRUE(makeDirectories(directory, 0755));
    const std::string path = directory + "/" + std::to_string(attempt) + ".log";
    std::ofstream(path) << "said\n";
    return path;
  }

  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  core::Pod wanted;
};

TEST_F(StartOver, RST_2_AllContainersRunAgainInTheSameSandbox) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  const std::string sandbox = runtime.sandboxes().front()->id;
  EXPECT_EQ(restarting(), "False");
  runtime.exitContainer("web", kAgain);
  ASSERT_TRUE(runsAll());
  EXPECT_EQ(runtime.running(), (Names{"web#1", "worker#1"}));
  ASSERT_EQ(runtime.sandboxes().size(), 1U);
  EXPECT_EQ(runtime.sandboxes().front()->id, sandbox);
  for (const char* name : {"init", "web", "worker"}) EXPECT_EQ(statusOf(name).restartcount(), 1) << name;
  EXPECT_EQ(statusOf("web").laststate().terminated().exitcode(), kAgain);
  EXPECT_EQ(restarting(), "False");
  std::vector<std::string> told;
  for (const core::Pod& pod : node.told()) {
    if (told.empty() || told.back() != pod.status().phase()) told.push_back(pod.status().phase());
    EXPECT_NE(pod.status().phase(), "Failed");
  }
  EXPECT_EQ(told, (Names{"Pending", "Running", "Pending", "Running"}));
}

TEST_F(StartOver, RST_2_TheOthersHaveNeitherGraceNorHook) {
  core::Container& worker = *wanted.mutable_spec()->mutable_containers(1);
  worker.mutable_lifecycle()->mutable_prestop()->mutable_exec()->add_command("bye");
  ASSERT_NO_FATAL_FAILURE(startPod());
  runtime.program("worker").ignoresTerm = true;
  runtime.delayNext("RemoveContainer", seconds(1));
  runtime.exitContainer("web", kAgain);
  node.settle();
  EXPECT_EQ(runtime.container("worker")->stopGrace, Duration::zero());
  EXPECT_EQ(restarting(), "True");
  EXPECT_EQ(phase(), "Running");
  ASSERT_TRUE(runsAll());
  EXPECT_EQ(node.countCalls("ExecSync"), 0U);
}

TEST_F(StartOver, RST_2_LogsOfTheLastInstancesStay) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  const std::string first = writeLog("worker", 0);
  runtime.exitContainer("web", kAgain);
  ASSERT_TRUE(runsAll());
  EXPECT_TRUE(readFile(first, 100));
  const std::string second = writeLog("worker", 1);
  runtime.exitContainer("web", kAgain);
  ASSERT_TRUE(node.advanceUntil([&] { return statusOf("worker").restartcount() == 2; }, seconds(30)));
  EXPECT_FALSE(readFile(first, 100));
  EXPECT_TRUE(readFile(second, 100));
}

TEST_F(StartOver, RST_6_TheNextTimeWaitsForTheBackOff) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  runtime.exitContainer("web", kAgain);
  ASSERT_TRUE(runsAll());
  runtime.exitContainer("web", kAgain);
  node.advance(seconds(5));
  EXPECT_EQ(node.waitingReason("p"), "CrashLoopBackOff");
  EXPECT_EQ(runtime.running(), Names{"worker#1"}) << "the other one runs on";
  ASSERT_TRUE(runsAll());
  EXPECT_EQ(runtime.running(), (Names{"web#2", "worker#2"}));
}

TEST_F(StartOver, RST_2_AnAgentThatIsKilledHalfWayGoesOn) {
  ASSERT_NO_FATAL_FAILURE(startPod());
  const std::size_t removals = node.countCalls("RemoveContainer");
  runtime.exitContainer("web", kAgain);
  runtime.delayNext("RemoveContainer", seconds(5));
  node.settle();
  ASSERT_GT(node.countCalls("RemoveContainer"), removals);
  node.stopAgent();
  node.startAgent();
  node.setPods({wanted});
  ASSERT_TRUE(runsAll());
  EXPECT_EQ(runtime.containers().size(), 3U);
  EXPECT_EQ(runtime.sandboxes().size(), 1U);
}

}  // namespace
}  // namespace cubelet::sync
