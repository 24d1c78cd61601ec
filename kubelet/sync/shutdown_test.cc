// Pods that end because the machine goes down, and those that come meanwhile.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;
using Names = std::vector<std::string>;

constexpr char kMessage[] = "Pod was terminated in response to imminent node shutdown.";

core::Pod apiPod(const std::string& name) {
  core::Pod pod = makePod(name, "uid-" + name);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  return pod;
}

struct Shutdown : testing::Test {
  Shutdown() {
    view.name = "n1";
    node.admissionNode = &view;
    node.startAgent({"file", "api"});
    node.setPods({}, "file");
  }
  void apiPods(std::vector<core::Pod> pods) { node.setPods(std::move(pods), "api"); }
  void shutDown(const std::string& name, seconds grace = seconds(20)) {
    node.sync().shutDown("uid-" + name, {.reason = "Terminated", .message = kMessage, .disruption = true}, grace);
    node.settle();
  }
  bool soon(const std::function<bool()>& done) { return node.advanceUntil(done, seconds(5)); }
  Names unended() {
    Names names;
    for (const core::Pod& pod : node.sync().unendedPods()) names.push_back(pod.metadata().name());
    return names;
  }

  admission::NodeView view;
  TestNode node;
};

TEST_F(Shutdown, SHD_4_ThePodIsFailedWhateverItsContainersSay) {
  node.runtime.program("web").termCode = 0;
  apiPods({apiPod("a"), apiPod("b")});
  EXPECT_EQ(unended(), (Names{"a", "b"}));
  EXPECT_FALSE(node.sync().hasLetGo("uid-a"));
  shutDown("a");
  ASSERT_TRUE(soon([&] { return node.sync().hasLetGo("uid-a"); }));
  EXPECT_EQ(unended(), Names{"b"});
  const core::PodStatus& status = node.status("a");
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "Terminated");
  EXPECT_EQ(status.message(), kMessage);
  EXPECT_EQ(status.containerstatuses(0).state().terminated().exitcode(), 0) << "it ended well";
  const core::PodCondition* disruption = nullptr;
  for (const core::PodCondition& one : status.conditions())
    if (one.type() == "DisruptionTarget") disruption = &one;
  ASSERT_NE(disruption, nullptr);
  EXPECT_EQ(disruption->reason(), "TerminationByKubelet");
  EXPECT_EQ(node.status("b").phase(), "Running");
}

TEST_F(Shutdown, SHD_4_PreStopHooksRun) {
  core::Pod pod = apiPod("a");
  core::Container& web = *pod.mutable_spec()->mutable_containers(0);
  web.mutable_lifecycle()->mutable_prestop()->mutable_exec()->add_command("bye");
  apiPods({pod});
  shutDown("a");
  EXPECT_EQ(node.countCalls("ExecSync"), 1U);
  ASSERT_TRUE(soon([&] { return node.status("a").phase() == "Failed"; }));
}

TEST_F(Shutdown, SHD_3_ThePodHasNoMoreTimeThanTheShutdownLeaves) {
  node.runtime.program("web").ignoresTerm = true;
  apiPods({apiPod("a")});
  shutDown("a", seconds(3));
  EXPECT_FALSE(node.sync().hasLetGo("uid-a"));
  ASSERT_TRUE(node.runtime.container("web")->stopGrace);
  EXPECT_LE(*node.runtime.container("web")->stopGrace, seconds(3));
  ASSERT_TRUE(soon([&] { return node.sync().hasLetGo("uid-a"); }));
}

TEST_F(Shutdown, SHD_3_NorHasOneThatIsBeingDeleted) {
  node.runtime.program("web").ignoresTerm = true;
  core::Pod pod = apiPod("a");
  pod.mutable_spec()->set_terminationgraceperiodseconds(3600);
  apiPods({pod});
  pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1'800'000'000);
  pod.mutable_metadata()->set_deletiongraceperiodseconds(3600);
  apiPods({pod});
  EXPECT_EQ(unended(), Names{"a"});
  shutDown("a", seconds(3));
  EXPECT_FALSE(node.sync().hasLetGo("uid-a"));
  EXPECT_TRUE(soon([&] { return node.sync().hasLetGo("uid-a"); }));
}

TEST_F(Shutdown, SHD_2_NewPodsAreRefused) {
  apiPods({apiPod("a")});
  view.shuttingDown = true;
  apiPods({apiPod("a"), apiPod("b")});
  EXPECT_EQ(node.status("a").phase(), "Running");
  EXPECT_EQ(node.status("b").phase(), "Failed");
  EXPECT_EQ(node.status("b").reason(), "NodeShutdown");
  EXPECT_EQ(node.status("b").message(), "Pod was rejected: Pod was rejected as the node is shutting down.");
  node.setPods({makePod("static", "uid-static")}, "file");
  EXPECT_EQ(node.status("static").reason(), "NodeShutdown");
}

TEST_F(Shutdown, SHD_5_OnesThatComeAfterItWasCalledOffAreTaken) {
  view.shuttingDown = true;
  apiPods({apiPod("a")});
  view.shuttingDown = false;
  apiPods({apiPod("a"), apiPod("b")});
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.status("b").phase(), "Running");
}

TEST_F(Shutdown, SHD_2_WhatRunsWhenTheAgentStartsDuringItIsNoNewcomer) {
  apiPods({apiPod("a")});
  node.stopAgent();
  view.shuttingDown = true;
  node.startAgent({"file", "api"});
  node.setPods({}, "file");
  apiPods({apiPod("a")});
  EXPECT_EQ(node.status("a").phase(), "Running") << "it ends with its group";
}

}  // namespace
}  // namespace cubelet::sync
