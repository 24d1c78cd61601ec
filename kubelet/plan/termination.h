// Stopping a whole pod in order: which containers are to be stopped now, and with how much time. Pure.
// Behaviours SID-5, TRM-1 to TRM-4.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/observe/observed_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::plan {

// The least that StopContainer is given, so that a program sees its SIGTERM before the SIGKILL.
inline constexpr Duration kMinimumStopGrace = std::chrono::seconds(2);

struct StopContainer {
  std::string id;
  std::string name;
  Duration grace{0};    // for StopContainer; whole seconds are the caller's business (round up)
  std::string message;  // of the Killing event, to be sent once per container
};

// How far the preStop hook of a container is. One that is not mentioned has not begun.
enum class HookState { kRunning, kEnded };
using HookStates = std::map<std::string, HookState>;  // by container id

struct TerminationPlan {
  // Whose preStop hook is to begin now: all at once, sidecars too. It has as long as the grace period lasts; the
  // container itself is stopped when the hook has ended, or with the grace period.
  std::vector<StopContainer> preStop;
  // Whose turn it is, with what is left of the grace period. Containers whose stop is already under way are listed
  // again: leave them alone unless the deadline has moved forward, then interrupt the call and repeat it with the new
  // grace (TRM-1).
  std::vector<StopContainer> stop;
  std::vector<std::string> stopSandboxes;  // once no container runs: to be stopped now, newest first
  bool done = false;                       // no container runs and all sandboxes have been stopped
  std::optional<TimePoint> wakeAt;         // the deadline, while a sidecar waits for its turn or a hook runs
};

// `pod` may be null: then the order of sidecars is unknown and all are stopped at once. `deadline` is when the grace
// period ends (terminationGrace() after it began); all containers share it. A sidecar's turn comes when all others but
// the sidecars before it have ended; when the deadline has passed, everybody's has come, with the least grace.
// `stoppedSandboxes` are those for which StopPodSandbox has returned in this termination: a sandbox that is not ready
// may still hold its network, so each one is stopped once.
TerminationPlan planTermination(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have, TimePoint deadline,
                                const std::set<std::string>& stoppedSandboxes, TimePoint now,
                                const HookStates& preStops = {});

// The container as its hooks need it (name, ports, lifecycle): from the spec, or from what its annotations have kept of
// it when the pod's object, or the container in it, is unknown (SBX-4).
k8s::core::v1::Container containerOf(const k8s::core::v1::Pod* pod, const observe::ObservedContainer& instance);
// It runs and has a preStop hook. Plain init containers have none (INI-7).
bool hasPreStop(const k8s::core::v1::Pod* pod, const observe::ObservedContainer& instance);

// metadata.deletionGracePeriodSeconds, else spec.terminationGracePeriodSeconds; without the object, the same two from
// the annotations of its newest container that has them. Nothing known: 30 s for a pod, 1 s without one. At least 1 s.
Duration terminationGrace(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have);

}  // namespace cubelet::plan
