// Why does this pod wait? Pure: from what is wanted, what is there, what failed and what is planned next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/plan_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::status {

// One thing on which the pod, or a part of it, waits.
struct Obstacle {
  std::string step;    // sandbox, image, create, start, back-off, init, startup, readiness, gate
  std::string object;  // "pod" or "container web"
  std::optional<WallTime> since;
  // Who has to act: runtime, registry, clock, program, probe, manifest, controller, or the missing "ConfigMap NAME".
  std::string waitingOn;
  std::string detail;  // one sentence: "back-off 20s until 2027-01-15T08:00:20Z, last exit code 1"
};

// In the order in which they block the pod, the first one foremost; empty when it waits for nothing: everything runs
// and is ready, or is finished. `plan` must have been made from the same inputs.
std::vector<Obstacle> explain(const k8s::core::v1::Pod& pod, const observe::ObservedPod& have,
                              const plan::PodMemory& memory, const plan::PodPlan& plan, WallTime now);

// "container web: back-off 20s until ..., last exit code 1"
std::string toText(const Obstacle& obstacle);

}  // namespace cubelet::status
