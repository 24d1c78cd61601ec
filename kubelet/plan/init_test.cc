// Init containers, sidecars and debug containers. Behaviours INI, SID, EPH.
#include <gtest/gtest.h>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

Wanted twoInits(const std::string& policy = "Always") {
  return Wanted().policy(policy).init("i").init("j").regular("a");
}
Wanted withSidecar(const std::string& policy = "Always") {
  return Wanted().policy(policy).sidecar("s").init("i").regular("a");
}
Wanted slowSidecar() {
  return Wanted().sidecar("s").startupProbe().init("i").regular("a");
}
Have box() {
  return Have().sandbox();
}
ContainerMemory passed() {
  ContainerMemory memory;
  memory.startupPassed = true;
  return memory;
}
ContainerMemory unhealthy() {
  ContainerMemory memory;
  memory.unhealthyMessage = "Container s failed startup probe";
  return memory;
}
ContainerMemory retry(WallTime when) {
  ContainerMemory memory;
  memory.failureReason = "ErrImagePull";
  memory.retryAt = when;
  return memory;
}

const std::string kDone = "stop box, finished";
const std::string kKill = "kill pod (no container of the pod is left to run), finished";

class Init : public testing::TestWithParam<PlanCase> {};

TEST_P(Init, Plan) {
  const PlanCase& row = GetParam();
  EXPECT_EQ(toText(planNow(row.wanted, row.have, row.memory)), row.plan);
}

INSTANTIATE_TEST_SUITE_P(
    Plain, Init,
    testing::Values(
        PlanCase{"INI1_FirstComesFirst", twoInits(), box(), "start i/0, in box/0"},
        PlanCase{"INI1_NothingBesideARunningOne", twoInits(), box().running("i"), "in box/0"},
        PlanCase{"INI1_SecondAfterTheFirst", twoInits(), box().exited("i", 0), "start j/0, in box/0"},
        PlanCase{"INI1_RegularAfterAll", twoInits(), box().exited("i", 0).exited("j", 0), "start a/0, in box/0"},
        PlanCase{"INI1_CreatedIsMadeAgain", twoInits(), box().created("i"), "prune i/0, start i/0, in box/0"},
        PlanCase{"INI1_UnknownIsKilledFirst", twoInits(), box().unknown("i"), "kill i/0, start i/1, in box/0"},
        PlanCase{"INI2_FailedIsRepeatedUnderAlways", twoInits(), box().exited("i", 1), "start i/1 +10s, in box/0"},
        PlanCase{"INI2_FailedIsRepeatedUnderOnFailure", twoInits("OnFailure"), box().exited("i", 1),
                 "start i/1 +10s, in box/0"},
        PlanCase{"INI2_FailedEndsThePodUnderNever", twoInits("Never"), box().exited("i", 1), kDone},
        PlanCase{"INI2_FailedSecondEndsThePodUnderNever", twoInits("Never"), box().exited("i", 0).exited("j", 2),
                 kDone},
        PlanCase{"INI2_DoneIsNotRepeatedUnderAlways", twoInits(), box().exited("i", 0).running("j"), "in box/0"},
        PlanCase{"INI2_OutOfMemoryIsAFailure", twoInits(), box().exited("i", 0, "OOMKilled"),
                 "start i/1 +10s, in box/0"},
        PlanCase{"INI2_OutOfMemoryUnderNever", twoInits("Never"), box().exited("i", 0, "OOMKilled"), kDone},
        PlanCase{"RST2_RuleRepeatsAnInit", Wanted().init("i").own("Never").rule("In", {5}).regular("a"),
                 box().exited("i", 5), "start i/1 +10s, in box/0"},
        PlanCase{"RST9_FailedInitWaits", twoInits(), box().exited("i", 1),
                 "in box/0, back-off i 10s until +9s, wake +9s", remember("i", waiting(seconds(10)))},
        PlanCase{"INI3_RegularRestartsWithoutInits", twoInits(), box().exited("i", 0).exited("j", 0).exited("a", 1),
                 "start a/1 +10s, in box/0"},
        PlanCase{"INI3_NewSandboxRunsThemAgain", twoInits(),
                 Have().deadSandbox().exited("i", 0).exited("j", 0).exited("a", 1).sandbox(),
                 "start i/1 +10s, in box/1"},
        PlanCase{"INI4_NewImageOfADoneOne", Wanted().init("i").image("img:2").regular("a"),
                 box().exited("i", 0).running("a"), "in box/0"},
        PlanCase{"INI4_NewImageOfARunningOne", Wanted().init("i").image("img:2").regular("a"), box().running("i"),
                 "in box/0"},
        PlanCase{"INI5_GoneWhileARegularRuns", twoInits(), box().running("a"), "in box/0"},
        PlanCase{"INI5_GoneWhileARegularIsCreated", twoInits(), box().created("a"), "prune a/0, start a/0, in box/0"},
        PlanCase{"INI5_GoneBeforeALaterOne", twoInits(), box().running("j"), "in box/0"},
        PlanCase{"INI6_OnlyTheNewestDeadStays", twoInits(), box().exited("i", 1).exited("i", 1).running("i"),
                 "prune i/0, in box/0"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Sidecars, Init,
    testing::Values(
        PlanCase{"SID1_InInitOrder", withSidecar(), box(), "start s/0, in box/0"},
        PlanCase{"SID1_NextOnceItRuns", withSidecar(), box().running("s"), "start i/0, in box/0"},
        PlanCase{"SID1_NextNotBeforeItHasStarted", slowSidecar(), box().running("s"), "in box/0"},
        PlanCase{"SID1_NextOnceItHasStarted", slowSidecar(), box().running("s"), "start i/0, in box/0",
                 remember("s", passed())},
        PlanCase{"SID1_ReadinessDoesNotGate", Wanted().sidecar("s").readinessProbe().regular("a"), box().running("s"),
                 "start a/0, in box/0"},
        PlanCase{"SID1_LostVerdictHoldsNobodyBack", slowSidecar(), box().running("s").exited("i", 0),
                 "start a/0, in box/0"},
        PlanCase{"SID2_RestartedAfterSuccess", withSidecar(), box().exited("s", 0), "start s/1 +10s, in box/0"},
        PlanCase{"SID2_RestartedUnderNever", withSidecar("Never"), box().exited("s", 1).running("i"),
                 "start s/1 +10s, in box/0"},
        PlanCase{"SID2_RestartedBesideRegulars", withSidecar("OnFailure"),
                 box().exited("s", 0).exited("i", 0).running("a"), "start s/1 +10s, in box/0"},
        PlanCase{"SID2_WaitsItsBackOff", withSidecar(), box().exited("s", 1),
                 "in box/0, back-off s 10s until +9s, wake +9s", remember("s", waiting(seconds(10)))},
        PlanCase{"SID2_ItsBackOffHoldsNoLaterOneBack", withSidecar(), box().exited("s", 1).exited("i", 0),
                 "start a/0, in box/0, back-off s 10s until +9s, wake +9s", remember("s", waiting(seconds(10)))},
        PlanCase{"SID3_FailedStartupProbe", slowSidecar(), box().running("s"), "kill s/0, start s/1 +10s, in box/0",
                 remember("s", unhealthy())},
        PlanCase{"SID3_FailedProbeUnderNever", withSidecar("Never"), box().running("s").running("i"),
                 "kill s/0, start s/1 +10s, in box/0", remember("s", unhealthy())},
        PlanCase{"SID3_BadImageHoldsTheLaterOnesBack", withSidecar(), box(), "in box/0, wake +10s",
                 remember("s", retry(kNow + seconds(10)))},
        PlanCase{"SID4_StoppedWhenRegularsAreDone", withSidecar("Never"),
                 box().running("s").exited("i", 0).exited("a", 0), kKill},
        PlanCase{"SID4_NotRestartedWhenRegularsAreDone", withSidecar("Never"),
                 box().exited("s", 1).exited("i", 0).exited("a", 0), kDone},
        PlanCase{"SID4_NoWakeForABackOffThatIsOver", withSidecar("Never"),
                 box().exited("s", 1).exited("i", 0).exited("a", 0), kDone, remember("s", waiting(seconds(10)))},
        PlanCase{"SID4_StoppedWhenAnInitHasFailed", withSidecar("Never"), box().running("s").exited("i", 1), kKill},
        PlanCase{"SID6_NotRestartedWhileDeleted", withSidecar().deleted(), box().exited("s", 1).running("a"), kKill},
        PlanCase{"SID7_NewImage", Wanted().sidecar("s").image("img:2").regular("a"), box().running("s").running("a"),
                 "kill s/0, start s/1, in box/0"},
        PlanCase{"SID7_NewImageWhileDeleted", Wanted().sidecar("s").image("img:2").regular("a").deleted(),
                 box().running("s").running("a"), kKill}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Ephemeral, Init,
    testing::Values(PlanCase{"EPH1_StartedWhileInitsRun", twoInits().ephemeral("e"), box().running("i"),
                             "start e/0, in box/0"},
                    PlanCase{"EPH1_StartedBeforeTheOthers", Wanted().regular("a").ephemeral("e"), box(),
                             "start e/0, start a/0, in box/0"},
                    PlanCase{"EPH1_NeverRestarted", Wanted().regular("a").ephemeral("e"),
                             box().running("a").exited("e", 1), "in box/0"},
                    PlanCase{"EPH1_NotEvenInANewSandbox", Wanted().regular("a").ephemeral("e"),
                             Have().deadSandbox().exited("e", 1).sandbox().running("a"), "in box/1"},
                    PlanCase{"EPH1_NotEvenWhenItsRestsWereRemoved", Wanted().regular("a").ephemeral("e"),
                             box().running("a"), "in box/0", remember("e", hasRun())},
                    PlanCase{"EPH1_OneThatNeverRanIsMadeAgain", Wanted().regular("a").ephemeral("e"),
                             box().running("a").created("e"), "prune e/0, start e/0, in box/0"},
                    PlanCase{"EPH1_FailedStartWaits", Wanted().regular("a").ephemeral("e"), box().running("a"),
                             "in box/0, wake +4s", remember("e", retry(kNow + seconds(4)))},
                    PlanCase{"EPH1_DoesNotKeepThePod", Wanted().policy("Never").regular("a").ephemeral("e"),
                             box().exited("a", 0).running("e"), kKill},
                    PlanCase{"EPH1_NotStartedInAFinishedPod", Wanted().policy("Never").regular("a").ephemeral("e"),
                             box().exited("a", 0), kDone}),
    nameOf);

}  // namespace
}  // namespace cubelet::plan::test
