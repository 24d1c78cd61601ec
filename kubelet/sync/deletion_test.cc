// Pods that are no longer wanted, and names that are used again.
#include <filesystem>
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

struct Deletion : NodeTest {};

TEST_F(Deletion, TRM_8_RemovedPodLeavesNothingBehind) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  core::Volume* volume = pod.mutable_spec()->add_volumes();
  volume->set_name("cache");
  volume->mutable_volumesource()->mutable_emptydir();
  node.setPods({pod});
  ASSERT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(5)));
  EXPECT_TRUE(std::filesystem::exists(node.root("pods/u1/volumes/kubernetes.io~empty-dir/cache")));
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone() && node.sync().podCount() == 0; }, seconds(5)));
  EXPECT_FALSE(std::filesystem::exists(node.root("pods/u1")));
  EXPECT_FALSE(std::filesystem::exists(node.temp / "logs/default_a_u1"));
  EXPECT_TRUE(std::filesystem::is_empty(node.temp / "links"));
  EXPECT_TRUE(std::filesystem::is_empty(node.root("terminations")));
  EXPECT_TRUE(node.hasEvent("Killing", "Stopping container web"));
}

TEST_F(Deletion, TRM_2_GraceIsThePodsOwn) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->set_terminationgraceperiodseconds(7);
  node.setPods({pod});
  runtime.program("web").ignoresTerm = true;
  const std::string id = runtime.container("web")->id;
  runtime.exitContainer(id, 0);  // the next instance ignores SIGTERM
  node.settle();
  node.setPods({});
  EXPECT_EQ(runtime.container("web")->stopGrace, Duration(seconds(7)));
  node.advance(seconds(6));
  EXPECT_FALSE(runtime.running().empty());
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(Deletion, STA_11_STA_12_NewVersionStartsOnlyAfterTheOldHasEnded) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.program("web").termTakes = seconds(3);
  runtime.exitContainer("web", 0);
  node.settle();
  node.setPods({makePod("a", "u2")});
  node.advance(seconds(1));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  node.setPods({makePod("a", "u3")});
  ASSERT_TRUE(node.advanceUntil([&] { return node.countCalls("RunPodSandbox") == 2; }, seconds(10)));
  node.settle();
  ASSERT_EQ(runtime.sandboxes().size(), 1u);
  EXPECT_EQ(runtime.sandboxes().front()->config.metadata().uid(), "u3") << "STA-12: only the last version starts";
}

TEST_F(Deletion, SRC_11_SameIdentityThatComesBackWhileItStopsIsStartedAfresh) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  const std::string first = runtime.container("web")->id;
  node.setPods({});
  node.setPods({makePod("a", "u1")});
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1 && runtime.container("web")->id != first; },
                                seconds(40)));
  EXPECT_EQ(runtime.containers().size(), 1u);
}

TEST_F(Deletion, TRM_13_FailedStopIsReportedAndRepeated) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.failNext("StopContainer", Error(Code::kInternal, "", "shim is stuck"));
  node.setPods({});
  EXPECT_TRUE(node.hasEvent("FailedKillPod", "error killing pod: "));
  EXPECT_FALSE(node.gone());
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(15)));
}

TEST_F(Deletion, APodThatIsRemovedWhileItsSandboxStartsLeavesNothing) {
  node.startAgent();
  runtime.delayNext("RunPodSandbox", seconds(4));
  node.setPods({makePod("a", "u1")});
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(30)));
  EXPECT_TRUE(node.gone());
  EXPECT_EQ(node.countCalls("CreateContainer"), 0u);
}

// ---- Names ----

TEST_F(Deletion, SRC_6_OfTwoPodsOfOneNameInASourceTheSecondIsDropped) {
  node.startAgent();
  node.setPods({makePod("a", "u1"), makePod("a", "u2"), makePod("b", "u3")});
  EXPECT_EQ(runtime.sandboxes().size(), 2u);
  EXPECT_EQ(node.sync().find("default/a")->uid(), "u1");
  EXPECT_TRUE(node.hasEvent("FailedValidation", "a pod of this name comes from file already, this one is not run"));
  // Its turn comes when the first has gone.
  node.setPods({makePod("a", "u2"), makePod("b", "u3")});
  ASSERT_TRUE(node.advanceUntil([&] { return node.sync().find("default/a")->uid() == "u2"; }, seconds(40)));
}

TEST_F(Deletion, STA_11_AnotherSourceDoesNotTakeANameThatIsInUse) {
  node.startAgent({"file", "http"});
  node.setPods({makePod("a", "u1")}, "file");
  node.setPods({makePod("a", "u2")}, "http");
  ASSERT_EQ(runtime.sandboxes().size(), 1u);
  EXPECT_EQ(runtime.sandboxes().front()->config.metadata().uid(), "u1");
  EXPECT_TRUE(node.hasEvent("FailedValidation"));
  node.setPods({}, "file");
  EXPECT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u2"; },
      seconds(40)));
}

}  // namespace
}  // namespace cubelet::sync
