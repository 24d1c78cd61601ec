// All containers start over because of the exit of one (RST-2, KEP-5532): those that run are killed, all are removed,
// and the next plan finds a sandbox without containers.
#include <algorithm>

#include "kubelet/plan/backoff.h"
#include "kubelet/plan/planner.h"
#include "kubelet/plan/restart_policy.h"

namespace cubelet::plan {

using observe::ContainerState;

bool Planner::startOver() {
  const core::Container* source = nullptr;
  const Instance* ended = nullptr;
  for (const auto* list : {&spec_.initcontainers(), &spec_.containers()}) {
    for (const core::Container& container : *list) {
      const Instance* newest = have_.newest(container.name());
      const bool asks = source == nullptr && newest != nullptr && newest->state == ContainerState::kExited &&
                        restartsAll(container, newest->exitCode);
      if (!asks) continue;
      source = &container;
      ended = newest;
    }
  }
  if (source == nullptr) return false;
  std::string key = backoffKey(*source);
  const BackoffDecision backoff = decideBackoff(memory_.of(source->name()), key, ended, options_, now_);
  if (backoff.until) return false;  // until then it waits, as any other container would, and the others run on

  plan_.startOver = StartOver{.because = source->name(), .backoff = backoff.next, .backoffKey = std::move(key)};
  for (const Instance& instance : have_.containers) {
    if (instance.state == ContainerState::kRunning || instance.state == ContainerState::kUnknown)
      kill(instance, "Container " + instance.name + " is killed, all containers of the pod start over",
           Duration::zero());
    // What a person looked around with stays to be seen, and never runs again (EPH-1).
    if (&instance != ended && !isEphemeral(instance.name)) plan_.prune.push_back(instance.id);
  }
  // Last: as long as it is there, an agent that starts anew knows what it has to do.
  plan_.prune.push_back(ended->id);
  return true;
}

bool Planner::isEphemeral(const std::string& name) const {
  const auto& all = spec_.ephemeralcontainers();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return one.ephemeralcontainercommon().name() == name; });
}

}  // namespace cubelet::plan
