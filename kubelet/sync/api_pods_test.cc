// Pods of the API server: their objects stay while they end, and what ended never starts again.
#include <gtest/gtest.h>

#include "kubelet/status/pod_status.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

core::Pod makeApiPod(const std::string& name, const std::string& uid) {
  core::Pod pod = makePod(name, uid);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_spec()->set_terminationgraceperiodseconds(30);
  return pod;
}

core::Pod deleted(core::Pod pod, std::int64_t grace) {
  pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(1);  // of a server whose clock is far behind
  pod.mutable_metadata()->set_deletiongraceperiodseconds(grace);
  return pod;
}

struct ApiPods : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;

  void startAgent() { node.startAgent({"file", "api"}); }
  void apiPods(std::vector<core::Pod> pods) {
    if (!fileReported_) node.setPods({}, "file");
    fileReported_ = true;
    node.setPods(std::move(pods), "api");
  }
  void restartAgent() {
    node.stopAgent();
    fileReported_ = false;
    startAgent();
  }
  // The first container's status as it was told last.
  core::ContainerStatus lastContainer() { return node.told().back().status().containerstatuses(0); }

 private:
  bool fileReported_ = false;
};

TEST_F(ApiPods, TRM_8_DeletedPodIsTakenDownThenToldToBeOver) {
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  ASSERT_EQ(runtime.running().size(), 1u);
  apiPods({deleted(makeApiPod("a", "u1"), 30)});
  ASSERT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(5)));
  EXPECT_TRUE(node.gone());
  const core::Pod& last = node.told().back();
  EXPECT_EQ(last.metadata().uid(), "u1");
  EXPECT_EQ(last.status().phase(), "Failed") << "PLC-6: it was ended by a signal";
  EXPECT_TRUE(lastContainer().state().has_terminated());
}

TEST_F(ApiPods, WhatHasEndedNeverStartsAgainWhileItsObjectRemains) {
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  apiPods({deleted(makeApiPod("a", "u1"), 30)});
  ASSERT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(5)));
  apiPods({deleted(makeApiPod("a", "u1"), 30)});
  apiPods({deleted(makeApiPod("a", "u1"), 30), makeApiPod("b", "u2")});
  node.advance(seconds(60));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 2u) << "one for each pod";
  EXPECT_EQ(node.sync().podCount(), 1u);
}

TEST_F(ApiPods, SRC_10_ANewPodOfTheNameStartsOnceTheOldObjectIsGone) {
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  apiPods({deleted(makeApiPod("a", "u1"), 30)});
  ASSERT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(5)));
  apiPods({makeApiPod("a", "u2")});
  ASSERT_EQ(runtime.sandboxes().size(), 1u);
  EXPECT_EQ(runtime.sandboxes().front()->config.metadata().uid(), "u2");
}

TEST_F(ApiPods, TRM_1_GraceIsTheDeletionsAndMayShrink) {
  runtime.program("web").ignoresTerm = true;
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  apiPods({deleted(makeApiPod("a", "u1"), 50)});
  node.advance(seconds(10));
  EXPECT_EQ(runtime.container("web")->stopGrace, Duration(seconds(50)));
  EXPECT_EQ(runtime.running().size(), 1u);
  apiPods({deleted(makeApiPod("a", "u1"), 3)});
  EXPECT_EQ(runtime.container("web")->stopGrace, Duration(seconds(3)));
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(5)));
}

TEST_F(ApiPods, TRM_1_GraceNeverGrows) {
  runtime.program("web").ignoresTerm = true;
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  apiPods({deleted(makeApiPod("a", "u1"), 5)});
  apiPods({deleted(makeApiPod("a", "u1"), 50)});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(7)));
}

TEST_F(ApiPods, SRC_9_AnObjectThatVanishesEndsItsPod) {
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  apiPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone() && node.sync().podCount() == 0; }, seconds(5)));
}

TEST_F(ApiPods, PLC_7_TRM_10_APodThatIsOverByTheApiIsNotRunAgain) {
  core::Pod pod = makeApiPod("a", "u1");
  pod.mutable_status()->set_phase("Failed");
  startAgent();
  apiPods({pod});
  node.advance(seconds(30));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_EQ(node.status("a").phase(), "Failed");
  apiPods({deleted(pod, 30)});
  EXPECT_TRUE(node.advanceUntil([&] { return node.sync().podCount() == 0; }, seconds(5))) << "TRM-10";
}

TEST_F(ApiPods, PLC_7_WhatStillRunsOfAPodThatIsOverIsStopped) {
  core::Pod pod = makeApiPod("a", "u1");
  startAgent();
  apiPods({pod});
  ASSERT_EQ(runtime.running().size(), 1u);
  pod.mutable_status()->set_phase("Failed");
  restartAgent();
  apiPods({pod});
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running().empty(); }, seconds(5)));
  node.advance(seconds(30));
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
}

TEST_F(ApiPods, PLC_7_AFinishedPodStaysFinishedWhenItsContainersAreRemoved) {
  core::Pod pod = makeApiPod("a", "u1");
  pod.mutable_spec()->set_restartpolicy("Never");
  startAgent();
  apiPods({pod});
  runtime.exitContainer("web", 0);
  node.settle();
  ASSERT_EQ(node.status("a").phase(), "Succeeded");
  node.loop.runToEnd(runtime.removeContainer(runtime.container("web")->id));
  node.advance(seconds(60));
  EXPECT_EQ(node.countCalls("StartContainer"), 1u);
  EXPECT_EQ(node.status("a").phase(), "Succeeded");
}

// A status that is computed before the runtime has answered would turn a running pod into a waiting one.
TEST_F(ApiPods, NoStatusIsToldBeforeTheRuntimeIsKnown) {
  core::Pod pod = makeApiPod("a", "u1");
  startAgent();
  apiPods({pod});
  *pod.mutable_status() = node.status("a");
  ASSERT_EQ(pod.status().phase(), "Running");
  node.stopAgent();
  runtime.setDown(true);
  node.startAgent({"api"});
  node.setPods({pod}, "api");
  EXPECT_TRUE(node.told().empty());
  EXPECT_EQ(node.status("a").phase(), "Running");
  runtime.setDown(false);
  ASSERT_TRUE(node.advanceUntil([&] { return !node.told().empty(); }, seconds(5)));
  for (const core::Pod& told : node.told()) EXPECT_EQ(told.status().phase(), "Running");
}

TEST_F(ApiPods, REC_1_TheStatusOfTheApiGoesOnAfterARestart) {
  core::Pod pod = makeApiPod("a", "u1");
  startAgent();
  apiPods({pod});
  *pod.mutable_status() = node.status("a");
  node.advance(seconds(100));
  restartAgent();
  apiPods({pod});
  ASSERT_FALSE(node.told().empty());
  EXPECT_EQ(node.told().back().status().SerializeAsString(), pod.status().SerializeAsString());
}

TEST_F(ApiPods, REC_2_ADeletionGoesOnAfterARestart) {
  runtime.program("web").ignoresTerm = true;
  startAgent();
  apiPods({makeApiPod("a", "u1")});
  apiPods({deleted(makeApiPod("a", "u1"), 60)});
  node.advance(seconds(40));
  ASSERT_EQ(runtime.running().size(), 1u);
  restartAgent();
  apiPods({deleted(makeApiPod("a", "u1"), 60)});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(25)));
  node.advance(seconds(60));
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 1u);
  EXPECT_TRUE(status::isTerminalPhase(node.told().back().status().phase()));
}

TEST_F(ApiPods, REC_2_ADeletionThatWasCutOffAfterTheLastContainerIsToldAgain) {
  core::Pod pod = deleted(makeApiPod("a", "u1"), 30);
  pod.mutable_status()->set_phase("Running");
  startAgent();
  apiPods({pod});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  ASSERT_FALSE(node.told().empty());
  EXPECT_EQ(node.told().back().status().phase(), "Failed");
  EXPECT_EQ(node.sync().podCount(), 0u);
}

TEST_F(ApiPods, APodThatWasNotChangedIsLeftAlone) {
  startAgent();
  auto pod = std::make_shared<const core::Pod>(makeApiPod("a", "u1"));
  node.setPods({}, "file");
  node.sync().setPods("api", std::vector<SyncLoop::PodPtr>{pod});
  node.settle();
  const std::size_t told = node.told().size();
  const std::size_t calls = runtime.calls().size();
  node.sync().setPods("api", std::vector<SyncLoop::PodPtr>{pod});
  node.settle();
  EXPECT_EQ(node.told().size(), told);
  EXPECT_EQ(runtime.calls().size(), calls);
}

}  // namespace
}  // namespace cubelet::sync
