// The status of one pod as the API shows it, computed from what was wanted and what the runtime has. Pure.
// Behaviours PLC, PCO, CST (upstream pkg/kubelet/kubelet_pods.go, pkg/kubelet/status/generate.go).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/plan_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::status {

namespace core = ::k8s::core::v1;

// A decision from outside the containers that fails the pod: rejection, deadline, eviction.
struct FailedBy {
  std::string reason;       // DeadlineExceeded, Evicted, OutOfcpu, ...
  std::string message;      // as it shall be shown: "Pod was rejected: ..."
  bool disruption = false;  // by somebody other than the pod: it gets the condition DisruptionTarget (PCO-9)
};

// A condition of an in-place resize (RSZ-2, RSZ-4).
struct ResizeState {
  std::string reason;  // Deferred, Infeasible, Error; empty: all is well so far
  std::string message;
  std::int64_t generation = 0;  // of the pod's object that it is about
};

struct StatusInputs {
  WallTime now;
  WallTime startTime;                // when the agent took the pod on; a start time in `previous` wins (PLC-10)
  std::vector<std::string> nodeIps;  // of the node, preferred first (PLC-12)
  // The status computed last, for what must not be lost: transition times, restart counts, addresses, the terminal
  // phase. Null: what the pod object itself carries.
  const core::PodStatus* previous = nullptr;
  std::span<const plan::BackingOff> backingOff;  // of the plan for the same observation
  bool startsOver = false;                       // by that plan all containers do (RST-2)
  bool terminating = false;                      // being stopped for good: nothing is due to restart
  bool terminated = false;  // and everything has stopped: this is the final status (CST-8, PLC-6, PLC-9)
  std::optional<FailedBy> failed;
  std::string waitingVolumes;  // what the pod's volumes wait for, when some have failed; told of containers that wait
  std::optional<ResizeState> resizePending = {};
  std::optional<ResizeState> resizeInProgress = {};
  std::string runtimeName = "containerd";      // scheme of containerID
  bool runtimeMakesRecursiveReadOnly = false;  // the pod's runtime handler supports it (CST-11)
};

core::PodStatus computeStatus(const core::Pod& pod, const observe::ObservedPod& have, const plan::PodMemory& memory,
                              const StatusInputs& inputs);

// What may be shown of `computed` while `shown` is what was shown last: a terminal phase (with its reason, message and
// DisruptionTarget condition) is held back until no container can run any more (PLC-8, PCO-9).
core::PodStatus holdBackTerminalPhase(core::PodStatus computed, const core::PodStatus& shown, bool containersMayRun);

// Succeeded or Failed: never left again.
bool isTerminalPhase(std::string_view phase);

// The condition is written by nobody but the agent (PCO-1).
bool isOwnCondition(std::string_view type);

// The pod comes from a file or URL, not from the API server.
bool isStaticPod(const core::Pod& pod);

}  // namespace cubelet::status
