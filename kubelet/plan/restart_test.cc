// Regular containers: restart policies, back-off, replacing. Behaviours RST.
#include <gtest/gtest.h>

#include "kubelet/plan/restart_policy.h"
#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

Wanted one(const std::string& policy = "Always") {
  return Wanted().policy(policy).regular("a");
}
Have box() {
  return Have().sandbox();
}
ContainerMemory failed(WallTime retryAt) {
  ContainerMemory memory;
  memory.failureReason = "CreateContainerError";
  memory.retryAt = retryAt;
  return memory;
}
ContainerMemory unhealthy(std::optional<Duration> grace = {}) {
  ContainerMemory memory;
  memory.unhealthyMessage = "Container a failed liveness probe";
  memory.unhealthyGrace = grace;
  return memory;
}
ContainerMemory fromLogs(std::uint32_t attempt) {
  ContainerMemory memory;
  memory.attemptFromLogs = attempt;
  return memory;
}

class Restart : public testing::TestWithParam<PlanCase> {};

TEST_P(Restart, Plan) {
  const PlanCase& row = GetParam();
  EXPECT_EQ(toText(planNow(row.wanted, row.have, row.memory)), row.plan);
}

const std::string kDone = "stop box, finished";

INSTANTIATE_TEST_SUITE_P(
    Policy, Restart,
    testing::Values(
        PlanCase{"RST1_FirstStart", one(), box(), "start a/0, in box/0"},
        PlanCase{"RST1_RunningIsLeftAlone", one(), box().running("a"), "in box/0"},
        PlanCase{"RST1_AlwaysAfterFailure", one(), box().exited("a", 1), "start a/1 +10s, in box/0"},
        PlanCase{"RST1_AlwaysAfterSuccess", one(), box().exited("a", 0), "start a/1 +10s, in box/0"},
        PlanCase{"RST1_NoPolicyMeansAlways", Wanted().regular("a"), box().exited("a", 0), "start a/1 +10s, in box/0"},
        PlanCase{"RST1_OnFailureAfterFailure", one("OnFailure"), box().exited("a", 1), "start a/1 +10s, in box/0"},
        PlanCase{"RST1_OnFailureAfterSuccess", one("OnFailure"), box().exited("a", 0), kDone},
        PlanCase{"RST1_NeverAfterFailure", one("Never"), box().exited("a", 1), kDone},
        PlanCase{"RST1_NeverOneOfTwoStillRuns", one("Never").regular("b"), box().exited("a", 1).running("b"),
                 "in box/0"},
        PlanCase{"RST1_DeletedStartsNothing", one().deleted(), box(), "stop box, finished"},
        PlanCase{"RST1_DeletedRestartsNothing", one().deleted(), box().exited("a", 1), kDone},
        PlanCase{"RST1_DeletedStopsWhatRuns", one().deleted(), box().running("a"),
                 "kill pod (no container of the pod is left to run), finished"},
        PlanCase{"RST1_StartsInSpecOrder", Wanted().regular("z").regular("a"), box(), "start z/0, start a/0, in box/0"},
        PlanCase{"RST11_AllEndedStopsTheSandboxOnly", one("Never").regular("b"), box().exited("a", 0).exited("b", 3),
                 kDone},
        PlanCase{"RST11_StoppedSandboxNeedsNothing", one("Never"), Have().deadSandbox().exited("a", 0), "finished"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    OwnPolicy, Restart,
    testing::Values(
        PlanCase{"RST2_OwnAlwaysBeatsNever", one("Never").own("Always"), box().exited("a", 0),
                 "start a/1 +10s, in box/0"},
        PlanCase{"RST2_OwnNeverBeatsAlways", one().own("Never"), box().exited("a", 1), kDone},
        PlanCase{"RST2_OwnOnFailure", one("Never").own("OnFailure"), box().exited("a", 1), "start a/1 +10s, in box/0"},
        PlanCase{"RST2_RuleIn", one().own("Never").rule("In", {3, 42}), box().exited("a", 42),
                 "start a/1 +10s, in box/0"},
        PlanCase{"RST2_RuleInMisses", one().own("Never").rule("In", {42}), box().exited("a", 1), kDone},
        PlanCase{"RST2_RuleNotIn", one().own("Never").rule("NotIn", {0}), box().exited("a", 9),
                 "start a/1 +10s, in box/0"},
        PlanCase{"RST2_RuleNotInMisses", one().own("Never").rule("NotIn", {0}), box().exited("a", 0), kDone},
        PlanCase{"RST2_NoMatchFallsBackToOwnPolicy", one("Never").own("OnFailure").rule("In", {7}),
                 box().exited("a", 1), "start a/1 +10s, in box/0"},
        PlanCase{"RST2_SecondRuleCounts", one().own("Never").rule("In", {1}).rule("In", {2}), box().exited("a", 2),
                 "start a/1 +10s, in box/0"},
        PlanCase{"RST2_UnknownActionIsPassedOver", one().own("Never").rule("In", {2}, "Stop").rule("In", {2}),
                 box().exited("a", 2), "start a/1 +10s, in box/0"},
        PlanCase{"RST2_RulesNeedAnOwnPolicy", one("Never").rule("In", {1}), box().exited("a", 1), kDone}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    States, Restart,
    testing::Values(
        PlanCase{"RST3_CreatedIsMadeAgainWithItsAttempt", one(), box().created("a"), "prune a/0, start a/0, in box/0"},
        // The agent was killed between CreateContainer and StartContainer: the restart count must not grow by that.
        PlanCase{"RST3_CreatedAfterAnExitKeepsItsAttempt", one(), box().exited("a", 1).created("a"),
                 "prune a/1, start a/1 +10s, in box/0"},
        PlanCase{"RST3_CreatedWhoseForerunnerIsGoneKeepsItsAttempt", one(), box().created("a").attempt(4),
                 "prune a/4, start a/4, in box/0"},
        PlanCase{"RST3_CreatedBeatsTheLogs", one(), box().created("a"), "prune a/0, start a/0, in box/0",
                 remember("a", fromLogs(5))},
        PlanCase{"RST3_CreatedWhateverThePolicy", one("Never"), box().created("a"), "prune a/0, start a/0, in box/0"},
        PlanCase{"RST3_TwoCreatedGoBoth", one(), box().created("a").created("a").attempt(1),
                 "prune a/1, prune a/0, start a/1, in box/0"},
        PlanCase{"RST3_CreatedWaitsForItsRetry", one(), box().created("a"), "in box/0, wake +5s",
                 remember("a", failed(kNow + seconds(5)))},
        PlanCase{"RST3_UnknownIsKilledFirst", one("Never"), box().unknown("a"), "kill a/0, start a/1, in box/0"},
        PlanCase{"RST3_UnknownInBackOffIsKilledAtOnce", one(), box().exited("a", 1).unknown("a"),
                 "kill a/1, in box/0, back-off a 20s until +19s, wake +19s", remember("a", waiting(seconds(20)))},
        PlanCase{"RST3_OlderOfTwoIsStopped", one(), box().running("a").running("a"), "kill a/0, in box/0"},
        PlanCase{"RST3_StrayInAnOldSandboxIsStopped", one(), Have().deadSandbox().running("a").sandbox().running("a"),
                 "kill a/0, in box/1"},
        PlanCase{"RST3_NothingStartsBesideAStray", one(), Have().deadSandbox().running("a").sandbox(),
                 "kill a/0, in box/1"},
        PlanCase{"RST3_CreatedOvertakenByANewerIsRemoved", one(), box().created("a").running("a"),
                 "prune a/0, in box/0"},
        PlanCase{"RST4_AttemptFollowsTheHighest", one(), box().exited("a", 1).attempt(7).exited("a", 1).attempt(3),
                 "prune a/7, start a/8 +10s, in box/0"},
        PlanCase{"RST4_AttemptFromLogs", one(), box(), "start a/3, in box/0", remember("a", fromLogs(3))},
        PlanCase{"RST4_RuntimeBeatsLogs", one(), box().exited("a", 1), "start a/1 +10s, in box/0",
                 remember("a", fromLogs(9))},
        PlanCase{"INI6_OnlyTheNewestDeadStays", one(), box().exited("a", 1).exited("a", 1).running("a"),
                 "prune a/0, in box/0"},
        PlanCase{"INI6_DeadWhoIsNotInTheSpecCountsToo", one(), box().exited("b", 1).exited("b", 1).running("a"),
                 "prune b/0, in box/0"}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Replace, Restart,
    testing::Values(PlanCase{"RST5_NewImage", one().image("img:2"), box().running("a"),
                             "kill a/0, start a/1, in box/0"},
                    PlanCase{"RST5_NewImageWhateverThePolicy", one("Never").image("img:2"), box().running("a"),
                             "kill a/0, start a/1, in box/0"},
                    PlanCase{"RST5_NewImageAtOnceInBackOff", one().image("img:2"), box().exited("a", 1).running("a"),
                             "kill a/1, start a/2, in box/0", remember("a", waiting(seconds(160)))},
                    PlanCase{"RST5_NewImageOfTheEnded", one("Never").image("img:2"), box().exited("a", 0), kDone},
                    PlanCase{"RST5_NoHashNoReplacement", one().image("img:2"),
                             [] {
                               Have have = box().running("a");
                               have.last().hash.clear();
                               return have;
                             }(),
                             "in box/0"},
                    PlanCase{"PRB7_UnhealthyIsReplaced", one(), box().running("a"),
                             "kill a/0, start a/1 +10s, in box/0", remember("a", unhealthy())},
                    PlanCase{"PRB13_ProbesOwnGrace", one(), box().running("a"),
                             "kill a/0 grace 3s, start a/1 +10s, in box/0", remember("a", unhealthy(seconds(3)))},
                    PlanCase{"PRB7_UnhealthyUnderNever", one("Never"), box().running("a"), "kill a/0, in box/0",
                             remember("a", unhealthy())},
                    PlanCase{"RST9_UnhealthyWaitsItsBackOff", one(), box().running("a"), "kill a/0, in box/0",
                             [] {
                               ContainerMemory memory = unhealthy();
                               memory.backoff = seconds(40);
                               memory.backoffSetAt = kNow - minutes(1);
                               memory.backoffKey = "img:1|/";
                               return remember("a", memory);
                             }()}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    BackOff, Restart,
    testing::Values(
        PlanCase{"RST6_Waits", one(), box().exited("a", 1), "in box/0, back-off a 10s until +9s, wake +9s",
                 remember("a", waiting(seconds(10)))},
        PlanCase{"RST6_StartsWhenItIsOver", one(), box().exited("a", 1).endedAgo(seconds(10)),
                 "start a/1 +20s, in box/0", remember("a", waiting(seconds(10)))},
        PlanCase{"RST6_IsCapped", one(), box().exited("a", 1).endedAgo(seconds(300)), "start a/1 +300s, in box/0",
                 [] { return remember("a", waiting(seconds(300), kNow - minutes(6))); }()},
        PlanCase{"RST7_NewImageForgetsIt", one().image("img:2"), box().exited("a", 1), "start a/1 +10s, in box/0",
                 remember("a", waiting(seconds(160)))},
        PlanCase{"RST8_OthersGoOn", one().regular("b"), box().exited("a", 1),
                 "start b/0, in box/0, back-off a 10s until +9s, wake +9s", remember("a", waiting(seconds(10)))},
        PlanCase{"RST9_CleanExitsWaitToo", one(), box().exited("a", 0), "in box/0, back-off a 10s until +9s, wake +9s",
                 remember("a", waiting(seconds(10)))},
        PlanCase{"RST10_FailedStartWaits", one(), box(), "in box/0, wake +7s",
                 remember("a", failed(kNow + seconds(7)))},
        PlanCase{"RST10_FailedStartIsRepeated", one(), box(), "start a/0, in box/0", remember("a", failed(kNow))},
        PlanCase{"RST10_TheLaterOfBothCounts", one(), box().exited("a", 1),
                 "in box/0, back-off a 10s until +9s, wake +30s",
                 [] {
                   ContainerMemory memory = waiting(seconds(10));
                   memory.retryAt = kNow + seconds(30);
                   return remember("a", memory);
                 }()}),
    nameOf);

std::string killMessage(const Wanted& wanted, const Have& have, const PodMemory& memory = {}) {
  const PodPlan plan = planNow(wanted, have, memory);
  return plan.kill.empty() ? "" : plan.kill.front().message;
}

TEST(RestartMessages, AreExact) {
  EXPECT_EQ(killMessage(one().image("img:2"), box().running("a")), "Container a definition changed, will be restarted");
  EXPECT_EQ(killMessage(one(), box().unknown("a")),
            "Container a is in an unknown state, try killing it before restart");
  EXPECT_EQ(killMessage(one(), box().running("a"), remember("a", unhealthy())),
            "Container a failed liveness probe, will be restarted");
  EXPECT_EQ(killMessage(one("Never"), box().running("a"), remember("a", unhealthy())),
            "Container a failed liveness probe");
}

TEST(RestartPolicy, RST1_AKillIsFollowedUnlessNever) {
  for (const auto& [policy, again] : {std::pair("Always", true), {"OnFailure", true}, {"Never", false}}) {
    Wanted wanted = one(policy);
    EXPECT_EQ(mayRestartAfterKill(wanted.pod().spec(), wanted.pod().spec().containers(0)), again) << policy;
  }
}

}  // namespace
}  // namespace cubelet::plan::test
