// From a pod that is wanted to one that runs, and what gets in the way.
#include <filesystem>
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

struct Starting : NodeTest {};

TEST_F(Starting, StartsAPodWithOneCallEach) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_EQ(node.countCalls("CreateContainer"), 1u);
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
  EXPECT_EQ(node.status("a").phase(), "Running");
  EXPECT_TRUE(node.hasEvent("Started"));
}

TEST_F(Starting, LOG_1_LogDirectoryAndLinkExist) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(std::filesystem::is_directory(node.temp / "logs/default_a_u1/web"));
  const std::string id = runtime.container("web")->id;
  const std::string link = node.temp / ("links/a_default_web-" + id + ".log");
  EXPECT_EQ(std::filesystem::read_symlink(link), node.temp / "logs/default_a_u1/web/0.log");
}

TEST_F(Starting, RuntimeAwayAtStartIsAwaited) {
  runtime.setDown(true);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.status("a").phase(), "Pending");
  runtime.setDown(false);
  EXPECT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(5)));
}

TEST_F(Starting, RuntimeLostInTheMiddleOfAStart) {
  node.startAgent();
  runtime.delayNext("RunPodSandbox", seconds(1));
  node.setPods({makePod("a", "u1")});
  runtime.setDown(true);
  node.advance(seconds(3));
  runtime.setDown(false);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#0"}; }, seconds(10)));
  EXPECT_EQ(runtime.containers().size(), 1u);
}

TEST_F(Starting, REC_11_APodWhoseCallsHangDelaysNoOther) {
  node.startAgent();
  runtime.hangNext("RunPodSandbox");
  node.setPods({makePod("a", "u1"), makePod("b", "u2")});
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(node.status("b").phase(), "Running");
  EXPECT_EQ(node.status("a").phase(), "Pending");
}

TEST_F(Starting, SBX_3_FailedSandboxIsTriedAgainAfterTenSeconds) {
  node.startAgent();
  runtime.failNext("RunPodSandbox", Error(Code::kInternal, "", "no network"));
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.hasEvent("FailedCreatePodSandBox", "Failed to create pod sandbox: "));
  EXPECT_EQ(node.waitingReason("a"), "ContainerCreating");
  node.advance(seconds(9));
  EXPECT_TRUE(runtime.running().empty());
  node.advance(seconds(2));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

TEST_F(Starting, RST_10_FailedCreateIsTriedAgain) {
  node.startAgent();
  runtime.failNext("CreateContainer", Error(Code::kInternal, "", "no space"));
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerError");
  EXPECT_TRUE(node.hasEvent("Failed", "no space"));
  node.advance(seconds(11));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

// The reply is lost, the container exists: no second one may come beside it.
TEST_F(Starting, CreateThatWorkedWithoutAReplyIsNotDoubled) {
  node.startAgent();
  runtime.failNextAfterEffect("CreateContainer", Error(Code::kTimedOut, "", "no answer"));
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(30)));
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(runtime.containers().size(), 1u);
}

TEST_F(Starting, SandboxThatWorkedWithoutAReplyIsUsed) {
  node.startAgent();
  runtime.failNextAfterEffect("RunPodSandbox", Error(Code::kTimedOut, "", "no answer"));
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(30)));
  std::size_t ready = 0;
  for (const cri::FakeSandbox* sandbox : runtime.sandboxes()) ready += sandbox->ready ? 1 : 0;
  EXPECT_EQ(ready, 1u);
}

TEST_F(Starting, CST_7_CommandThatDoesNotExistIsARunContainerError) {
  node.startAgent();
  runtime.program("web").startError = "exec: \"/nope\": no such file";
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.hasEvent("Failed", "/nope"));
  EXPECT_EQ(node.waitingReason("a"), "RunContainerError");
  runtime.program("web").startError.clear();
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(40)));
}

// As after a kill -9 of the agent in the middle of a StartContainer: the call's outcome comes later.
TEST_F(Starting, RST_3_ACreatedContainerThatStartsLateIsKept) {
  node.startAgent();
  runtime.failNext("StartContainer", Error(Code::kUnavailable, "", "connection reset"));
  node.setPods({makePod("a", "u1")});
  ASSERT_TRUE(runtime.running().empty());
  runtime.dropEvents(true);
  node.loop.runToEnd(runtime.startContainer(runtime.container("web")->id));
  runtime.dropEvents(false);
  runtime.clearCalls();
  node.advance(seconds(30));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(node.countCalls("RemoveContainer"), 0u);
  EXPECT_EQ(node.countCalls("StartContainer"), 0u);
}

// ---- The sandbox ----

TEST_F(Starting, SBX_1_DeadSandboxIsReplacedAndInitRunsAgain) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "init", false);
  node.setPods({pod});
  runtime.exitContainer("init", 0);
  node.settle();
  ASSERT_EQ(runtime.running(), Names{"web#0"});
  runtime.killSandbox("a");
  node.settle();
  ASSERT_TRUE(node.advanceUntil([&] { return node.countCalls("RunPodSandbox") == 2; }, seconds(40)));
  node.settle();
  EXPECT_TRUE(node.hasEvent("SandboxChanged", "Pod sandbox changed, it will be killed and re-created."));
  EXPECT_EQ(runtime.running(), Names{"init#1"});
  EXPECT_EQ(runtime.sandbox("a")->config.metadata().attempt(), 1u);
}

TEST_F(Starting, SBX_6_WithoutTheNetworkOnlyPodsOfTheHostsNetworkStart) {
  runtime.setNetworkReady(false, "no network plugin");
  core::Pod host = makePod("host", "u2");
  host.mutable_spec()->set_hostnetwork(true);
  node.startAgent();
  node.setPods({makePod("a", "u1"), host});
  EXPECT_EQ(node.status("host").phase(), "Running");
  EXPECT_EQ(node.status("a").phase(), "Pending");
  EXPECT_TRUE(node.hasEvent("NetworkNotReady",
                            "network is not ready: container runtime network not ready: NetworkReady=false "
                            "reason:NetworkPluginNotReady message:no network plugin"));
  EXPECT_FALSE(node.hasEvent("FailedCreatePodSandBox"));
  const std::size_t tries = node.countCalls("RunPodSandbox");
  node.advance(seconds(5));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), tries);
  runtime.setNetworkReady(true);
  node.advance(seconds(1));
  EXPECT_EQ(node.status("a").phase(), "Running");
}

}  // namespace
}  // namespace cubelet::sync
