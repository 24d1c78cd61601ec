// When a pod's cgroup comes and goes.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::string kCgroup = "/kubepods/besteffort/podu1";

struct SyncCgroups : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  cgroups::FakeTree& tree = node.cgroupTree;

  std::string parentOfSandbox() {
    return runtime.sandboxes().empty() ? "none" : runtime.sandboxes().front()->config.linux().cgroup_parent();
  }
};

core::Pod withCpu(core::Pod pod, const std::string& request) {
  (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())["cpu"].set_string(request);
  return pod;
}

TEST_F(SyncCgroups, RES_7_TheCgroupIsThereBeforeTheSandbox) {
  node.startAgent();
  runtime.hangNext("RunPodSandbox");
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_TRUE(tree.has(kCgroup));
  EXPECT_EQ(tree.content(kCgroup + "/cpu.weight"), "1");
}

TEST_F(SyncCgroups, RES_3_TheSandboxLiesInIt) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(parentOfSandbox(), kCgroup);
}

TEST_F(SyncCgroups, RES_7_WithoutTheCgroupThereIsNoSandbox) {
  tree.setReadOnly(true);
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_TRUE(node.hasEvent("FailedCreatePodContainer", "unable to ensure pod container exists: "));
  EXPECT_EQ(node.waitingReason("a"), "ContainerCreating");
  tree.setReadOnly(false);
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().size() == 1; }, seconds(20)));
}

TEST_F(SyncCgroups, RES_21_RemovedOnceTheRuntimeHasNothingLeft) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  runtime.hangNext("RemovePodSandbox");
  node.setPods({});
  EXPECT_TRUE(tree.has(kCgroup));
  node.advance(minutes(3));
  EXPECT_TRUE(node.gone());
  EXPECT_FALSE(tree.has(kCgroup));
}

TEST_F(SyncCgroups, RES_21_ThePodStaysUntilItsCgroupIsGone) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  tree.addProcess(kCgroup, 4711);
  tree.setSlowDeath(1000);
  node.setPods({});
  node.advance(seconds(1));
  EXPECT_TRUE(node.gone());
  EXPECT_NE(node.sync().find("default/a"), nullptr);
  tree.setSlowDeath(0);
  EXPECT_TRUE(node.advanceUntil([&] { return node.sync().find("default/a") == nullptr; }, minutes(1)));
  EXPECT_FALSE(tree.has(kCgroup));
}

// containerd 1.6 calls a container exited whose start was cut off, and its program may run on all the same.
struct LostContainer : SyncCgroups {
  void lose() {
    runtime.program("web").startError = "context canceled";
    node.startAgent();
    node.setPods({makePod("a", "u1")});
    first = runtime.containers().front()->id;
    tree.put(kCgroup + "/" + first + "/cgroup.procs", "4711\n");
    tree.put(kCgroup + "/" + first + "/cgroup.kill", "");
    tree.addProcess(kCgroup + "/" + first, 4711);
    ASSERT_EQ(runtime.containers().front()->state, cri::v1::CONTAINER_EXITED);
    runtime.isLost = [this](const cri::FakeContainer& c) { return c.id == first && !tree.killed().contains(4711); };
    runtime.program("web").startError.clear();
  }
  std::string first;
};

TEST_F(LostContainer, REC_1_ItsProgramEndsBeforeTheNextInstance) {
  ASSERT_NO_FATAL_FAILURE(lose());
  bool ranTwice = false;
  EXPECT_TRUE(node.advanceUntil(
      [&] {
        const bool runs = !runtime.running().empty();
        ranTwice = ranTwice || (runs && tree.killed().empty());
        return runs;
      },
      seconds(60)));
  EXPECT_FALSE(ranTwice);
}

TEST_F(LostContainer, TRM_12_ItDoesNotHoldThePodsEndUp) {
  ASSERT_NO_FATAL_FAILURE(lose());
  node.setPods({});
  node.advance(seconds(1));
  EXPECT_EQ(tree.killed(), std::set<int>{4711});
  EXPECT_TRUE(node.gone());
}

TEST_F(SyncCgroups, REC_1_ARestartOfTheAgentDisturbsNothing) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.stopAgent();
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_TRUE(tree.has(kCgroup));
}

TEST_F(SyncCgroups, RES_7_APodFromBeforeIsStartedAgainInItsCgroup) {
  node.cgroupOptions.perQos = false;
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(parentOfSandbox(), "");
  node.stopAgent();
  node.cgroupOptions.perQos = true;
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == std::vector<std::string>{"web#1"}; }, minutes(1)));
  EXPECT_EQ(parentOfSandbox(), kCgroup);
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 2u);
}

TEST_F(SyncCgroups, RES_7_APodThatWouldNotComeUpAgainIsLeftAlone) {
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->set_restartpolicy("Never");
  node.cgroupOptions.perQos = false;
  node.startAgent();
  node.setPods({pod});
  node.stopAgent();
  node.cgroupOptions.perQos = true;
  node.startAgent();
  node.setPods({pod});
  node.advance(minutes(1));
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  EXPECT_EQ(runtime.running().size(), 1u);
}

TEST_F(SyncCgroups, REC_3_OrphansWaitForEverySource) {
  ASSERT_TRUE(tree.makeDirectory("/kubepods"));
  ASSERT_TRUE(tree.makeDirectory("/kubepods/podold"));
  ASSERT_TRUE(tree.makeDirectory("/kubepods/besteffort"));
  ASSERT_TRUE(tree.makeDirectory(kCgroup));
  node.startAgent({"file", "http"});
  node.setPods({makePod("a", "u1")}, "file");
  EXPECT_TRUE(tree.has("/kubepods/podold"));
  node.setPods({}, "http");
  EXPECT_FALSE(tree.has("/kubepods/podold"));
  EXPECT_TRUE(tree.has(kCgroup));
  EXPECT_EQ(runtime.running().size(), 1u);
}

TEST_F(SyncCgroups, RES_13_BurstablePodsCountWhileTheyRun) {
  node.startAgent();
  node.setPods({withCpu(makePod("a", "u1"), "1"), withCpu(makePod("b", "u2"), "1")});
  EXPECT_EQ(tree.content("/kubepods/burstable/cpu.weight"), "174");
  node.setPods({withCpu(makePod("a", "u1"), "1")});
  node.advance(seconds(1));
  EXPECT_EQ(tree.content("/kubepods/burstable/cpu.weight"), "100");
}

TEST_F(SyncCgroups, RES_13_AFinishedPodDoesNotCount) {
  core::Pod pod = withCpu(makePod("a", "u1"), "1");
  pod.mutable_spec()->set_restartpolicy("Never");
  node.startAgent();
  node.setPods({pod});
  EXPECT_EQ(tree.content("/kubepods/burstable/cpu.weight"), "100");
  runtime.exitContainer("web", 0);
  node.advance(seconds(1));
  EXPECT_EQ(node.status("a").phase(), "Succeeded");
  EXPECT_EQ(tree.content("/kubepods/burstable/cpu.weight"), "1");
}

}  // namespace
}  // namespace cubelet::sync
