// One container's exit lets all start over. Behaviour RST-2.
#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

class StartOver : public testing::TestWithParam<PlanCase> {};

TEST_P(StartOver, Plans) {
  const PlanCase& row = GetParam();
  EXPECT_EQ(toText(planNow(row.wanted, row.have, row.memory)), row.plan);
}

Wanted asking(const std::string& policy = "Never") {
  return Wanted().policy(policy).init("prepare").sidecar("proxy").regular("main").own("Never").rule(
      "In", {88}, "RestartAllContainers");
}
Have box() {
  return Have().sandbox();
}
Have all() {
  return box().exited("prepare", 0).running("proxy").running("main");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, StartOver,
    testing::Values(
        PlanCase{"RST2_NothingWhileItRuns", asking(), all(), "in box/0"},
        PlanCase{
            "RST2_AllGoTheOneThatAsksLast", asking().regular("other"),
            box().exited("prepare", 0).running("proxy").exited("main", 88).running("other"),
            "start over for main +10s, kill other/0 grace 0s, kill proxy/0 grace 0s, prune other/0, prune proxy/0, "
            "prune prepare/0, prune main/0, in box/0"},
        PlanCase{"RST2_EndedWellGoesToo", asking().regular("other"),
                 box().exited("prepare", 0).running("proxy").exited("other", 0).exited("main", 88),
                 "start over for main +10s, kill proxy/0 grace 0s, prune other/0, prune proxy/0, prune prepare/0, "
                 "prune main/0, in box/0"},
        PlanCase{"RST2_HalfRemovedIsGoneOnWith", asking(), box().exited("main", 88),
                 "start over for main +10s, prune main/0, in box/0"},
        PlanCase{"RST2_ThenTheFirstInitContainerStarts", asking(), box(), "start prepare/0, in box/0"},
        PlanCase{"RST2_AnotherExitIsNone", asking(), box().exited("prepare", 0).running("proxy").exited("main", 1),
                 "kill pod (no container of the pod is left to run), finished"},
        PlanCase{"RST2_TheFirstRuleThatMatchesCounts",
                 Wanted()
                     .policy("Never")
                     .regular("main")
                     .own("Never")
                     .rule("In", {88})
                     .rule("In", {88}, "RestartAllContainers"),
                 box().exited("main", 88), "start main/1 +10s, in box/0"},
        PlanCase{"RST2_ASidecarAsks",
                 Wanted().policy("Never").sidecar("watch").rule("In", {88}, "RestartAllContainers").regular("main"),
                 box().exited("watch", 88).running("main"),
                 "start over for watch +10s, kill main/0 grace 0s, prune main/0, prune watch/0, in box/0"},
        PlanCase{"RST2_AnInitContainerAsks",
                 Wanted().policy("Never").init("a").init("b").own("Never").rule("In", {88}, "RestartAllContainers"),
                 box().exited("a", 0).exited("b", 88), "start over for b +10s, prune a/0, prune b/0, in box/0"},
        PlanCase{
            "RST2_DebugContainersAreKilledAndStay", asking().ephemeral("debug"),
            box().exited("prepare", 0).running("proxy").running("debug").exited("main", 88),
            "start over for main +10s, kill debug/0 grace 0s, kill proxy/0 grace 0s, prune proxy/0, prune prepare/0, "
            "prune main/0, in box/0"},
        PlanCase{"RST2_WithoutASandboxTheOldContainersGoFirst", asking(),
                 Have().deadSandbox().exited("prepare", 0).exited("main", 88),
                 "start over for main +10s, prune prepare/0, prune main/0"},
        PlanCase{"RST2_NotOfAPodThatIsDeleted", asking().deleted(),
                 box().exited("prepare", 0).running("proxy").exited("main", 88),
                 "kill pod (no container of the pod is left to run), finished"},
        PlanCase{"RST6_TheBackOffIsWaitedForFirst", asking(),
                 box().exited("prepare", 0).running("proxy").exited("main", 88),
                 "in box/0, back-off main 20s until +19s, wake +19s", remember("main", waiting(seconds(20)))},
        PlanCase{
            "RST6_AfterItAllStartOver", asking(),
            box().exited("prepare", 0).running("proxy").exited("main", 88).endedAgo(seconds(20)),
            "start over for main +40s, kill proxy/0 grace 0s, prune proxy/0, prune prepare/0, prune main/0, in box/0",
            remember("main", waiting(seconds(20)))}),
    nameOf);

TEST(StartOverMemory, RST6_TheBackOffOutlivesTheRemovalOfAllInstances) {
  const Wanted wanted = Wanted().policy("Never").regular("main").own("Never").rule("In", {88}, "RestartAllContainers");
  PodMemory memory;
  memory.containers["main"].attemptFromLogs = 1;
  const PodPlan first = planNow(wanted, box().exited("main", 88), memory);
  ASSERT_TRUE(first.startOver);
  noteStartOver(memory, wanted.pod(), *first.startOver);
  EXPECT_TRUE(memory.of("main").startsOver);
  const PodPlan next = planNow(wanted, box(), memory);
  EXPECT_EQ(toText(next), "start main/1 +10s, in box/0");
  noteStarted(memory, next.start.front(), kNow);
  EXPECT_FALSE(memory.of("main").startsOver);
  EXPECT_EQ(memory.of("main").backoff, seconds(10));
}

}  // namespace
}  // namespace cubelet::plan::test
