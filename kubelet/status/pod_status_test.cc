// The status of pods in typical and awkward situations, one behaviour each.
#include "kubelet/status/pod_status.h"

#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kubelet/plan/test_pod.h"

namespace cubelet::status {
namespace {

using plan::ContainerMemory;
using plan::test::Have;
using plan::test::kNow;
using plan::test::remember;
using plan::test::Wanted;
using std::chrono::seconds;

Wanted one(const std::string& policy = "Always") {
  Wanted wanted;
  wanted.policy(policy).regular("a");
  return wanted;
}

// Computes with what differs from the ordinary.
struct Situation {
  plan::PodMemory memory = {};
  StatusInputs inputs = {};
  std::vector<plan::BackingOff> backingOff = {};
};

core::PodStatus compute(const Wanted& wanted, const Have& have, Situation situation = {}) {
  situation.inputs.now = kNow;
  situation.inputs.startTime = kNow - seconds(60);
  situation.inputs.nodeIps = {"192.0.2.1"};
  situation.inputs.backingOff = situation.backingOff;
  return computeStatus(wanted.pod(), have.pod(), situation.memory, situation.inputs);
}

core::PodStatus after(const core::PodStatus& previous, const Wanted& wanted, const Have& have,
                      Situation situation = {}) {
  situation.inputs.previous = &previous;
  return compute(wanted, have, std::move(situation));
}

Situation terminated() {
  Situation situation;
  situation.inputs.terminating = true;
  situation.inputs.terminated = true;
  return situation;
}

Situation crashLooping(const std::string& container) {
  Situation situation;
  situation.backingOff = {{container, seconds(10), kNow + seconds(9)}};
  return situation;
}

Situation remembering(const std::string& container, ContainerMemory memory) {
  Situation situation;
  situation.memory = remember(container, std::move(memory));
  return situation;
}

ContainerMemory pullFailed() {
  ContainerMemory memory;
  memory.failureReason = "ErrImagePull";
  memory.failureMessage = "no such image";
  return memory;
}

std::string stateOf(const core::ContainerState& state) {
  if (state.has_running()) return "running";
  if (state.has_waiting()) return "waiting " + state.waiting().reason();
  if (state.has_terminated())
    return "terminated " + std::to_string(state.terminated().exitcode()) + " " + state.terminated().reason();
  return "none";
}

std::string conditionOf(const core::PodStatus& status, const std::string& type) {
  for (const auto& condition : status.conditions()) {
    if (condition.type() != type) continue;
    std::string text = condition.status();
    if (condition.has_reason()) text += " " + condition.reason();
    if (condition.has_message()) text += ": " + condition.message();
    return text;
  }
  return "missing";
}

// --- phase ---

struct PhaseCase {
  std::string name;
  Wanted wanted;
  Have have;
  std::string phase;
  Situation situation = {};
};
void PrintTo(const PhaseCase& row, std::ostream* out) {
  *out << row.name;
}

class Phase : public testing::TestWithParam<PhaseCase> {};
TEST_P(Phase, Is) {
  const PhaseCase& row = GetParam();
  EXPECT_EQ(compute(row.wanted, row.have, row.situation).phase(), row.phase);
}

Have box() {
  Have have;
  have.sandbox();
  return have;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Phase,
    testing::Values(
        PhaseCase{"PLC1_EphemeralDoesNotCount", one().ephemeral("d"), box().running("a").exited("d", 1), "Running"},
        PhaseCase{"PLC2_FailedInitUnderNever", one("Never").init("i"), box().exited("i", 1), "Failed"},
        PhaseCase{"PLC2_FailedInitUnderAlwaysIsRepeated", one().init("i"), box().exited("i", 1), "Pending"},
        PhaseCase{"PLC3_NothingThere", one(), Have(), "Pending"},
        PhaseCase{"PLC3_InitRuns", one().init("i"), box().running("i"), "Pending"},
        PhaseCase{"PLC3_SidecarNotStarted", one().sidecar("s").startupProbe(), box().running("s"), "Pending"},
        PhaseCase{"PLC3_OneOfTwoWaits", one().regular("b"), box().running("a"), "Pending"},
        PhaseCase{"PLC4_Running", one(), box().running("a"), "Running"},
        PhaseCase{"PLC4_RestartingSidecarKeepsRunning", one().sidecar("s").startupProbe(),
                  box().running("s").running("a"), "Running"},
        PhaseCase{"PLC4_CrashLoopStaysRunning", one(), box().exited("a", 1), "Running", crashLooping("a")},
        PhaseCase{"PLC4_OneDoneOneRuns", one("Never").regular("b"), box().exited("a", 0).running("b"), "Running"},
        PhaseCase{"PLC5_AllEndedWell", one("OnFailure"), box().exited("a", 0), "Succeeded"},
        PhaseCase{"PLC5_OneFailed", one("Never").regular("b"), box().exited("a", 0).exited("b", 3), "Failed"},
        PhaseCase{"PLC5_SidecarsExitCodeIsIgnored", one("Never").sidecar("s"), box().exited("s", 143).exited("a", 0),
                  "Succeeded"},
        PhaseCase{"PLC5_OwnPolicyCounts", one("Never").own("OnFailure"), box().exited("a", 1), "Running"},
        PhaseCase{"PLC5_RuleCounts", one("Never").own("Never").rule("In", {42}), box().exited("a", 42), "Running"},
        PhaseCase{"PLC6_DeletedIgnoresThePolicy", one(), box().exited("a", 0), "Succeeded", terminated()},
        PhaseCase{"PLC6_DeletedWithFailure", one(), box().exited("a", 1), "Failed", terminated()},
        PhaseCase{"STA14_StaticPodKeepsItsPhase", one().fromFile(), box().exited("a", 1), "Running", terminated()},
        PhaseCase{"PLC9_DeletedWhilePending", one(), Have(), "Failed", terminated()}),
    [](const auto& info) { return info.param.name; });

TEST(PodStatus, PLC7_TerminalPhaseIsNeverLeft) {
  core::PodStatus previous;
  previous.set_phase("Failed");
  previous.set_reason("Evicted");
  previous.set_message("out of memory");
  const core::PodStatus status = after(previous, one(), box().running("a"));
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "Evicted");
  EXPECT_EQ(status.message(), "out of memory");
}

TEST(PodStatus, PLC7_TerminalPhaseOfTheApiIsNeverLeft) {
  Wanted wanted = one();
  wanted.pod().mutable_status()->set_phase("Succeeded");
  core::PodStatus previous;
  previous.set_phase("Running");
  EXPECT_EQ(after(previous, wanted, box().running("a")).phase(), "Succeeded");
}

TEST(PodStatus, DLN2_FailedFromOutside) {
  Situation situation;
  situation.inputs.failed = FailedBy{"DeadlineExceeded", "too long"};
  const core::PodStatus status = compute(one(), box().running("a"), situation);
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "DeadlineExceeded");
  EXPECT_EQ(status.message(), "too long");
  EXPECT_EQ(conditionOf(status, "Ready"), "False PodFailed");
}

// kubectl would show the containers' reasons instead of the pod's.
TEST(PodStatus, ADM1_ARejectedPodTellsOfNoContainers) {
  Situation situation;
  situation.inputs.failed = FailedBy{"OutOfcpu", "Pod was rejected: no"};
  const core::PodStatus status = compute(one(), Have(), situation);
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "OutOfcpu");
  EXPECT_EQ(status.containerstatuses_size(), 0);
  EXPECT_FALSE(status.qosclass().empty());
  EXPECT_EQ(after(status, one(), Have()).containerstatuses_size(), 0) << "nor after a restart of the agent";
  EXPECT_EQ(compute(one(), box().running("a"), situation).containerstatuses_size(), 1);
}

TEST(PodStatus, PCO9_OthersDoingIsToldAsADisruption) {
  Situation situation;
  situation.inputs.failed = FailedBy{"Preempting", "make room", true};
  const core::PodStatus status = compute(one(), box().running("a"), situation);
  EXPECT_EQ(conditionOf(status, "DisruptionTarget"), "True TerminationByKubelet: make room");
  EXPECT_EQ(conditionOf(after(status, one(), box()), "DisruptionTarget"), "True TerminationByKubelet: make room")
      << "it stays";
  situation.inputs.failed->disruption = false;
  EXPECT_EQ(conditionOf(compute(one(), box().running("a"), situation), "DisruptionTarget"), "missing");
}

TEST(PodStatus, PLC8_TerminalPhaseWaitsForTheContainers) {
  core::PodStatus computed;
  computed.set_phase("Failed");
  computed.set_reason("Evicted");
  computed.add_conditions()->set_type("DisruptionTarget");
  core::PodStatus shown;
  shown.set_phase("Running");
  const core::PodStatus held = holdBackTerminalPhase(computed, shown, true);
  EXPECT_EQ(held.phase(), "Running");
  EXPECT_FALSE(held.has_reason());
  EXPECT_EQ(conditionOf(held, "DisruptionTarget"), "missing");  // PCO-9
  EXPECT_EQ(holdBackTerminalPhase(computed, shown, false).phase(), "Failed");
}

TEST(PodStatus, PLC10_StartTimeIsSetOnceInWholeSeconds) {
  StatusInputs inputs;
  inputs.now = kNow;
  inputs.startTime = kNow + std::chrono::milliseconds(900);
  const core::PodStatus first = computeStatus(one().pod(), box().pod(), {}, inputs);
  EXPECT_EQ(first.starttime().seconds(), 1'800'000'000);
  EXPECT_EQ(first.starttime().nanos(), 0);
  EXPECT_EQ(after(first, one(), box()).starttime().seconds(), 1'800'000'000);
  EXPECT_EQ(first.qosclass(), "BestEffort");
}

TEST(PodStatus, PLC11_ObservedGenerationButNotOfStaticPods) {
  Wanted wanted = one();
  wanted.pod().mutable_metadata()->set_generation(4);
  const core::PodStatus status = compute(wanted, box());
  EXPECT_EQ(status.observedgeneration(), 4);
  EXPECT_EQ(status.conditions(0).observedgeneration(), 4);
  EXPECT_FALSE(compute(wanted.fromFile(), box()).has_observedgeneration());
}

// --- addresses ---

TEST(PodStatus, PLC12_NodesFamilyComesFirstAndOneOfEach) {
  Have have = box();
  have.lastSandbox().ips = {"fd00:0:0::7", "10.0.0.7", "10.0.0.8"};
  const core::PodStatus status = compute(one(), have);
  ASSERT_EQ(status.podips_size(), 2);
  EXPECT_EQ(status.podip(), "10.0.0.7");
  EXPECT_EQ(status.podips(1).ip(), "fd00::7");
  EXPECT_EQ(status.hostip(), "192.0.2.1");
}

TEST(PodStatus, PLC12_HostNetworkKeepsItsAddress) {
  const Wanted wanted = one().hostNetwork();
  const core::PodStatus first = compute(wanted, box());
  EXPECT_EQ(first.podip(), "192.0.2.1");
  StatusInputs inputs;
  inputs.now = kNow;
  inputs.nodeIps = {"192.0.2.9", "fd00::9"};
  inputs.previous = &first;
  const core::PodStatus later = computeStatus(wanted.pod(), box().pod(), {}, inputs);
  ASSERT_EQ(later.podips_size(), 2);
  EXPECT_EQ(later.podip(), "192.0.2.1");
  EXPECT_EQ(later.podips(1).ip(), "fd00::9");
}

TEST(PodStatus, PLC13_AddressStaysWhenTheSandboxIsGone) {
  const core::PodStatus first = compute(one(), box());
  EXPECT_EQ(after(first, one(), Have()).podip(), "10.0.0.7");
}

// --- conditions ---

TEST(Conditions, PCO2_Order) {
  Wanted wanted = one();
  auto& foreign = *wanted.pod().mutable_status()->add_conditions();
  foreign.set_type("example.com/gate");
  foreign.set_status("True");
  foreign.set_message("as it came");
  std::string order;
  for (const auto& condition : compute(wanted, box()).conditions()) order += condition.type() + " ";
  EXPECT_EQ(order, "example.com/gate PodReadyToStartContainers Initialized Ready ContainersReady PodScheduled ");
  EXPECT_EQ(conditionOf(compute(wanted, box()), "example.com/gate"), "True: as it came");  // PCO-1
}

TEST(Conditions, PCO3_TransitionTimeChangesOnlyWithTheStatus) {
  core::PodStatus first = compute(one(), box());
  for (auto& condition : *first.mutable_conditions()) condition.mutable_lasttransitiontime()->set_seconds(5);
  const core::PodStatus second = after(first, one(), box().running("a"));
  for (const auto& condition : second.conditions()) {
    const bool turned = condition.type() == "Ready" || condition.type() == "ContainersReady";
    EXPECT_EQ(condition.lasttransitiontime().seconds(), turned ? 1'800'000'000 : 5) << condition.type();
  }
}

TEST(Conditions, PCO4_ReadyToStartNeedsAUsableSandbox) {
  const std::string type = "PodReadyToStartContainers";
  EXPECT_EQ(conditionOf(compute(one(), Have()), type), "False");
  EXPECT_EQ(conditionOf(compute(one(), box()), type), "True");
  EXPECT_EQ(conditionOf(compute(one(), box().deadSandbox()), type), "False");
  EXPECT_EQ(conditionOf(compute(one().hostNetwork(), box()), type), "False");
}

TEST(Conditions, PCO5_Initialized) {
  const Wanted wanted = one().init("i").init("j");
  EXPECT_EQ(conditionOf(compute(one(), Have()), "Initialized"), "True");
  EXPECT_EQ(conditionOf(compute(wanted, box().exited("i", 0).running("j")), "Initialized"),
            "False ContainersNotInitialized: containers with incomplete status: [j]");
  EXPECT_EQ(conditionOf(compute(wanted, Have()), "Initialized"),
            "False ContainersNotInitialized: containers with incomplete status: [i j]");
  EXPECT_EQ(conditionOf(compute(wanted, box().exited("i", 0).exited("j", 0)), "Initialized"), "True");
  EXPECT_EQ(conditionOf(compute(one("Never"), box().exited("a", 0)), "Initialized"), "True PodCompleted");
  // A sidecar that restarts later changes nothing.
  EXPECT_EQ(conditionOf(compute(one().sidecar("s"), box().running("a").exited("s", 1)), "Initialized"), "True");
}

TEST(Conditions, PCO6_ContainersReadyNamesTheUnready) {
  const Wanted wanted = one().regular("b").sidecar("s");
  EXPECT_EQ(conditionOf(compute(wanted, box().running("a")), "ContainersReady"),
            "False ContainersNotReady: containers with unready status: [s b]");
  EXPECT_EQ(conditionOf(compute(wanted, box().running("s").running("a").running("b")), "ContainersReady"), "True");
}

TEST(Conditions, PCO7_ReadinessGates) {
  Wanted wanted = one().gate("example.com/g");
  EXPECT_EQ(conditionOf(compute(wanted, box().running("a")), "Ready"),
            "False ReadinessGatesNotReady: corresponding condition of pod readiness gate \"example.com/g\" does not "
            "exist.");
  auto& condition = *wanted.pod().mutable_status()->add_conditions();
  condition.set_type("example.com/g");
  condition.set_status("False");
  EXPECT_EQ(conditionOf(compute(wanted, box().running("a")), "Ready"),
            "False ReadinessGatesNotReady: the status of pod readiness gate \"example.com/g\" is not \"True\", but "
            "False");
  condition.set_status("True");
  EXPECT_EQ(conditionOf(compute(wanted, box().running("a")), "Ready"), "True");
  EXPECT_EQ(conditionOf(compute(wanted, box()), "Ready"),
            "False ContainersNotReady: containers with unready status: [a]");
}

TEST(Conditions, PCO8_TerminalPodsAreNotReady) {
  const core::PodStatus good = compute(one("Never"), box().exited("a", 0));
  EXPECT_EQ(conditionOf(good, "Ready"), "False PodCompleted");
  EXPECT_EQ(conditionOf(good, "ContainersReady"), "False PodCompleted");
  EXPECT_EQ(conditionOf(compute(one("Never"), box().exited("a", 1)), "Ready"), "False PodFailed");
}

// --- containers ---

TEST(Containers, CST1_BeforeTheStart) {
  EXPECT_EQ(stateOf(compute(one(), Have()).containerstatuses(0).state()), "waiting ContainerCreating");
  const core::PodStatus status = compute(one().init("i"), Have());
  EXPECT_EQ(stateOf(status.containerstatuses(0).state()), "waiting PodInitializing");
  EXPECT_EQ(stateOf(status.initcontainerstatuses(0).state()), "waiting PodInitializing");
  EXPECT_EQ(stateOf(compute(one(), box().created("a")).containerstatuses(0).state()), "waiting ContainerCreating");
}

TEST(Containers, CST2_Order) {
  Wanted wanted;
  wanted.regular("z").regular("b").init("y").init("c");
  const core::PodStatus status = compute(wanted, Have());
  EXPECT_EQ(status.containerstatuses(0).name(), "b");
  EXPECT_EQ(status.initcontainerstatuses(0).name(), "y");
}

TEST(Containers, CST3_IdentityAndRestarts) {
  const core::PodStatus status = compute(one(), box().exited("a", 7).running("a"));
  const core::ContainerStatus& a = status.containerstatuses(0);
  EXPECT_EQ(a.image(), "img:1");
  EXPECT_EQ(a.imageid(), "img@sha256:1");
  EXPECT_EQ(a.containerid(), "containerd://a/1");
  EXPECT_EQ(a.restartcount(), 1);
  EXPECT_EQ(stateOf(a.laststate()), "terminated 7 Error");
  EXPECT_EQ(a.laststate().terminated().containerid(), "containerd://a/0");
}

TEST(Containers, CST3_RestartCountNeverShrinks) {
  core::PodStatus previous = compute(one(), box().running("a").attempt(5));
  EXPECT_EQ(after(previous, one(), box().running("a").attempt(2)).containerstatuses(0).restartcount(), 5);
}

TEST(Containers, CST3_LastStateSurvivesItsInstance) {
  const core::PodStatus first = compute(one(), box().exited("a", 7));
  const core::PodStatus second = after(first, one(), box().running("a").attempt(1));
  EXPECT_EQ(stateOf(second.containerstatuses(0).laststate()), "terminated 7 Error");
  const core::PodStatus third = after(second, one(), box().running("a").attempt(1));
  EXPECT_EQ(stateOf(third.containerstatuses(0).laststate()), "terminated 7 Error");
}

TEST(Containers, CST4_StartedAndReady) {
  const Wanted wanted = one().startupProbe().readinessProbe();
  const auto flags = [&](std::optional<bool> startup, std::optional<bool> ready) {
    ContainerMemory memory;
    memory.startupPassed = startup;
    memory.ready = ready;
    const auto status = compute(wanted, box().running("a"), remembering("a", memory));
    return std::pair(status.containerstatuses(0).started(), status.containerstatuses(0).ready());
  };
  EXPECT_EQ(flags({}, true), std::pair(false, false));
  EXPECT_EQ(flags(true, {}), std::pair(true, false));
  EXPECT_EQ(flags(true, true), std::pair(true, true));
  const auto plain = compute(one(), box().running("a")).containerstatuses(0);
  EXPECT_TRUE(plain.started() && plain.ready());  // PRB-14
  const auto exited = compute(one(), box().exited("a", 0)).containerstatuses(0);
  EXPECT_FALSE(exited.started() || exited.ready());
  EXPECT_TRUE(compute(one().init("i"), box().exited("i", 0)).initcontainerstatuses(0).ready());
  EXPECT_FALSE(compute(one().init("i"), box().exited("i", 1)).initcontainerstatuses(0).ready());
}

TEST(Containers, PRB16_ProbeVerdictsOutliveTheAgent) {
  const Wanted wanted = one().startupProbe().readinessProbe();
  ContainerMemory memory;
  memory.startupPassed = memory.ready = true;
  const core::PodStatus before = compute(wanted, box().running("a"), remembering("a", memory));
  EXPECT_TRUE(after(before, wanted, box().running("a")).containerstatuses(0).ready());
  EXPECT_FALSE(after(before, wanted, box().running("a").attempt(1)).containerstatuses(0).ready());
}

TEST(Containers, CST5_Terminated) {
  Have have = box().exited("a", 137, "OOMKilled");
  have.last().message = "bye";
  const core::PodStatus status = compute(one("Never"), have);
  const auto& end = status.containerstatuses(0).state().terminated();
  EXPECT_EQ(end.exitcode(), 137);
  EXPECT_EQ(end.reason(), "OOMKilled");
  EXPECT_EQ(end.message(), "bye");
  EXPECT_EQ(end.finishedat().seconds(), 1'799'999'999);
  EXPECT_EQ(end.containerid(), "containerd://a/0");
}

TEST(Containers, CST6_DueToRestartWithoutAFailureStaysTerminated) {
  EXPECT_EQ(stateOf(compute(one(), box().exited("a", 1)).containerstatuses(0).state()), "terminated 1 Error");
}

TEST(Containers, CST6_StartFailureMovesTheEndToLastState) {
  const core::PodStatus status = compute(one(), box().exited("a", 1), remembering("a", pullFailed()));
  const core::ContainerStatus& a = status.containerstatuses(0);
  EXPECT_EQ(stateOf(a.state()), "waiting ErrImagePull");
  EXPECT_EQ(a.state().waiting().message(), "no such image");
  EXPECT_EQ(stateOf(a.laststate()), "terminated 1 Error");
  EXPECT_EQ(
      stateOf(compute(one("Never"), box().exited("a", 1), remembering("a", pullFailed())).containerstatuses(0).state()),
      "terminated 1 Error");
}

TEST(Containers, RST8_CrashLoopBackOff) {
  const core::PodStatus status = compute(one(), box().exited("a", 1), crashLooping("a"));
  const core::ContainerStatus& a = status.containerstatuses(0);
  EXPECT_EQ(stateOf(a.state()), "waiting CrashLoopBackOff");
  EXPECT_EQ(a.state().waiting().message(), "back-off 10s restarting failed container=a pod=web_default(uid)");
  EXPECT_EQ(stateOf(a.laststate()), "terminated 1 Error");
}

TEST(Containers, CST8_VanishedWhileRunning) {
  const core::PodStatus running = compute(one(), box().running("a"));
  const core::PodStatus gone = after(running, one(), box());
  EXPECT_EQ(stateOf(gone.containerstatuses(0).laststate()), "terminated 137 ContainerStatusUnknown");
  EXPECT_EQ(gone.containerstatuses(0).restartcount(), 1);
  EXPECT_EQ(gone.phase(), "Running");
  // Once, not with every status.
  EXPECT_EQ(after(gone, one(), box()).containerstatuses(0).restartcount(), 1);
  EXPECT_EQ(after(running, one().deleted(), box()).containerstatuses(0).restartcount(), 0);
}

TEST(Containers, CST8_AtTheEndEverybodyHasAnEnd) {
  const core::PodStatus status = compute(one().regular("b"), box().exited("a", 0), terminated());
  EXPECT_EQ(stateOf(status.containerstatuses(0).state()), "terminated 0 Completed");
  EXPECT_EQ(stateOf(status.containerstatuses(1).state()), "terminated 137 ContainerStatusUnknown");
  EXPECT_EQ(status.phase(), "Failed");
}

TEST(Containers, CST8_NeverStartedInitContainersAreLeftAlone) {
  const core::PodStatus status = compute(one().init("i").init("j"), box().running("i"), terminated());
  EXPECT_EQ(stateOf(status.initcontainerstatuses(0).state()), "terminated 137 ContainerStatusUnknown");
  EXPECT_EQ(stateOf(status.initcontainerstatuses(1).state()), "waiting PodInitializing");
}

TEST(Containers, CST9_RemovedInitContainerHasCompleted) {
  const core::PodStatus status = compute(one().init("i"), box().running("a"));
  EXPECT_EQ(stateOf(status.initcontainerstatuses(0).state()), "terminated 0 Completed");
  EXPECT_EQ(status.phase(), "Running");
}

TEST(Containers, CST11_VolumeMounts) {
  Wanted wanted = one();
  auto& mount = *wanted.last().add_volumemounts();
  mount.set_name("v");
  mount.set_mountpath("/data");
  const auto shown = [&] { return compute(wanted, Have()).containerstatuses(0).volumemounts(0); };
  EXPECT_EQ(shown().mountpath(), "/data");
  EXPECT_FALSE(shown().has_recursivereadonly());
  mount.set_readonly(true);
  mount.set_recursivereadonly("IfPossible");
  EXPECT_EQ(shown().recursivereadonly(), "Disabled");
}

TEST(Containers, CST12_Resources) {
  Wanted wanted = one();
  (*wanted.last().mutable_resources()->mutable_requests())["cpu"].set_string("250m");
  const auto status = compute(wanted, box().running("a")).containerstatuses(0);
  EXPECT_EQ(status.resources().requests().at("cpu").string(), "250m");
  EXPECT_EQ(status.allocatedresources().at("cpu").string(), "250m");
}

TEST(Containers, EPH3_EphemeralHasItsOwnList) {
  const core::PodStatus status = compute(one().ephemeral("d"), box().running("a").running("d"));
  ASSERT_EQ(status.ephemeralcontainerstatuses_size(), 1);
  EXPECT_EQ(stateOf(status.ephemeralcontainerstatuses(0).state()), "running");
  EXPECT_EQ(conditionOf(status, "Ready"), "True");
}

}  // namespace
}  // namespace cubelet::status
