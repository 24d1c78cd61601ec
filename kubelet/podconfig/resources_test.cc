#include "kubelet/podconfig/resources.h"

#include <string>

#include "kubelet/podconfig/config_test.h"

namespace cubelet::podconfig {
namespace {

TEST_F(PodConfig, RES_17_OomScores) {
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), 1000);
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  (*resources->mutable_requests())["memory"].set_string("512Mi");
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), 500);
  for (const char* resource : {"cpu", "memory"}) {
    (*resources->mutable_requests())[resource].set_string("1");
    (*resources->mutable_limits())[resource].set_string("1");
  }
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), -997);
}

TEST_F(PodConfig, RES_17_ASidecarIsNotKilledBeforeTheContainers) {
  auto request = [](core::Container* one, const char* amount) {
    (*one->mutable_resources()->mutable_requests())["memory"].set_string(amount);
  };
  request(pod.mutable_spec()->mutable_containers(0), "256Mi");
  core::Container* sidecar = pod.mutable_spec()->add_initcontainers();
  sidecar->set_name("proxy");
  sidecar->set_restartpolicy("Always");
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 750);
  request(sidecar, "512Mi");
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 500);
  request(pod.mutable_spec()->add_containers(), "128Mi");
  request(sidecar, "1Mi");
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 875);
  sidecar->clear_restartpolicy();
  EXPECT_EQ(oomScoreAdj(pod, *sidecar, node.memoryBytes), 999);
}

TEST_F(PodConfig, RES_17_WhatOnlyThePodAsksForIsShared) {
  *pod.mutable_spec()->add_containers() = container;
  (*pod.mutable_spec()->mutable_resources()->mutable_requests())["memory"].set_string("512Mi");
  (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())["memory"].set_string("256Mi");
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(0), node.memoryBytes), 625);
  EXPECT_EQ(oomScoreAdj(pod, pod.spec().containers(1), node.memoryBytes), 875);
}

TEST_F(PodConfig, RES_11_ThePodsLimitHoldsForAContainerWithoutOne) {
  auto* limits = pod.mutable_spec()->mutable_resources()->mutable_limits();
  (*limits)["cpu"].set_string("2");
  (*limits)["memory"].set_string("4Mi");
  auto resources = containerResources(pod, container, node);
  EXPECT_EQ(resources.cpu_quota(), 200'000);
  EXPECT_EQ(resources.memory_limit_in_bytes(), 4 << 20);
  (*container.mutable_resources()->mutable_limits())["memory"].set_string("1Mi");
  EXPECT_EQ(containerResources(pod, container, node).memory_limit_in_bytes(), 1 << 20);
}

TEST_F(PodConfig, RES_14_HugePagesOfEachSizeTheKernelHas) {
  node.hugePageSizes = {2 << 20, 1 << 30};
  (*container.mutable_resources()->mutable_limits())["hugepages-2Mi"].set_string("4Mi");
  const auto resources = containerResources(pod, container, node);
  ASSERT_EQ(resources.hugepage_limits_size(), 2);
  EXPECT_EQ(resources.hugepage_limits(0).page_size(), "2MB");
  EXPECT_EQ(resources.hugepage_limits(0).limit(), 4u << 20);
  EXPECT_EQ(resources.hugepage_limits(1).page_size(), "1GB");
  EXPECT_EQ(resources.hugepage_limits(1).limit(), 0u);
}

TEST_F(PodConfig, RES_18_TheWholeContainerDiesOfOom) {
  EXPECT_EQ(containerResources(pod, container, node).unified().count("memory.oom.group"), 0u);
  node.cgroupV2 = true;
  EXPECT_EQ(containerResources(pod, container, node).unified().at("memory.oom.group"), "1");
  node.singleProcessOomKill = true;
  EXPECT_EQ(containerResources(pod, container, node).unified().count("memory.oom.group"), 0u);
}

TEST_F(PodConfig, RES_20_NoSwapUnlessTheNodeAllowsIt) {
  (*container.mutable_resources()->mutable_limits())["memory"].set_string("1Mi");
  EXPECT_EQ(containerResources(pod, container, node).memory_swap_limit_in_bytes(), 0) << "the kernel cannot limit swap";
  node.swapController = true;
  EXPECT_EQ(containerResources(pod, container, node).memory_swap_limit_in_bytes(), 1 << 20);
  node.cgroupV2 = true;
  EXPECT_EQ(containerResources(pod, container, node).unified().at("memory.swap.max"), "0");
  EXPECT_EQ(containerResources(pod, container, node).memory_swap_limit_in_bytes(), 0);
}

TEST_F(PodConfig, RES_20_LimitedSwapIsInProportionToTheRequest) {
  node.cgroupV2 = node.swapController = node.limitedSwap = true;
  node.swapBytes = 1000;
  pod.mutable_metadata()->clear_annotations();
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  auto swap = [&] { return containerResources(pod, pod.spec().containers(0), node).unified().at("memory.swap.max"); };
  EXPECT_EQ(swap(), "0") << "nothing asked for";
  (*resources->mutable_requests())["memory"].set_string("256Mi");
  EXPECT_EQ(swap(), "250");
  (*resources->mutable_limits())["memory"].set_string("256Mi");
  EXPECT_EQ(swap(), "0") << "request and limit are the same";
  (*resources->mutable_limits())["memory"].set_string("512Mi");
  EXPECT_EQ(swap(), "250");
  pod.mutable_spec()->set_priority(2'000'000'000);
  EXPECT_EQ(swap(), "0") << "a critical pod";
  pod.mutable_spec()->clear_priority();
  (*pod.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  EXPECT_EQ(swap(), "0") << "static pods are critical";
}

TEST_F(PodConfig, MemoryIsThrottledBelowTheLimit) {
  auto* resources = pod.mutable_spec()->mutable_containers(0)->mutable_resources();
  auto high = [&] {
    const auto sent = containerResources(pod, pod.spec().containers(0), node);
    const auto found = sent.unified().find("memory.high");
    return found == sent.unified().end() ? std::string("none") : found->second;
  };
  (*resources->mutable_limits())["memory"].set_string("200Mi");
  (*resources->mutable_requests())["memory"].set_string("100Mi");
  node.memoryThrottling = 0.9;
  EXPECT_EQ(high(), "none") << "cgroup v1 cannot";
  node.cgroupV2 = true;
  EXPECT_EQ(high(), std::to_string(190 << 20));
  (*resources->mutable_requests())["memory"].set_string("200Mi");
  EXPECT_EQ(high(), "none") << "asks for all that it may have";
  resources->Clear();
  node.memoryBytes = 1'000'000;
  EXPECT_EQ(high(), "897024") << "the node's memory is the limit, in whole pages";
  node.memoryThrottling.reset();
  EXPECT_EQ(high(), "none");
}

}  // namespace
}  // namespace cubelet::podconfig
