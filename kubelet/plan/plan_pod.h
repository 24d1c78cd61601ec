// The planner: what has to happen to one pod next. Pure: no I/O, no clock, no log. Same input, same plan.
//
// Carry a plan out in the order of its members: killPod, kill, prune, createSandbox, start, stopSandbox,
// removeSandboxes. When a stop or
// a removal fails, leave the rest and plan again: a start relies on what was stopped before it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/observe/observed_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::plan {

namespace core = ::k8s::core::v1;

// What the agent knows of a container and the runtime does not. Lost on restart by design (upstream REC-7), except what
// the worker rebuilds from the runtime.
struct ContainerMemory {
  // Crash-loop back-off (RST-6): the delay that the next restart has to wait after the end of the instance before it,
  // and when that was decided. Zero: the next restart is the first one and waits for nothing. Set by noteStarted().
  Duration backoff{0};
  WallTime backoffSetAt;
  std::string backoffKey;  // image and resources for which the delay was counted: another key starts anew (RST-7)
  // The attempt of the next instance when the runtime has none left: one more than the highest <n>.log (RST-4).
  std::uint32_t attemptFromLogs = 0;
  // The last failure to start an instance, until one starts (CST-6, CST-7): e.g. ErrImagePull, CreateContainerError.
  std::string failureReason;
  std::string failureMessage;
  WallTime retryAt;  // not before then (RST-10: 10 s, jittered by whoever sets it); epoch: at once
  // Probe verdicts. Without a probe of that kind: startup passed and ready as soon as the container runs.
  std::optional<bool> startupPassed;
  std::optional<bool> ready;
  // Set by a failed liveness or startup probe ("Container web failed liveness probe"), cleared by a new instance: kill
  // the running instance; ", will be restarted" is added when the policy says so (PRB-7).
  std::string unhealthyMessage;
  std::optional<Duration> unhealthyGrace;  // the probe's own grace period for that kill (PRB-13)
  // An in-place resize that this instance cannot take up while it runs (RSZ-6), cleared by a new instance.
  bool resizeNeedsRestart = false;
  // What the instance has of cpu and memory, as long as a resize leaves it with other resources than the pod says.
  std::optional<core::ResourceRequirements> applied;
  // All its instances were removed for the pod's containers to start over; cleared by a new instance (RST-2).
  bool startsOver = false;
  bool postStartRuns = false;  // until it ends, the instance does not count as running for anybody (TRM-6)
};

struct PodMemory {
  std::map<std::string, ContainerMemory> containers;  // by container name
  WallTime sandboxRetryAt;                            // SBX-3: not before then; epoch: at once
  std::set<std::string> superfluous;                  // ids of dead instances that the node has no room for (GC-1)
  bool ended = false;  // Succeeded or Failed was or will be shown: nothing of the pod starts again (PLC-7, DLN-2)

  // What is known of that container; an empty memory when nothing is.
  const ContainerMemory& of(const std::string& container) const;
};

struct PlanOptions {
  Duration backoffInitial = std::chrono::seconds(10);  // RST-6
  Duration backoffCap = std::chrono::seconds(300);     // a smaller one also lowers the initial delay
  Duration backoffResetAfter = std::chrono::minutes(10);
  std::size_t keepDead = 1;    // dead instances kept for each container name (INI-6, GC-1)
  Duration minimumDeadAge{0};  // dead instances made less long ago stay (GC-1)
};

enum class ContainerKind { kInit, kSidecar, kRegular, kEphemeral };

struct StartContainer {
  std::string name;
  ContainerKind kind = ContainerKind::kRegular;
  std::uint32_t attempt = 0;  // CRI attempt = restart count = <attempt>.log; free once `prune` is carried out
  // The back-off state to remember when this start is carried out (noteStarted); zero for a first start.
  Duration backoff{0};
  std::string backoffKey;
};

struct KillContainer {
  std::string id;
  std::string name;
  std::string message;            // of the Killing event
  std::optional<Duration> grace;  // instead of the pod's own
};

// A container that must wait before its restart (RST-8).
struct BackingOff {
  std::string name;
  Duration backoff{0};
  WallTime until;
};

// All containers start over because of the exit of this one (RST-2).
struct StartOver {
  std::string because;
  Duration backoff{0};  // for it to remember: its next exit of that kind waits so long
  std::string backoffKey;
};

struct PodPlan {
  // Stop every container (in the order of planTermination) and every sandbox of the pod first: because a new sandbox is
  // needed (SBX-1), or because the pod is finished while sidecars or debug containers still run (SID-4).
  bool killPod = false;
  std::string killReason;           // for the log; empty unless killPod
  std::vector<KillContainer> kill;  // single containers
  std::vector<std::string> prune;   // ids of instances to remove: old dead ones (INI-6, GC-1), and created ones that
                                    // never ran and are about to be replaced (RST-3)
  // What is in `kill` and `prune` goes for this reason: call noteStartOver() before, and leave the logs.
  std::optional<StartOver> startOver;
  bool createSandbox = false;  // all init containers run again in it. Event SandboxChanged when sandboxAttempt > 0
  std::uint32_t sandboxAttempt = 0;          // of the sandbox to create
  std::string sandboxId;                     // of the sandbox that stays; empty when one is created or none is needed
  std::vector<StartContainer> start;         // in this order; a failed one does not hold back the others
  bool stopSandbox = false;                  // RST-11: nothing runs and nothing will: release the network, keep logs
  std::vector<std::string> removeSandboxes;  // ids of dead ones that a newer one has replaced and no container lies in
                                             // any more (GC-2): stop, then remove; nothing depends on it

  // The others say how things stand, they are no orders.
  std::vector<BackingOff> backingOff;
  bool finished = false;           // nothing of this pod will ever run again
  std::optional<WallTime> wakeAt;  // plan again then, whatever else happens; later than `now`
  bool idle() const {
    return !killPod && !createSandbox && kill.empty() && start.empty() && prune.empty() && !stopSandbox &&
           removeSandboxes.empty();
  }
};

// For a pod that is wanted and not terminating; with a deletionTimestamp nothing is started. `pod` has its defaults.
// `now` is wall time: the runtime's finishedAt is compared with it.
// Rules: behaviours RST, SBX, INI, SID, EPH (upstream pkg/kubelet/kuberuntime/kuberuntime_manager.go,
// computePodActions).
PodPlan planPod(const core::Pod& pod, const observe::ObservedPod& have, const PodMemory& memory,
                const PlanOptions& options, WallTime now);

// The containers that come first in a new sandbox, so that their images can be seen to while it is being made: the
// first init container, or all regular ones when there are no init containers.
std::vector<std::string> firstContainers(const core::Pod& pod);

// To be called when an instance for `start` has been created, whether or not it could be started then: remembers the
// back-off and forgets what belonged to the instance before (failure, probe verdicts).
void noteStarted(PodMemory& memory, const StartContainer& start, WallTime now);

// To be called before the instances go: what was known of them is forgotten, but for back-off and attempts.
void noteStartOver(PodMemory& memory, const core::Pod& pod, const StartOver& startOver);

// To be called when that instance runs: an ephemeral container that has run never runs again, whatever the runtime
// still has of it (EPH-1).
void noteRunning(PodMemory& memory, const StartContainer& start);

// When spec.activeDeadlineSeconds have passed since the pod's start (DLN-1); nothing without that field.
std::optional<WallTime> activeDeadline(const core::Pod& pod, WallTime startTime);

// True once a container that runs counts as started (SID-1, CST-4): no startup probe, or it has passed.
bool hasStarted(const core::Container& container, const ContainerMemory& memory);

}  // namespace cubelet::plan
