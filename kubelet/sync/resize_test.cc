// In-place resize of pods of the API server.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMebi = std::uint64_t{1} << 20U;

void setResources(core::Container& container, const std::string& cpu, const std::string& memory) {
  for (auto* list :
       {container.mutable_resources()->mutable_requests(), container.mutable_resources()->mutable_limits()}) {
    (*list)["cpu"].set_string(cpu);
    (*list)["memory"].set_string(memory);
  }
}

// Guaranteed, one container.
core::Pod makeApiPod(const std::string& name, const std::string& cpu, const std::string& memory,
                     std::int64_t generation = 1) {
  core::Pod pod = makePod(name, "uid-" + name);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  pod.mutable_metadata()->set_generation(generation);
  setResources(*pod.mutable_spec()->mutable_containers(0), cpu, memory);
  return pod;
}

void restartFor(core::Pod& pod, const std::string& resource) {
  core::ContainerResizePolicy& policy = *pod.mutable_spec()->mutable_containers(0)->add_resizepolicy();
  policy.set_resourcename(resource);
  policy.set_restartpolicy("RestartContainer");
}

struct Resize : testing::Test {
  Resize() {
    view.name = "n1";
    view.allocatable = {{"cpu", 1000}, {"memory", std::int64_t{4} << 30}, {"pods", 10}};
    node.admissionNode = &view;
  }
  void startAgent() {
    node.startAgent({"file", "api"});
    node.setPods({}, "file");
  }
  void restartAgent() {
    node.stopAgent();
    startAgent();
  }
  void apiPods(std::vector<core::Pod> pods) { node.setPods(std::move(pods), "api"); }
  const core::PodCondition* condition(const std::string& pod, const std::string& type) {
    for (const core::PodCondition& one : node.status(pod).conditions())
      if (one.type() == type) return &one;
    return nullptr;
  }
  const core::ContainerStatus& container(const std::string& pod) { return node.status(pod).containerstatuses(0); }
  std::string cgroupFile(const std::string& pod, const std::string& file) {
    return node.cgroupTree.content("/kubepods/pod" + std::string("uid-") + pod + "/" + file);
  }
  std::size_t updates() { return node.countCalls("UpdateContainerResources"); }
  cri::v1::LinuxContainerResources applied() { return node.runtime.container("web")->resources; }

  TestNode node;
  admission::NodeView view;
};

TEST_F(Resize, RSZ_1_RSZ_4_RSZ_5_RunningContainerGetsWhatItsObjectAsksFor) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  ASSERT_EQ(node.runtime.running().size(), 1u);
  EXPECT_EQ(cgroupFile("a", "memory.max"), std::to_string(64 * kMebi));

  apiPods({makeApiPod("a", "200m", "128Mi", 2)});
  EXPECT_EQ(updates(), 2u) << "RSZ-7: memory, then cpu";
  EXPECT_EQ(applied().cpu_shares(), 204);
  EXPECT_EQ(applied().cpu_quota(), 20'000);
  EXPECT_EQ(applied().memory_limit_in_bytes(), 128 * kMebi);
  EXPECT_EQ(cgroupFile("a", "memory.max"), std::to_string(128 * kMebi));
  EXPECT_EQ(cgroupFile("a", "cpu.max"), "20000 100000");
  EXPECT_EQ(container("a").allocatedresources().at("cpu").string(), "200m") << "RSZ-8";
  EXPECT_EQ(container("a").resources().limits().at("memory").string(), "128Mi");
  EXPECT_EQ(container("a").restartcount(), 0);
  EXPECT_EQ(condition("a", "PodResizePending"), nullptr);
  EXPECT_EQ(condition("a", "PodResizeInProgress"), nullptr);
  EXPECT_TRUE(node.hasEvent("ResizeStarted", "Pod resize started: {\"containers\":[{\"name\":\"web\""));
  EXPECT_TRUE(node.hasEvent("ResizeCompleted", "\"generation\":2}"));
}

TEST_F(Resize, RSZ_2_DeferredUntilThereIsRoom) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi"), makeApiPod("b", "500m", "64Mi")});
  apiPods({makeApiPod("a", "800m", "64Mi", 2), makeApiPod("b", "500m", "64Mi")});
  EXPECT_EQ(updates(), 0u);
  const core::PodCondition* pending = condition("a", "PodResizePending");
  ASSERT_NE(pending, nullptr);
  EXPECT_EQ(pending->status(), "True");
  EXPECT_EQ(pending->reason(), "Deferred");
  EXPECT_EQ(pending->message(), "Node didn't have enough resource: cpu, requested: 800, used: 500, capacity: 1000");
  EXPECT_EQ(pending->observedgeneration(), 2);
  EXPECT_EQ(container("a").allocatedresources().at("cpu").string(), "100m");
  EXPECT_EQ(node.sync().find("default/a")->view().spec().containers(0).resources().requests().at("cpu").string(),
            "800m")
      << "the object is shown as it is";
  EXPECT_TRUE(node.hasEvent("ResizeDeferred", "Pod resize Deferred: {"));

  apiPods({makeApiPod("a", "800m", "64Mi", 2)});
  ASSERT_TRUE(node.advanceUntil([&] { return updates() == 1; }, seconds(5))) << "RSZ-3: when a pod has gone";
  EXPECT_EQ(condition("a", "PodResizePending"), nullptr);
}

TEST_F(Resize, RSZ_2_InfeasibleIsRefusedForGood) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  apiPods({makeApiPod("a", "2", "64Mi", 2)});
  ASSERT_NE(condition("a", "PodResizePending"), nullptr);
  EXPECT_EQ(condition("a", "PodResizePending")->reason(), "Infeasible");
  EXPECT_TRUE(node.hasEvent("ResizeInfeasible", "capacity: 1000"));
  EXPECT_EQ(updates(), 0u);
  view.allocatable["cpu"] = 4000;
  node.advance(minutes(10));
  EXPECT_EQ(updates(), 0u);
  // Taken back.
  apiPods({makeApiPod("a", "100m", "64Mi", 3)});
  EXPECT_EQ(condition("a", "PodResizePending"), nullptr);
}

TEST_F(Resize, RSZ_3_TriedAgainAfterHalfAMinuteAndEveryThree) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi"), makeApiPod("b", "500m", "64Mi")});
  apiPods({makeApiPod("a", "800m", "64Mi", 2), makeApiPod("b", "500m", "64Mi")});
  node.advance(seconds(29));
  view.allocatable["cpu"] = 2000;
  EXPECT_EQ(updates(), 0u);
  node.advance(seconds(1));
  EXPECT_EQ(updates(), 1u);
  view.allocatable["cpu"] = 1000;
  apiPods({makeApiPod("a", "900m", "64Mi", 3), makeApiPod("b", "500m", "64Mi")});
  node.advance(seconds(30));
  view.allocatable["cpu"] = 2000;
  node.advance(seconds(179));
  EXPECT_EQ(updates(), 1u);
  node.advance(seconds(1));
  EXPECT_EQ(updates(), 2u);
}

TEST_F(Resize, RSZ_3_OneThatShrinksMakesRoomForOneThatGrows) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi"), makeApiPod("b", "900m", "64Mi")});
  apiPods({makeApiPod("a", "500m", "64Mi", 2), makeApiPod("b", "900m", "64Mi")});
  EXPECT_NE(condition("a", "PodResizePending"), nullptr);
  apiPods({makeApiPod("a", "500m", "64Mi", 2), makeApiPod("b", "400m", "64Mi", 2)});
  EXPECT_EQ(updates(), 2u);
  EXPECT_EQ(condition("a", "PodResizePending"), nullptr);
}

TEST_F(Resize, RSZ_1_OthersAreAdmittedByWhatIsAllocated) {
  startAgent();
  apiPods({makeApiPod("a", "800m", "64Mi")});
  apiPods({makeApiPod("a", "900m", "64Mi", 2)});
  ASSERT_EQ(updates(), 1u);
  apiPods({makeApiPod("a", "900m", "64Mi", 2), makeApiPod("b", "200m", "64Mi")});
  EXPECT_EQ(node.status("b").reason(), "OutOfcpu");
  // What is only asked for does not count.
  apiPods({makeApiPod("a", "2", "64Mi", 3), makeApiPod("b", "200m", "64Mi"), makeApiPod("c", "100m", "64Mi")});
  EXPECT_EQ(node.status("c").phase(), "Running");
}

TEST_F(Resize, RSZ_4_RSZ_8_FailureIsToldAndTriedAgain) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  node.runtime.failNext("UpdateContainerResources", Error(Code::kInternal, "", "no such thing"));
  apiPods({makeApiPod("a", "200m", "64Mi", 2)});
  const core::PodCondition* progress = condition("a", "PodResizeInProgress");
  ASSERT_NE(progress, nullptr);
  EXPECT_EQ(progress->reason(), "Error");
  EXPECT_NE(progress->message().find("no such thing"), std::string::npos);
  EXPECT_EQ(container("a").resources().limits().at("cpu").string(), "100m") << "RSZ-8: what it really has";
  EXPECT_EQ(container("a").allocatedresources().at("cpu").string(), "200m");
  EXPECT_TRUE(node.hasEvent("ResizeError", "Pod resize error: {"));
  ASSERT_TRUE(node.advanceUntil([&] { return condition("a", "PodResizeInProgress") == nullptr; }, seconds(15)));
  EXPECT_EQ(applied().cpu_quota(), 20'000);
  EXPECT_EQ(container("a").resources().limits().at("cpu").string(), "200m");
}

TEST_F(Resize, RSZ_4_NoMemoryIsTakenThatIsInUse) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  node.runtime.container("web")->memoryBytes = 50 * kMebi;
  apiPods({makeApiPod("a", "100m", "32Mi", 2)});
  EXPECT_EQ(updates(), 0u);
  ASSERT_NE(condition("a", "PodResizeInProgress"), nullptr);
  EXPECT_EQ(condition("a", "PodResizeInProgress")->message(),
            "attempting to set container \"web\" memory limit (33554432) below current usage (52428800)");
  node.runtime.container("web")->memoryBytes = 20 * kMebi;
  ASSERT_TRUE(node.advanceUntil([&] { return condition("a", "PodResizeInProgress") == nullptr; }, seconds(15)));
  EXPECT_EQ(cgroupFile("a", "memory.max"), std::to_string(32 * kMebi));
}

TEST_F(Resize, RSZ_4_NorAnyThatThePodUsesOutsideOfItsContainers) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  node.cgroupTree.setContent("/kubepods/poduid-a/memory.current", "50000000\n");
  node.cgroupTree.setContent("/kubepods/poduid-a/memory.stat", "inactive_file 1000000\n");
  apiPods({makeApiPod("a", "100m", "32Mi", 2)});
  EXPECT_EQ(updates(), 0u);
  ASSERT_NE(condition("a", "PodResizeInProgress"), nullptr);
  EXPECT_EQ(condition("a", "PodResizeInProgress")->message(),
            "attempting to set pod memory limit (33554432) below current usage (49000000)");
}

TEST_F(Resize, RSZ_7_ThePodsCgroupGrowsBeforeItsContainers) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  node.runtime.failNext("UpdateContainerResources", Error(Code::kInternal, "", "no such thing"));
  apiPods({makeApiPod("a", "200m", "64Mi", 2)});
  EXPECT_EQ(cgroupFile("a", "cpu.max"), "20000 100000");
  ASSERT_TRUE(node.advanceUntil([&] { return condition("a", "PodResizeInProgress") == nullptr; }, seconds(15)));
  node.runtime.failNext("UpdateContainerResources", Error(Code::kInternal, "", "no such thing"));
  apiPods({makeApiPod("a", "100m", "64Mi", 3)});
  EXPECT_EQ(cgroupFile("a", "cpu.max"), "20000 100000") << "and shrinks after them";
  ASSERT_TRUE(node.advanceUntil([&] { return condition("a", "PodResizeInProgress") == nullptr; }, seconds(15)));
  EXPECT_EQ(cgroupFile("a", "cpu.max"), "10000 100000");
}

TEST_F(Resize, RSZ_7_TheSandboxIsToldAtTheEndBestEffort) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  EXPECT_EQ(node.countCalls("UpdatePodSandboxResources"), 0u);
  apiPods({makeApiPod("a", "200m", "128Mi", 2)});
  ASSERT_EQ(node.countCalls("UpdatePodSandboxResources"), 1u);
  EXPECT_EQ(node.runtime.actions().back(), "UpdatePodSandboxResources(a)");
  EXPECT_EQ(node.runtime.sandbox("a")->config.linux().resources().memory_limit_in_bytes(), 128 * kMebi);
  EXPECT_EQ(node.runtime.sandbox("a")->config.linux().resources().cpu_quota(), 20'000);
  for (const Code code : {Code::kUnimplemented, Code::kInternal}) {
    node.runtime.failNext("UpdatePodSandboxResources", Error(code, "", "not implemented yet"));
    const bool first = code == Code::kUnimplemented;
    apiPods({makeApiPod("a", first ? "300m" : "400m", "128Mi", first ? 3 : 4)});
    EXPECT_EQ(condition("a", "PodResizeInProgress"), nullptr);
    EXPECT_TRUE(node.hasEvent("ResizeCompleted", first ? "\"generation\":3}" : "\"generation\":4}"));
  }
}

TEST_F(Resize, RSZ_6_RestartContainerGivesANewInstanceWhatWasGranted) {
  core::Pod before = makeApiPod("a", "100m", "64Mi");
  restartFor(before, "memory");
  core::Pod after = makeApiPod("a", "100m", "128Mi", 2);
  restartFor(after, "memory");
  startAgent();
  apiPods({before});
  apiPods({after});
  ASSERT_TRUE(node.advanceUntil([&] { return container("a").restartcount() == 1; }, seconds(5)));
  EXPECT_EQ(updates(), 0u);
  EXPECT_TRUE(node.hasEvent("Killing", "Container web resize requires restart"));
  ASSERT_EQ(node.runtime.running().size(), 1u);
  EXPECT_EQ(container("a").resources().limits().at("memory").string(), "128Mi");
  EXPECT_EQ(condition("a", "PodResizeInProgress"), nullptr);
  EXPECT_TRUE(node.hasEvent("ResizeCompleted"));
}

TEST_F(Resize, REC_6_ADeferredResizeIsNotTakenForGrantedByANewAgent) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi"), makeApiPod("b", "500m", "64Mi")});
  const std::vector<core::Pod> pods = {makeApiPod("a", "800m", "64Mi", 2), makeApiPod("b", "500m", "64Mi")};
  apiPods(pods);
  restartAgent();
  apiPods(pods);
  EXPECT_EQ(node.runtime.running().size(), 2u);
  EXPECT_EQ(container("a").allocatedresources().at("cpu").string(), "100m");
  ASSERT_NE(condition("a", "PodResizePending"), nullptr);
  EXPECT_EQ(condition("a", "PodResizePending")->reason(), "Deferred");
  EXPECT_EQ(updates(), 0u);
}

TEST_F(Resize, REC_6_WhatWasAskedForWhileTheAgentWasAwayIsDecidedAndCarriedOut) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  restartAgent();
  apiPods({makeApiPod("a", "200m", "64Mi", 2)});
  EXPECT_EQ(updates(), 1u);
  EXPECT_EQ(applied().cpu_quota(), 20'000);
  EXPECT_TRUE(node.hasEvent("ResizeCompleted"));
}

TEST_F(Resize, REC_6_AGrantedResizeIsFinishedByANewAgent) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  node.runtime.failNext("UpdateContainerResources", Error(Code::kInternal, "", "no such thing"));
  apiPods({makeApiPod("a", "200m", "64Mi", 2)});
  ASSERT_NE(condition("a", "PodResizeInProgress"), nullptr);
  // Meanwhile the node has become smaller: what was granted stays granted.
  restartAgent();
  apiPods({makeApiPod("a", "200m", "64Mi", 2)});
  EXPECT_EQ(applied().cpu_quota(), 20'000);
  EXPECT_EQ(condition("a", "PodResizeInProgress"), nullptr);
}

TEST_F(Resize, RSZ_9_ClassStaysAndStaticAndBestEffortPodsAreLeftAlone) {
  startAgent();
  apiPods({makeApiPod("a", "100m", "64Mi")});
  core::Pod burstable = makeApiPod("a", "100m", "64Mi", 2);
  (*burstable.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_limits())["cpu"].set_string("200m");
  apiPods({burstable});
  ASSERT_NE(condition("a", "PodResizePending"), nullptr);
  EXPECT_EQ(condition("a", "PodResizePending")->reason(), "Infeasible");
  EXPECT_EQ(node.status("a").qosclass(), "Guaranteed");
  EXPECT_EQ(updates(), 0u);
}

TEST_F(Resize, RSZ_9_WhatHasEndedIsNotResized) {
  startAgent();
  core::Pod pod = makeApiPod("a", "100m", "64Mi");
  pod.mutable_spec()->set_restartpolicy("Never");
  apiPods({pod});
  node.runtime.exitContainer("web", 0);
  node.settle();
  ASSERT_EQ(node.status("a").phase(), "Succeeded");
  pod = makeApiPod("a", "200m", "64Mi", 2);
  pod.mutable_spec()->set_restartpolicy("Never");
  apiPods({pod});
  EXPECT_FALSE(node.hasEvent("ResizeStarted"));
  EXPECT_EQ(condition("a", "PodResizePending"), nullptr);
}

}  // namespace
}  // namespace cubelet::sync
