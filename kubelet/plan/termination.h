// Stopping a whole pod in order: which containers are to be stopped now, and with how much time. Pure.
// Behaviours SID-5, TRM-1, TRM-2.
#pragma once

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

struct TerminationPlan {
  // Whose turn it is, with what is left of the grace period. Containers whose stop is already under way are listed
  // again: leave them alone unless the deadline has moved forward, then interrupt the call and repeat it with the new
  // grace (TRM-1).
  std::vector<StopContainer> stop;
  std::vector<std::string> stopSandboxes;  // once no container runs: to be stopped now, newest first
  bool done = false;                       // no container runs and all sandboxes have been stopped
  std::optional<TimePoint> wakeAt;         // the deadline, while a sidecar waits for its turn
};

// `pod` may be null: then the order of sidecars is unknown and all are stopped at once. `deadline` is when the grace
// period ends (terminationGrace() after it began); all containers share it. A sidecar's turn comes when all others but
// the sidecars before it have ended; when the deadline has passed, everybody's has come, with the least grace.
// `stoppedSandboxes` are those for which StopPodSandbox has returned in this termination: a sandbox that is not ready
// may still hold its network, so each one is stopped once.
TerminationPlan planTermination(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have, TimePoint deadline,
                                const std::set<std::string>& stoppedSandboxes, TimePoint now);

// metadata.deletionGracePeriodSeconds, else spec.terminationGracePeriodSeconds; without the object, the same two from
// the annotations of its newest container that has them. Nothing known: 30 s for a pod, 1 s without one. At least 1 s.
Duration terminationGrace(const k8s::core::v1::Pod* pod, const observe::ObservedPod& have);

}  // namespace cubelet::plan
