#include "kubelet/resize/steps.h"

#include <gtest/gtest.h>

#include "kubelet/admission/test_pod.h"

namespace cubelet::resize {
namespace {

using Names = std::vector<std::string>;

core::Container& container(core::Pod& pod, const std::string& name, const std::string& cpu, const std::string& memory) {
  core::Container& added = *pod.mutable_spec()->add_containers();
  added.set_name(name);
  for (auto* list : {added.mutable_resources()->mutable_requests(), added.mutable_resources()->mutable_limits()}) {
    (*list)["cpu"].set_string(cpu);
    (*list)["memory"].set_string(memory);
  }
  return added;
}

observe::ObservedPod running(const Names& names) {
  observe::ObservedPod have;
  for (const std::string& name : names) {
    observe::ObservedContainer one;
    one.id = name;
    one.name = name;
    one.state = observe::ContainerState::kRunning;
    have.containers.push_back(one);
  }
  return have;
}

void restartFor(core::Container& container, const std::string& resource) {
  core::ContainerResizePolicy& policy = *container.add_resizepolicy();
  policy.set_resourcename(resource);
  policy.set_restartpolicy("RestartContainer");
}

TEST(ResizeSteps, RSZ_7_ThoseThatGiveSomethingBackComeFirst) {
  core::Pod before;
  container(before, "a", "100m", "64Mi");
  container(before, "b", "100m", "64Mi");
  container(before, "c", "100m", "64Mi");
  core::Pod after;
  container(after, "a", "200m", "128Mi");
  container(after, "b", "50m", "128Mi");
  container(after, "c", "200m", "32Mi");
  const Steps steps = planSteps(after, resourcesOf(before), running({"a", "b", "c"}));
  EXPECT_EQ(steps.memory, (Names{"c", "a", "b"}));
  EXPECT_EQ(steps.cpu, (Names{"b", "a", "c"}));
  EXPECT_TRUE(steps.restart.empty());
}

TEST(ResizeSteps, RSZ_7_WhatDoesNotRunIsLeftAlone) {
  core::Pod before;
  container(before, "a", "100m", "64Mi");
  core::Pod after;
  container(after, "a", "200m", "64Mi");
  EXPECT_TRUE(planSteps(after, resourcesOf(before), observe::ObservedPod()).empty());
  observe::ObservedPod dead = running({"a"});
  dead.containers[0].state = observe::ContainerState::kExited;
  EXPECT_TRUE(planSteps(after, resourcesOf(before), dead).empty());
  EXPECT_TRUE(planSteps(after, resourcesOf(after), running({"a"})).empty());
}

TEST(ResizeSteps, RSZ_6_OneResourceThatWantsARestartIsEnough) {
  core::Pod before;
  container(before, "a", "100m", "64Mi");
  container(before, "b", "100m", "64Mi");
  core::Pod after;
  restartFor(container(after, "a", "200m", "128Mi"), "memory");
  restartFor(container(after, "b", "200m", "64Mi"), "memory");
  const Steps steps = planSteps(after, resourcesOf(before), running({"a", "b"}));
  EXPECT_EQ(steps.restart, (Names{"a"}));
  EXPECT_TRUE(steps.memory.empty());
  EXPECT_EQ(steps.cpu, (Names{"b"}));
}

TEST(ResizeSteps, RSZ_7_ThePodsCgroupGrowsFirst) {
  cgroups::Values small;
  small.cpuShares = 102;
  small.cpuQuota = 10'000;
  small.memoryMax = 64;
  cgroups::Values large = small;
  large.cpuQuota = 20'000;
  large.memoryMax = 32;
  const cgroups::Values first = larger(small, large);
  EXPECT_EQ(first.cpuShares, 102);
  EXPECT_EQ(first.cpuQuota, 20'000);
  EXPECT_EQ(first.memoryMax, 64);
  large.cpuQuota.reset();
  EXPECT_EQ(larger(small, large).cpuQuota, -1);
  EXPECT_EQ(withoutOldLimits(large).cpuQuota, -1);
  EXPECT_EQ(withoutOldLimits(large).memoryMax, 32);
}

}  // namespace
}  // namespace cubelet::resize
