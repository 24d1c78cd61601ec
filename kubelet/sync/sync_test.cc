#include <filesystem>
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Sync : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  using Names = std::vector<std::string>;
};

core::Pod withPolicy(core::Pod pod, const std::string& policy) {
  pod.mutable_spec()->set_restartpolicy(policy);
  return pod;
}

core::Container* addInit(core::Pod& pod, const std::string& name, bool sidecar) {
  core::Container* init = pod.mutable_spec()->add_initcontainers();
  init->set_name(name);
  init->set_image("web:1");
  if (sidecar) init->set_restartpolicy("Always");
  api::setDefaults(pod);
  return init;
}

// ---- Starting ----

TEST_F(Sync, StartsAPodWithOneCallEach) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_EQ(node.countCalls("CreateContainer"), 1u);
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
  EXPECT_EQ(node.status("a").phase(), "Running");
  EXPECT_TRUE(node.hasEvent("Started"));
}

TEST_F(Sync, LOG_1_LogDirectoryAndLinkExist) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(std::filesystem::is_directory(node.temp / "logs/default_a_u1/web"));
  const std::string id = runtime.container("web")->id;
  const std::string link = node.temp / ("links/a_default_web-" + id + ".log");
  EXPECT_EQ(std::filesystem::read_symlink(link), node.temp / "logs/default_a_u1/web/0.log");
}

TEST_F(Sync, RuntimeAwayAtStartIsAwaited) {
  runtime.setDown(true);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.status("a").phase(), "Pending");
  runtime.setDown(false);
  EXPECT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(5)));
}

TEST_F(Sync, RuntimeLostInTheMiddleOfAStart) {
  node.startAgent();
  runtime.delayNext("RunPodSandbox", seconds(1));
  node.setPods({makePod("a", "u1")});
  runtime.setDown(true);
  node.advance(seconds(3));
  runtime.setDown(false);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#0"}; }, seconds(10)));
  EXPECT_EQ(runtime.containers().size(), 1u);
}

TEST_F(Sync, REC_11_APodWhoseCallsHangDelaysNoOther) {
  node.startAgent();
  runtime.hangNext("RunPodSandbox");
  node.setPods({makePod("a", "u1"), makePod("b", "u2")});
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(node.status("b").phase(), "Running");
  EXPECT_EQ(node.status("a").phase(), "Pending");
}

TEST_F(Sync, SBX_3_FailedSandboxIsTriedAgainAfterTenSeconds) {
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

TEST_F(Sync, RST_10_FailedCreateIsTriedAgain) {
  node.startAgent();
  runtime.failNext("CreateContainer", Error(Code::kInternal, "", "no space"));
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerError");
  EXPECT_TRUE(node.hasEvent("Failed", "no space"));
  node.advance(seconds(11));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

// The reply is lost, the container exists: no second one may come beside it.
TEST_F(Sync, CreateThatWorkedWithoutAReplyIsNotDoubled) {
  node.startAgent();
  runtime.failNextAfterEffect("CreateContainer", Error(Code::kTimedOut, "", "no answer"));
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(30)));
  EXPECT_EQ(runtime.running().size(), 1u);
  EXPECT_EQ(runtime.containers().size(), 1u);
}

TEST_F(Sync, SandboxThatWorkedWithoutAReplyIsUsed) {
  node.startAgent();
  runtime.failNextAfterEffect("RunPodSandbox", Error(Code::kTimedOut, "", "no answer"));
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.advanceUntil([&] { return !runtime.running().empty(); }, seconds(30)));
  std::size_t ready = 0;
  for (const cri::FakeSandbox* sandbox : runtime.sandboxes()) ready += sandbox->ready ? 1 : 0;
  EXPECT_EQ(ready, 1u);
}

TEST_F(Sync, CST_7_CommandThatDoesNotExistIsARunContainerError) {
  node.startAgent();
  runtime.program("web").startError = "exec: \"/nope\": no such file";
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.hasEvent("Failed", "/nope"));
  EXPECT_EQ(node.waitingReason("a"), "RunContainerError");
  runtime.program("web").startError.clear();
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(40)));
}

// As after a kill -9 of the agent in the middle of a StartContainer: the call's outcome comes later.
TEST_F(Sync, RST_3_ACreatedContainerThatStartsLateIsKept) {
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

// ---- Images ----

TEST_F(Sync, CFG_19_MissingImageIsPulled) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:2");
  node.setPods({pod});
  EXPECT_TRUE(node.hasEvent("Pulling", "Pulling image \"other:2\""));
  EXPECT_TRUE(node.hasEvent("Pulled", "Successfully pulled image \"other:2\" in "));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

// The runtime needs a tenth of a second and more for a sandbox, and a pull takes longer: neither waits for the other.
TEST_F(Sync, ImagesArePulledWhileTheSandboxIsBeingMade) {
  node.startAgent();
  runtime.delayNext("RunPodSandbox", seconds(1));
  runtime.delayNext("PullImage", seconds(2));
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:1");
  node.setPods({pod});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
  node.advance(seconds(1));
  EXPECT_TRUE(runtime.running().empty());
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
}

TEST_F(Sync, CFG_20_FailedPullBacksOffAndRecovers) {
  node.startAgent();
  runtime.makeUnpullable("other:2", Error(Code::kNotFound, "", "manifest unknown"));
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:2");
  node.setPods({pod});
  EXPECT_EQ(node.waitingReason("a"), "ErrImagePull");
  node.advance(seconds(5));
  EXPECT_EQ(node.waitingReason("a"), "ImagePullBackOff");
  EXPECT_TRUE(node.hasEvent("BackOff", "Back-off pulling image \"other:2\""));
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
  node.advance(seconds(6));
  EXPECT_EQ(node.countCalls("PullImage"), 2u) << "ten seconds after the first";
  node.advance(seconds(15));
  EXPECT_EQ(node.countCalls("PullImage"), 2u) << "then twenty";
  runtime.addImage("other:2");
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(30)));
}

TEST_F(Sync, CFG_18_NeverPullsNothing) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_image("other:2");
  pod.mutable_spec()->mutable_containers(0)->set_imagepullpolicy("Never");
  node.setPods({pod});
  EXPECT_EQ(node.waitingReason("a"), "ErrImageNeverPull");
  EXPECT_EQ(node.countCalls("PullImage"), 0u);
}

TEST_F(Sync, CFG_18_AlwaysAsksForEveryStart) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_containers(0)->set_imagepullpolicy("Always");
  node.setPods({pod});
  EXPECT_EQ(node.countCalls("PullImage"), 1u);
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(node.countCalls("PullImage"), 2u);
  EXPECT_EQ(runtime.running(), Names{"web#1"});
}

TEST_F(Sync, ASlowPullHoldsUpOneContainerOnly) {
  node.startAgent();
  runtime.hangNext("PullImage");
  core::Pod pod = makePod("a", "u1");
  core::Container* slow = pod.mutable_spec()->add_containers();
  slow->set_name("slow");
  slow->set_image("slow:1");
  pod.mutable_spec()->mutable_containers()->SwapElements(0, 1);
  api::setDefaults(pod);
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

// ---- Restarting ----

TEST_F(Sync, RST_6_FirstRestartIsImmediateTheSecondWaitsTenSeconds) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#1"}) << "no time has passed";
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_EQ(node.waitingReason("a"), "CrashLoopBackOff");
  EXPECT_TRUE(node.hasEvent("BackOff", "Back-off restarting failed container web in pod a_default(u1)"));
  node.advance(seconds(9));
  EXPECT_TRUE(runtime.running().empty());
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#2"});
}

TEST_F(Sync, GC_1_OneDeadInstanceIsKept) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  for (int round = 0; round < 4; ++round) {
    runtime.exitContainer("web", 1);
    ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(100)));
  }
  EXPECT_EQ(runtime.running(), Names{"web#4"});
  EXPECT_EQ(runtime.containers().size(), 2u);
}

TEST_F(Sync, StatusThatLagsBehindAnExitStartsNoSecondCopy) {
  runtime.staleAfterExit(milliseconds(160));
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.exitContainer("web", 3);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  node.advance(seconds(2));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(node.status("a").containerstatuses(0).laststate().terminated().exitcode(), 3);
}

TEST_F(Sync, PLC_5_RST_11_NeverEndsInSuccessAndReleasesTheNetwork) {
  node.startAgent();
  node.setPods({withPolicy(makePod("a", "u1"), "Never")});
  runtime.exitContainer("web", 0);
  node.settle();
  EXPECT_EQ(node.status("a").phase(), "Succeeded");
  EXPECT_FALSE(runtime.sandboxes().front()->ready);
  EXPECT_EQ(runtime.containers().size(), 1u) << "its log stays readable";
  node.advance(std::chrono::hours(1));
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
}

TEST_F(Sync, INI_1_InitContainersRunOneAfterTheOther) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "first", false);
  addInit(pod, "second", false);
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), Names{"first#0"});
  runtime.exitContainer("first", 0);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"second#0"});
  runtime.exitContainer("second", 1);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"second#1"}) << "a failed one is run again";
  runtime.exitContainer("second", 0);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

TEST_F(Sync, SID_5_SidecarsStartFirstAndStopLast) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "side", true);
  node.setPods({pod});
  EXPECT_EQ(runtime.running(), (Names{"side#0", "web#0"}));
  runtime.program("web").termTakes = seconds(5);
  runtime.clearCalls();
  node.setPods({});
  node.advance(seconds(1));
  EXPECT_EQ(node.countCalls("StopContainer"), 1u) << "the sidecar waits for its turn";
  node.advance(seconds(5));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(Sync, ExitCodesAreShownWhileThePodIsStopped) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  addInit(pod, "side", true);
  runtime.program("side").termTakes = seconds(5);
  node.setPods({pod});
  node.setPods({});
  node.advance(seconds(1));
  ASSERT_EQ(runtime.running(), Names{"side#0"});
  EXPECT_EQ(node.status("a").containerstatuses(0).state().terminated().exitcode(), 143);
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(10)));
}

// ---- The sandbox ----

TEST_F(Sync, SBX_1_DeadSandboxIsReplacedAndInitRunsAgain) {
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

TEST_F(Sync, SBX_6_WithoutTheNetworkOnlyPodsOfTheHostsNetworkStart) {
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

// ---- A reboot ----

TEST_F(Sync, REC_8_AfterARebootPodsStartAgainAndCountsGrowOn) {
  core::Pod always = makePod("a", "u1");
  addInit(always, "init", false);
  core::Pod never = withPolicy(makePod("n", "u2"), "Never");
  never.mutable_spec()->mutable_containers(0)->set_name("once");
  node.startAgent();
  node.setPods({always, never});
  runtime.exitContainer("init", 0);
  node.settle();
  ASSERT_EQ(runtime.running(), (Names{"once#0", "web#0"}));
  node.stopAgent();
  // The runtime has kept its records, but not one process.
  runtime.killSandbox("a", true);
  runtime.killSandbox("n", true);
  node.startAgent();
  node.setPods({always, never});
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"init#1"}; }, seconds(40)));
  runtime.exitContainer("init", 0);
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(40)));
  EXPECT_EQ(node.status("a").containerstatuses(0).restartcount(), 1);
  EXPECT_EQ(runtime.sandbox("a")->config.metadata().attempt(), 1u);
  EXPECT_EQ(node.status("n").phase(), "Failed");
}

// ---- Names ----

TEST_F(Sync, SRC_6_OfTwoPodsOfOneNameInASourceTheSecondIsDropped) {
  node.startAgent();
  node.setPods({makePod("a", "u1"), makePod("a", "u2"), makePod("b", "u3")});
  EXPECT_EQ(runtime.sandboxes().size(), 2u);
  EXPECT_EQ(node.sync().find("default/a")->uid(), "u1");
  EXPECT_TRUE(node.hasEvent("FailedValidation", "a pod of this name comes from file already, this one is not run"));
  // Its turn comes when the first has gone.
  node.setPods({makePod("a", "u2"), makePod("b", "u3")});
  ASSERT_TRUE(node.advanceUntil([&] { return node.sync().find("default/a")->uid() == "u2"; }, seconds(40)));
}

// ---- Deletion and replacement ----

TEST_F(Sync, TRM_8_RemovedPodLeavesNothingBehind) {
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

TEST_F(Sync, TRM_2_GraceIsThePodsOwn) {
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

TEST_F(Sync, STA_11_STA_12_NewVersionStartsOnlyAfterTheOldHasEnded) {
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

TEST_F(Sync, SRC_11_SameIdentityThatComesBackWhileItStopsIsStartedAfresh) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  const std::string first = runtime.container("web")->id;
  node.setPods({});
  node.setPods({makePod("a", "u1")});
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1 && runtime.container("web")->id != first; },
                                seconds(40)));
  EXPECT_EQ(runtime.containers().size(), 1u);
}

TEST_F(Sync, TRM_13_FailedStopIsReportedAndRepeated) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.failNext("StopContainer", Error(Code::kInternal, "", "shim is stuck"));
  node.setPods({});
  EXPECT_TRUE(node.hasEvent("FailedKillPod", "error killing pod: "));
  EXPECT_FALSE(node.gone());
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(15)));
}

TEST_F(Sync, APodThatIsRemovedWhileItsSandboxStartsLeavesNothing) {
  node.startAgent();
  runtime.delayNext("RunPodSandbox", seconds(4));
  node.setPods({makePod("a", "u1")});
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(30)));
  EXPECT_TRUE(node.gone());
  EXPECT_EQ(node.countCalls("CreateContainer"), 0u);
}

// ---- Restarts of the agent ----

TEST_F(Sync, REC_1_RestartOfTheAgentTouchesNothing) {
  node.startAgent();
  node.setPods({makePod("a", "u1"), withPolicy(makePod("b", "u2"), "Never")});
  runtime.exitContainer("web", 0);
  node.settle();
  const auto before = runtime.running();
  node.stopAgent();
  runtime.clearCalls();
  node.startAgent();
  node.setPods({makePod("a", "u1"), withPolicy(makePod("b", "u2"), "Never")});
  node.advance(seconds(60));
  EXPECT_EQ(runtime.running(), before);
  EXPECT_EQ(runtime.actions(), Names{}) << "nothing but reads";
}

TEST_F(Sync, REC_7_ExitWhileTheAgentWasAwayCountsOnce) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  runtime.exitContainer("web", 1);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(15)));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(node.status("a").containerstatuses(0).restartcount(), 1);
}

TEST_F(Sync, SRC_5_TRM_12_REC_3_NothingIsStoppedBeforeEverySourceHasReported) {
  node.startAgent({"file", "http"});
  core::Pod fromUrl = makePod("b", "u2");
  (*fromUrl.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "http";
  node.setPods({makePod("a", "u1")}, "file");
  node.setPods({fromUrl}, "http");
  node.stopAgent();
  node.startAgent({"file", "http"});
  node.setPods({makePod("a", "u1")}, "file");
  node.advance(seconds(10));
  EXPECT_EQ(runtime.running().size(), 2u);
  node.setPods({}, "http");
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(40)));
  EXPECT_EQ(runtime.sandboxes().front()->config.metadata().uid(), "u1");
}

TEST_F(Sync, REC_5_ManifestChangedWhileAwayStopsTheOldThenStartsTheNew) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  runtime.clearCalls();
  node.startAgent();
  node.setPods({makePod("a", "u2")});
  ASSERT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u2"; },
      seconds(40)));
  const Names actions = runtime.actions();
  auto at = [&](const std::string& method) {
    return std::find_if(actions.begin(), actions.end(), [&](const auto& call) { return call.starts_with(method); });
  };
  EXPECT_LT(at("StopPodSandbox"), at("RunPodSandbox"));
}

// The predecessor came from a source that has reported: the API server, which has not, will not ask for it.
TEST_F(Sync, REC_5_ManifestChangedWhileAwayDoesNotWaitForTheApiServer) {
  node.startAgent({"file", "api"});
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  node.startAgent({"file", "api"});
  node.setPods({makePod("a", "u2")}, "file");
  EXPECT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u2"; },
      seconds(5)));
}

TEST_F(Sync, SRC_5_AStrayOfASourceThatHasNotReportedIsLeftAlone) {
  node.startAgent({"file", "api"});
  core::Pod ofServer = makePod("a", "u1");
  (*ofServer.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  core::Pod ofNobody = makePod("b", "u2");
  ofNobody.mutable_metadata()->clear_annotations();
  node.setPods({}, "file");
  node.setPods({ofServer, ofNobody}, "api");
  ASSERT_EQ(runtime.running().size(), 2u);
  node.stopAgent();
  node.startAgent({"file", "api"});
  node.setPods({makePod("a", "u3")}, "file");
  node.advance(seconds(60));
  EXPECT_EQ(runtime.running().size(), 2u) << "and nothing of that name starts beside it";
  node.setPods({}, "api");
  EXPECT_TRUE(node.advanceUntil(
      [&] { return runtime.running().size() == 1 && runtime.sandboxes().front()->config.metadata().uid() == "u3"; },
      seconds(40)));
}

TEST_F(Sync, REC_2_AStraysTerminationRecordIsKeptUntilEverySourceHasReported) {
  node.startAgent({"file", "api"});
  runtime.program("web").ignoresTerm = true;
  node.setPods({}, "api");
  core::Pod pod = makePod("a", "u1");
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_spec()->set_terminationgraceperiodseconds(60);
  node.setPods({}, "file");
  node.setPods({pod}, "api");
  node.setPods({}, "api");
  node.advance(seconds(40));
  node.stopAgent();
  node.startAgent({"file", "api"});
  node.setPods({}, "file");
  node.settle();
  node.setPods({}, "api");
  node.settle();
  ASSERT_TRUE(runtime.container("web")->stopGrace);
  EXPECT_LE(*runtime.container("web")->stopGrace, Duration(seconds(20)));
}

TEST_F(Sync, REC_2_TerminationGoesOnWithWhatIsLeftOfItsGrace) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->set_terminationgraceperiodseconds(60);
  runtime.program("web").ignoresTerm = true;
  node.setPods({pod});
  node.setPods({});
  node.advance(seconds(40));
  ASSERT_EQ(runtime.running().size(), 1u);
  node.stopAgent();
  node.startAgent();
  node.setPods({});
  node.settle();
  ASSERT_TRUE(runtime.container("web")->stopGrace);
  EXPECT_LE(*runtime.container("web")->stopGrace, Duration(seconds(20)));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(25)));
}

TEST_F(Sync, RST_4_CountGoesOnFromTheLogsWhenTheRuntimeHasForgotten) {
  ASSERT_TRUE(makeDirectories(node.temp / "logs/default_a_u1/web", 0755));
  ASSERT_TRUE(writeFileAtomic(node.temp / "logs/default_a_u1/web/4.log", "", 0644));
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(runtime.running(), Names{"web#5"});
}

// ---- Events of the runtime ----

TEST_F(Sync, REC_10_ExitDuringAnOutageOfTheStreamIsFoundAfterIt) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.setDown(true);
  node.settle();
  runtime.exitContainer("web", 1);
  runtime.setDown(false);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(15)));
}

// Its event was sent before anybody listened, and the list still shows it running.
TEST_F(Sync, ExitJustBeforeTheAgentStartsIsFound) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  runtime.staleAfterExit(milliseconds(160));
  runtime.exitContainer("web", 1);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.status("a").containerstatuses(0).state().has_running(), true) << "as the runtime says";
  node.advance(seconds(1));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
}

TEST_F(Sync, RemovalByAStrangerIsNoticed) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.loop.runToEnd(runtime.removeContainer(runtime.container("web")->id));
  node.settle();
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(15)));
}

TEST_F(Sync, LostEventIsFoundByTheAudit) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.advance(seconds(1));
  runtime.dropEvents(true);
  runtime.exitContainer("web", 1);
  runtime.dropEvents(false);
  node.settle();
  EXPECT_TRUE(runtime.running().empty());
  node.advance(std::chrono::minutes(6));
  EXPECT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(node.observer().auditDifferences(), 1u);
}

TEST_F(Sync, RuntimeWithoutEventsIsListed) {
  runtime.setEventStyle(cri::FakeRuntime::EventStyle::kNone);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.exitContainer("web", 1);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#1"}; }, seconds(5)));
}

TEST_F(Sync, IdleNodeWithoutPodsKeepsNoTimer) {
  node.startAgent();
  node.setPods({});
  EXPECT_EQ(node.clock.pendingTimers(), 0u);
}

TEST_F(Sync, STA_11_AnotherSourceDoesNotTakeANameThatIsInUse) {
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
