// Dead containers and sandboxes of a pod that lives on. Behaviours GC-1, GC-2.
#include <gtest/gtest.h>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

struct GcCase {
  std::string name;
  Have have;
  PlanOptions options;
  std::string plan;
  std::set<std::string> superfluous = {};
};

class Gc : public testing::TestWithParam<GcCase> {};

TEST_P(Gc, Plan) {
  const GcCase& row = GetParam();
  PodMemory memory;
  memory.superfluous = row.superfluous;
  EXPECT_EQ(toText(planPod(Wanted().policy("Always").regular("a").pod(), row.have.pod(), memory, row.options, kNow)),
            row.plan);
}

PlanOptions keep(std::size_t dead) {
  PlanOptions options;
  options.keepDead = dead;
  return options;
}
PlanOptions keepYounger(Duration age) {
  PlanOptions options;
  options.minimumDeadAge = age;
  return options;
}
Have box() {
  return Have().sandbox();
}
// Three dead ones, made an hour, 59 and 58 minutes ago, and one that runs.
Have threeDead() {
  return box().exited("a", 1).exited("a", 1).exited("a", 1).running("a");
}

INSTANTIATE_TEST_SUITE_P(
    Containers, Gc,
    testing::Values(
        GcCase{"GC1_OneStays", threeDead(), {}, "prune a/1, prune a/0, in box/0"},
        GcCase{"GC1_TwoStay", threeDead(), keep(2), "prune a/0, in box/0"},
        GcCase{"GC1_MoreThanThereAre", threeDead(), keep(5), "in box/0"},
        GcCase{"GC1_NoneStaysBesideARunningOne", threeDead(), keep(0), "prune a/2, prune a/1, prune a/0, in box/0"},
        GcCase{"GC1_TheNewestStaysInBackOff", box().exited("a", 1).exited("a", 1).endedAgo(seconds(1)), keep(0),
               "prune a/0, start a/2 +10s, in box/0"},
        GcCase{"GC1_YoungOnesStay", threeDead(), keepYounger(minutes(59) + seconds(30)),
               "prune a/0, in box/0, wake +30s"},
        GcCase{"GC1_NoRoomOnTheNode", threeDead(), keep(5), "prune a/0, in box/0", {"a/0"}},
        GcCase{"GC1_NoRoomForARunningOneMeansNothing", threeDead(), keep(5), "in box/0", {"a/3"}},
        GcCase{
            "GC1_NoRoomForTheNewestMeansNothing", box().exited("a", 1), keep(5), "start a/1 +10s, in box/0", {"a/0"}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Sandboxes, Gc,
    testing::Values(GcCase{"GC2_OldOneGoes", Have().deadSandbox().sandbox().running("a"), {}, "remove box/0, in box/1"},
                    GcCase{"GC2_AllOldOnesGo",
                           Have().deadSandbox().deadSandbox().sandbox().running("a"),
                           {},
                           "remove box/1, remove box/0, in box/2"},
                    GcCase{"GC2_NotWhileADeadContainerLiesInIt",
                           Have().deadSandbox().exited("a", 1).sandbox().running("a"),
                           {},
                           "in box/1"},
                    GcCase{"GC2_NotWhileItIsReady",
                           Have().sandbox().deadSandbox(),
                           {},
                           "kill pod (the sandbox is not ready), create box/2, start a/0"},
                    GcCase{"GC2_TheNewestStaysThoughItIsDead",
                           Have().deadSandbox(),
                           {},
                           "kill pod (the sandbox is not ready), create box/1, start a/0"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::plan::test
