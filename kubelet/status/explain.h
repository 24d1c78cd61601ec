// Why does this pod wait? Pure: from what is wanted, what is there, what failed and what is planned next.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/plan_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::status {

// One thing on which the pod, or a part of it, waits.
struct Obstacle {
  std::string step;    // volume, sandbox, image, create, start, back-off, init, startup, readiness, gate
  std::string object;  // "pod", "container web" or "volume data"
  std::optional<WallTime> since;
  // Who has to act: runtime, registry, storage, clock, program, probe, manifest, controller, or the missing "ConfigMap
  // NAME".
  std::string waitingOn;
  std::string detail;  // one sentence: "back-off 20s until 2027-01-15T08:00:20Z, last exit code 1"
};

// A volume that is not ready yet.
struct WaitingVolume {
  std::string name;
  WallTime since;                           // when it was first tried
  std::string failure;                      // of the last try; empty: the first one is under way
  WallTime nextTry;                         // epoch: a try is under way
  std::optional<std::uint64_t> filesGiven;  // looked at so far, while its files are given to the fsGroup
};

// In the order in which they block the pod, the first one foremost; empty when it waits for nothing: everything runs
// and is ready, or is finished. `plan` must have been made from the same inputs.
std::vector<Obstacle> explain(const k8s::core::v1::Pod& pod, const observe::ObservedPod& have,
                              const plan::PodMemory& memory, const plan::PodPlan& plan, WallTime now,
                              std::span<const WaitingVolume> volumes = {});

// "container web: back-off 20s until ..., last exit code 1"
std::string toText(const Obstacle& obstacle);

}  // namespace cubelet::status
