// Pods that are evicted, and those that come while the node is under pressure.
#include <gtest/gtest.h>

#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

using std::chrono::seconds;

constexpr char kMessage[] = "The node was low on resource: memory. ";

core::Pod apiPod(const std::string& name) {
  core::Pod pod = makePod(name, "uid-" + name);
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "api";
  return pod;
}

struct Eviction : testing::Test {
  Eviction() {
    view.name = "n1";
    node.admissionNode = &view;
  }
  void start() { node.startAgent({"file", "api"}); }
  void apiPods(std::vector<core::Pod> pods) { node.setPods(std::move(pods), "api"); }
  void evict(const std::string& name, bool disruption = true, seconds grace = seconds(1)) {
    node.sync().evict("uid-" + name, {.reason = "Evicted", .message = kMessage, .disruption = disruption}, grace,
                      {{"starved_resource", "memory"}});
    node.settle();
  }
  std::vector<std::string> active() {
    std::vector<std::string> names;
    for (const core::Pod& pod : node.sync().activePods()) names.push_back(pod.metadata().name());
    return names;
  }
  const core::PodCondition* condition(const std::string& pod, const std::string& type) {
    for (const core::PodCondition& one : node.status(pod).conditions())
      if (one.type() == type) return &one;
    return nullptr;
  }

  admission::NodeView view;
  TestNode node;
};

using Names = std::vector<std::string>;

TEST_F(Eviction, EVI_8_AnEvictedPodIsFailedForGood) {
  start();
  node.setPods({}, "file");
  apiPods({apiPod("a"), apiPod("b")});
  EXPECT_EQ(active(), (Names{"a", "b"}));
  evict("a");
  EXPECT_EQ(active(), Names{"b"});
  ASSERT_TRUE(node.advanceUntil([&] { return node.status("a").phase() == "Failed"; }, seconds(5)));
  EXPECT_EQ(node.status("a").reason(), "Evicted");
  EXPECT_EQ(node.status("a").message(), kMessage);
  ASSERT_NE(condition("a", "DisruptionTarget"), nullptr);
  EXPECT_EQ(condition("a", "DisruptionTarget")->reason(), "TerminationByKubelet");
  EXPECT_EQ(condition("a", "DisruptionTarget")->message(), kMessage);
  EXPECT_TRUE(node.hasEvent("Evicted", kMessage));
  EXPECT_FALSE(node.sync().isEnding("uid-a"));
  node.advance(seconds(120));
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.status("b").phase(), "Running");
  EXPECT_EQ(node.countCalls("StartContainer"), 2U);
}

TEST_F(Eviction, EVI_7_ItHasNoMoreTimeThanTheEvictionLeaves) {
  start();
  node.setPods({}, "file");
  node.runtime.program("web").ignoresTerm = true;
  apiPods({apiPod("a")});
  evict("a");
  EXPECT_TRUE(node.sync().isEnding("uid-a"));
  ASSERT_TRUE(node.runtime.container("web")->stopGrace);
  EXPECT_LE(*node.runtime.container("web")->stopGrace, seconds(2));
  ASSERT_TRUE(node.advanceUntil([&] { return node.status("a").phase() == "Failed"; }, seconds(5)));
}

TEST_F(Eviction, EVI_7_NorMoreThanThePodAsksFor) {
  start();
  node.setPods({}, "file");
  core::Pod pod = apiPod("a");
  pod.mutable_spec()->set_terminationgraceperiodseconds(5);
  apiPods({pod});
  evict("a", true, seconds(60));
  ASSERT_TRUE(node.runtime.container("web")->stopGrace);
  EXPECT_LE(*node.runtime.container("web")->stopGrace, seconds(5));
}

TEST_F(Eviction, EVI_9_LimitsOfStorageAreNoDisruption) {
  start();
  node.setPods({}, "file");
  apiPods({apiPod("a")});
  evict("a", false);
  ASSERT_TRUE(node.advanceUntil([&] { return node.status("a").phase() == "Failed"; }, seconds(5)));
  EXPECT_EQ(condition("a", "DisruptionTarget"), nullptr);
}

TEST_F(Eviction, EVI_8_StaysEvictedAfterARestartOfTheAgent) {
  start();
  node.setPods({}, "file");
  apiPods({apiPod("a")});
  evict("a");
  ASSERT_TRUE(node.advanceUntil([&] { return node.status("a").phase() == "Failed"; }, seconds(5)));
  core::Pod stored = apiPod("a");
  *stored.mutable_status() = node.status("a");
  const std::size_t starts = node.countCalls("StartContainer");
  node.stopAgent();
  start();
  node.setPods({}, "file");
  apiPods({stored});
  node.advance(seconds(60));
  EXPECT_EQ(node.countCalls("StartContainer"), starts);
  EXPECT_EQ(node.status("a").reason(), "Evicted");
  EXPECT_TRUE(active().empty());
}

TEST_F(Eviction, APodThatIsGoneCannotBeEvicted) {
  start();
  node.setPods({}, "file");
  evict("a");
  EXPECT_FALSE(node.hasEvent("Evicted"));
  EXPECT_FALSE(node.sync().isEnding("uid-a"));
}

TEST_F(Eviction, EVI_10_NewPodsAreRefusedUnderPressure) {
  start();
  view.pressures = {"DiskPressure"};
  node.setPods({makePod("static", "uid-static")}, "file");
  apiPods({apiPod("a")});
  EXPECT_EQ(node.status("a").phase(), "Failed");
  EXPECT_EQ(node.status("a").reason(), "Evicted");
  EXPECT_EQ(node.status("a").message(), "Pod was rejected: The node had condition: [DiskPressure]. ");
  EXPECT_EQ(node.status("static").phase(), "Running");
}

TEST_F(Eviction, EVI_10_WhatRunsAlreadyIsNoNewcomer) {
  start();
  node.setPods({}, "file");
  apiPods({apiPod("a")});
  node.stopAgent();
  view.pressures = {"DiskPressure"};
  start();
  node.setPods({}, "file");
  apiPods({apiPod("a")});
  EXPECT_EQ(node.status("a").phase(), "Running");
}

TEST_F(Eviction, EVI_5_DeadContainersThatHaveASuccessorGo) {
  start();
  node.setPods({}, "file");
  apiPods({apiPod("a")});
  EXPECT_FALSE(node.sync().removeAllDead());
  node.runtime.exitContainer("web", 1);
  ASSERT_TRUE(node.advanceUntil([&] { return node.runtime.containers().size() == 2; }, seconds(30)));
  EXPECT_TRUE(node.sync().removeAllDead());
  node.settle();
  EXPECT_EQ(node.runtime.containers().size(), 1U);
}

}  // namespace
}  // namespace cubelet::sync
