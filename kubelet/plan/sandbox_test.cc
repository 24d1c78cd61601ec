// The sandbox: when it is replaced, and what then. Behaviours SBX.
#include "kubelet/plan/sandbox.h"

#include <gtest/gtest.h>

#include "kubelet/plan/test_pod.h"

namespace cubelet::plan::test {
namespace {

Wanted one(const std::string& policy = "Always") {
  return Wanted().policy(policy).regular("a");
}
Wanted withInit(const std::string& policy = "Always") {
  return Wanted().policy(policy).init("i").regular("a");
}
Have noAddress() {
  Have have = Have().sandbox();
  have.lastSandbox().ips.clear();
  return have;
}
Have onHost() {
  Have have = noAddress();
  have.lastSandbox().hostNetwork = true;
  return have;
}
PodMemory retryBoxAt(WallTime when) {
  PodMemory memory;
  memory.sandboxRetryAt = when;
  return memory;
}

class Sandbox : public testing::TestWithParam<PlanCase> {};

TEST_P(Sandbox, Plan) {
  const PlanCase& row = GetParam();
  EXPECT_EQ(toText(planNow(row.wanted, row.have, row.memory)), row.plan);
}

const std::string kNotReady = "kill pod (the sandbox is not ready), ";

INSTANTIATE_TEST_SUITE_P(
    Cases, Sandbox,
    testing::Values(
        PlanCase{"SBX1_First", one(), Have(), "create box/0, start a/0"},
        PlanCase{"SBX1_FirstWithInit", withInit(), Have(), "create box/0, start i/0"},
        PlanCase{"SBX1_FirstWithSidecar", Wanted().sidecar("s").regular("a"), Have(), "create box/0, start s/0"},
        PlanCase{"SBX1_NotReady", one(), Have().deadSandbox(), kNotReady + "create box/1, start a/0"},
        PlanCase{"SBX1_NotReadyWithARunningContainer", one(), Have().deadSandbox().running("a"),
                 kNotReady + "create box/1, start a/1"},
        PlanCase{"SBX1_TwoReady", one(), Have().sandbox().sandbox(),
                 "kill pod (more than one sandbox is ready), create box/2, start a/0"},
        PlanCase{"SBX1_OldOneReady", one(), Have().sandbox().deadSandbox(), kNotReady + "create box/2, start a/0"},
        PlanCase{"SBX1_NetworkMode", one().hostNetwork(), Have().sandbox(),
                 "kill pod (the network mode has changed), create box/1, start a/0"},
        PlanCase{"SBX1_NetworkModeBack", one(), onHost(),
                 "kill pod (the network mode has changed), create box/1, start a/0"},
        PlanCase{"SBX1_NoAddress", one(), noAddress(),
                 "kill pod (the sandbox has no address), create box/1, start a/0"},
        PlanCase{"SBX1_HostNetworkNeedsNoAddress", one().hostNetwork(), onHost(), "start a/0, in box/0"},
        PlanCase{"SBX1_OldDeadOnesDoNotMatter", one(), Have().deadSandbox().sandbox().running("a"),
                 "remove box/0, in box/1"},
        PlanCase{"SBX1_AllInitsRunAgain", withInit(), Have().deadSandbox().exited("i", 0).exited("a", 137),
                 kNotReady + "create box/1, start i/1 +10s"},
        PlanCase{"SBX1_InitsRunAgainUnderNeverWhenNoRegularRan", withInit("Never"), Have().deadSandbox().exited("i", 0),
                 kNotReady + "create box/1, start i/1 +10s"},
        PlanCase{"SBX1_CreatedThereNeverRan", one("Never"), Have().deadSandbox().created("a"),
                 "kill pod (the sandbox is not ready), prune a/0, create box/1, start a/0"},
        PlanCase{"SBX1_OnlyTheUnfinishedStart", one("OnFailure").regular("b"),
                 Have().deadSandbox().exited("a", 0).exited("b", 1), kNotReady + "create box/1, start b/1 +10s"},
        PlanCase{"SBX2_AllSucceeded", one("OnFailure"), Have().deadSandbox().exited("a", 0), "finished"},
        PlanCase{"SBX2_NeverIsOver", one("Never"), Have().deadSandbox().exited("a", 1), "finished"},
        PlanCase{"SBX2_NeverIsOverThoughItSeemsToRun", one("Never"), Have().deadSandbox().running("a"),
                 "kill pod (no container of the pod is left to run), finished"},
        PlanCase{"SBX2_FailedInitUnderNever", withInit("Never"), Have().deadSandbox().exited("i", 1), "finished"},
        PlanCase{"SBX2_DoneRegularsDoNotRunInitsAgain", withInit("OnFailure"),
                 Have().deadSandbox().exited("i", 0).exited("a", 0), "finished"},
        PlanCase{"SBX2_SidecarAloneIsNoReason", Wanted().policy("Never").sidecar("s").regular("a"),
                 Have().deadSandbox().exited("s", 137).exited("a", 0), "finished"},
        PlanCase{"SBX2_ReadyRestIsStopped", one("Never"), noAddress().exited("a", 0), "stop box, finished"},
        PlanCase{"SBX3_FailureWaits", one(), Have(), "wake +10s", retryBoxAt(kNow + seconds(10))},
        PlanCase{"SBX3_FailureIsRepeated", one(), Have(), "create box/0, start a/0", retryBoxAt(kNow)},
        PlanCase{"SBX3_WhatRunsIsStoppedMeanwhile", one(), Have().deadSandbox().running("a"),
                 "kill pod (the sandbox is not ready), wake +10s", retryBoxAt(kNow + seconds(10))},
        PlanCase{"SBX3_DeadOnesAreLeftMeanwhile", one(), Have().deadSandbox().exited("a", 1), "wake +10s",
                 retryBoxAt(kNow + seconds(10))}),
    nameOf);

TEST(SandboxVerdict, SBX1_NamesTheReasonAndTheNextAttempt) {
  const SandboxVerdict none = judgeSandbox(one().pod(), Have().pod());
  EXPECT_FALSE(none.usable);
  EXPECT_EQ(none.reason, "the pod has no sandbox");
  EXPECT_EQ(none.nextAttempt, 0U);

  Have have = Have().sandbox();
  have.lastSandbox().attempt = 6;
  const SandboxVerdict good = judgeSandbox(one().pod(), have.pod());
  EXPECT_TRUE(good.usable);
  EXPECT_EQ(good.id, "box/0");
  EXPECT_EQ(good.reason, "");
  EXPECT_EQ(good.nextAttempt, 7U);

  have.lastSandbox().ips = {""};
  EXPECT_EQ(judgeSandbox(one().pod(), have.pod()).reason, "the sandbox has no address");
  EXPECT_EQ(judgeSandbox(one().pod(), have.pod()).id, "");
}

}  // namespace
}  // namespace cubelet::plan::test
