#include "kubelet/plan/plan_pod.h"

#include <algorithm>
#include <utility>

#include "kubelet/api/pod.h"
#include "kubelet/plan/planner.h"
#include "kubelet/plan/restart_policy.h"

namespace cubelet::plan {

using observe::ContainerState;

PodPlan planPod(const core::Pod& pod, const observe::ObservedPod& have, const PodMemory& memory,
                const PlanOptions& options, WallTime now) {
  return Planner(pod, have, memory, options, now).run();
}

Planner::Planner(const core::Pod& pod, const observe::ObservedPod& have, const PodMemory& memory,
                 const PlanOptions& options, WallTime now)
    : pod_(pod),
      spec_(pod.spec()),
      have_(have),
      memory_(memory),
      options_(options),
      now_(now),
      sandbox_(judgeSandbox(pod, have)) {}

PodPlan Planner::run() {
  if (memory_.ended || pod_.metadata().has_deletiontimestamp()) {
    finish();
  } else if (startOver()) {
    plan_.sandboxId = sandbox_.usable ? sandbox_.id : "";
  } else if (!sandbox_.usable) {
    recreateSandbox();
  } else {
    plan_.sandboxId = sandbox_.id;
    planEphemeral();
    const Init init = planInit();
    bool alive = init == Init::kInProgress;
    if (init == Init::kDone) {
      for (const core::Container& container : spec_.containers()) alive |= planRegular(container);
    }
    if (!alive) finish();
  }
  pruneDead();
  removeOldSandboxes();
  return std::move(plan_);
}

void Planner::recreateSandbox() {
  if (nothingLeftToRun()) {
    finish();
    return;
  }
  const bool mustWait = memory_.sandboxRetryAt > now_;
  if (mustWait) wakeAt(memory_.sandboxRetryAt);
  plan_.createSandbox = !mustWait;
  plan_.sandboxAttempt = mustWait ? 0 : sandbox_.nextAttempt;
  // A sandbox that is not ready has to be stopped too: its network is still set up.
  plan_.killPod = anythingRuns() || anySandboxReady() || (plan_.createSandbox && !have_.sandboxes.empty());
  if (plan_.killPod) plan_.killReason = sandbox_.reason;
  if (mustWait) return;

  if (!spec_.initcontainers().empty()) {
    const core::Container& first = spec_.initcontainers(0);
    startOrWait(first, api::isSidecar(first) ? ContainerKind::kSidecar : ContainerKind::kInit);
    return;
  }
  for (const core::Container& container : spec_.containers()) {
    if (wantsNewInstance(container)) startOrWait(container, ContainerKind::kRegular);
  }
}

// Without a usable sandbox every instance is as good as dead: would any container run again in a new one (SBX-2)?
bool Planner::nothingLeftToRun() const {
  if (have_.containers.empty()) return false;
  const auto& regular = spec_.containers();
  const bool anyRegularSeen =
      std::any_of(regular.begin(), regular.end(), [&](const auto& c) { return have_.newest(c.name()) != nullptr; });
  if (!anyRegularSeen) {
    for (const core::Container& init : spec_.initcontainers()) {
      const Instance* newest = have_.newest(init.name());
      if (newest == nullptr || newest->state == ContainerState::kCreated || api::isSidecar(init)) continue;
      const bool ended = newest->state == ContainerState::kExited;
      if (ended && !initFailed(*newest)) continue;
      const bool again = ended ? mayRestartFailedInit(spec_, init, newest->exitCode) : mayRestartAfterKill(spec_, init);
      if (!again) return true;
    }
  }
  return std::none_of(regular.begin(), regular.end(), [&](const auto& c) { return wantsNewInstance(c); });
}

// Nothing of the pod runs again (SID-4, INI-2, SBX-2).
void Planner::finish() {
  plan_.start.clear();
  plan_.kill.clear();
  plan_.backingOff.clear();
  plan_.prune.clear();
  plan_.wakeAt.reset();
  plan_.sandboxId.clear();
  plan_.finished = true;
  if (anythingRuns()) {
    plan_.killPod = true;
    plan_.killReason = "no container of the pod is left to run";
  } else if (anySandboxReady()) {
    plan_.stopSandbox = true;
  }
}

bool Planner::anythingRuns() const {
  return std::ranges::any_of(have_.containers, [](const Instance& instance) {
    return instance.state == ContainerState::kRunning || instance.state == ContainerState::kUnknown;
  });
}

bool Planner::anySandboxReady() const {
  return std::ranges::any_of(have_.sandboxes, [](const auto& sandbox) { return sandbox.ready; });
}

std::vector<std::string> firstContainers(const core::Pod& pod) {
  const core::PodSpec& spec = pod.spec();
  if (spec.initcontainers_size() > 0) return {spec.initcontainers(0).name()};
  std::vector<std::string> names;
  for (const core::Container& container : spec.containers()) names.push_back(container.name());
  return names;
}

}  // namespace cubelet::plan
