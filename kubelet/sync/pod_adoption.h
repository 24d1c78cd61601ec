// PodAdoption: what an agent finds of a pod that ran before the agent did.
#pragma once

#include <set>
#include <string>

#include "base/clock.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// The pod goes on as if the agent had never been away: its memory gets what the runtime, the pod's status and its logs
// still tell. Loop thread only.
class PodAdoption {
 public:
  PodAdoption(Context& context, PodState& state) : context_(context), state_(state) {}

  struct Found {
    bool isUp = false;                 // there is a sandbox
    WallTime since = WallTime::max();  // the age of the oldest one
  };
  // Once, when the runtime is known.
  Found adopt();
  bool adopted() const { return adopted_; }
  // The container ran at that time already.
  bool ranBefore(const std::string& containerId) const { return ranBefore_.contains(containerId); }

  // RES-7: true, once, for what runs outside of its pod's cgroup, since that is a new thing on this node; it should end
  // and come up again in it. A pod that would not come up again is left as it is.
  Task<bool> runsOutsideItsCgroup();

 private:
  void adoptVerdicts(const observe::ObservedPod& pod);
  void readAttemptsFromLogs();

  Context& context_;
  PodState& state_;
  bool adopted_ = false;
  std::set<std::string> ranBefore_;  // ids
};

}  // namespace cubelet::sync
