#include "kubelet/resize/judge.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "kubelet/admission/test_pod.h"
#include "kubelet/resize/messages.h"

namespace cubelet::resize {
namespace {

using admission::asking;
using admission::guaranteed;
using admission::makeNode;
using admission::makePod;

constexpr WallTime kEpoch{};

// On a node of 2 processors and 4 GiB, where another pod has 500m and 1 GiB.
struct Case {
  std::string name;
  core::Pod desired;
  core::Pod allocated;
  Outcome outcome;
  std::string message;
  bool swaps = false;
};

class Judge : public testing::TestWithParam<Case> {};

TEST_P(Judge, SaysWhetherAndWhy) {
  const admission::PodClaims other =
      admission::claimsOf(asking(asking(makePod("other"), "cpu", "500m"), "memory", "1Gi"));
  const Verdict verdict = judge(GetParam().desired, GetParam().allocated, GetParam().swaps, {&other}, makeNode());
  EXPECT_EQ(verdict.outcome, GetParam().outcome);
  EXPECT_EQ(verdict.message, GetParam().message);
}

core::Pod cpu(const std::string& amount) {
  return asking(makePod("p"), "cpu", amount);
}
core::Pod memory(const std::string& amount) {
  return asking(makePod("p"), "memory", amount);
}

INSTANTIATE_TEST_SUITE_P(
    RSZ_2, Judge,
    testing::Values(
        Case{"Fits", cpu("1500m"), cpu("100m"), Outcome::kGranted, ""},
        Case{"DoesNotFitNow", cpu("1600m"), cpu("100m"), Outcome::kDeferred,
             "Node didn't have enough resource: cpu, requested: 1600, used: 500, capacity: 2000"},
        Case{"MemoryDoesNotFitNow", memory("3500Mi"), memory("1Gi"), Outcome::kDeferred,
             "Node didn't have enough resource: memory, requested: 3670016000, used: 1073741824, capacity: 4294967296"},
        Case{"MoreThanTheNodeHas", cpu("3"), cpu("100m"), Outcome::kInfeasible,
             "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000"},
        Case{"MoreMemoryThanTheNodeHas", asking(memory("5Gi"), "cpu", "3"), memory("1Gi"), Outcome::kInfeasible,
             "Node didn't have enough capacity: memory, requested: 5368709120, capacity: 4294967296"},
        Case{"Swap", memory("2Gi"), memory("1Gi"), Outcome::kInfeasible,
             "In-place resize of containers with swap is not supported.", true}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(RSZ_9, Judge,
                         testing::Values(Case{"TheClassStays", guaranteed(makePod("p"), "1", "1Gi"), cpu("1"),
                                              Outcome::kInfeasible,
                                              "Pod QOS Class may not change as a result of resizing"}),
                         [](const auto& test) { return test.param.name; });

TEST(ResizeOrder, RSZ_3_RoomMakersPriorityClassAndTimeOfWaiting) {
  const WallTime early = kEpoch + std::chrono::seconds(1);
  const WallTime late = kEpoch + std::chrono::seconds(2);
  std::vector<Waiting> queue = {
      {.uid = "late", .raisesRequests = true, .since = late},
      {.uid = "early", .raisesRequests = true, .since = early},
      {.uid = "guaranteed", .raisesRequests = true, .guaranteed = true, .since = late},
      {.uid = "important", .raisesRequests = true, .priority = 10, .since = late},
      {.uid = "shrinks", .priority = -1, .since = late},
  };
  std::ranges::sort(queue, comesBefore);
  std::vector<std::string> order;
  for (const Waiting& one : queue) order.push_back(one.uid);
  EXPECT_EQ(order, (std::vector<std::string>{"shrinks", "important", "guaranteed", "early", "late"}));
}

TEST(ResizeOrder, RSZ_3_WhatAPodRaises) {
  EXPECT_TRUE(waitingFor(cpu("200m"), cpu("100m"), kEpoch).raisesRequests);
  EXPECT_FALSE(waitingFor(cpu("100m"), cpu("200m"), kEpoch).raisesRequests);
  EXPECT_TRUE(waitingFor(asking(cpu("100m"), "memory", "1Gi"), cpu("200m"), kEpoch).raisesRequests);
  EXPECT_TRUE(
      waitingFor(guaranteed(makePod("p"), "2", "1Gi"), guaranteed(makePod("p"), "1", "1Gi"), kEpoch).guaranteed);
}

TEST(ResizeEvents, RSZ_5_SumUpTheContainers) {
  core::Pod pod = guaranteed(makePod("p"), "1", "1Gi");
  pod.mutable_spec()->add_initcontainers()->set_name("plain");
  EXPECT_EQ(eventMessage("Pod resize started", pod, 2),
            R"(Pod resize started: {"containers":[{"name":"c","resources":{"limits":{"cpu":"1","memory":"1Gi"},)"
            R"("requests":{"cpu":"1","memory":"1Gi"}}}],"generation":2})");
  EXPECT_EQ(eventMessage("Pod resize error", makePod("p"), 3, "too small"),
            R"(Pod resize error: {"containers":[{"name":"c","resources":{}}],"generation":3,"error":"too small"})");
}

}  // namespace
}  // namespace cubelet::resize
