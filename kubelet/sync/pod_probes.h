// PodProbes: the probes of a pod's containers, and what follows from their verdicts.
#pragma once

#include <functional>

#include "kubelet/probes/pod_prober.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_adoption.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Verdicts go into the pod's memory; what to do about them is the planner's business. Loop thread only.
class PodProbes {
 public:
  struct Hooks {
    std::function<bool()> stopping;  // the pod is being stopped: a failed probe does no more harm
    std::function<void()> changed;   // the memory says something new
  };
  PodProbes(Context& context, PodState& state, const PodAdoption& adoption, Hooks hooks);

  // The containers that run are probed, all others are not. After each change of what runs.
  void sync();
  Task<void> close() { return prober_.close(); }

 private:
  std::vector<probes::RunningContainer> running() const;
  void heed(const probes::Verdict& verdict);

  Context& context_;
  PodState& state_;
  const PodAdoption& adoption_;
  Hooks hooks_;
  probes::PodProber prober_;
};

}  // namespace cubelet::sync
