// Plain init containers run one after the other, sidecars stay up from their turn on. Behaviours INI, SID.
#include <algorithm>

#include "kubelet/api/pod.h"
#include "kubelet/plan/planner.h"
#include "kubelet/plan/restart_policy.h"

namespace cubelet::plan {

using observe::ContainerState;

// A regular container exists in this sandbox, so all init containers were through, even those that are gone (INI-3,
// INI-5).
bool Planner::initialized() const {
  const auto& regular = spec_.containers();
  return std::any_of(regular.begin(), regular.end(), [&](const auto& c) { return inSandbox(c.name()) != nullptr; });
}

Planner::Init Planner::planInit() {
  const auto& containers = spec_.initcontainers();
  // Completed init containers may have been removed from the runtime: the last one that is there tells how far the
  // sequence has come.
  int reached = -1;
  if (initialized()) {
    reached = containers.size();
  } else {
    for (int i = 0; i < containers.size(); ++i) {
      if (inSandbox(containers[i].name()) != nullptr) reached = i;
    }
  }
  for (int i = 0; i < containers.size(); ++i) {
    const core::Container& container = containers[i];
    const bool passed = i < reached;
    if (api::isSidecar(container)) {
      const bool started = planSidecar(container);
      if (!passed && !started) return Init::kInProgress;
    } else if (!passed) {
      const Init init = planPlainInit(container);
      if (init != Init::kDone) return init;
    }
  }
  return Init::kDone;
}

Planner::Init Planner::planPlainInit(const core::Container& container) {
  const Instance* instance = inSandbox(container.name());
  killStrays(container.name(), instance);
  if (instance == nullptr || instance->state == ContainerState::kCreated) {
    startOrWait(container, ContainerKind::kInit);
    return Init::kInProgress;
  }
  switch (instance->state) {
    case ContainerState::kExited:
      if (!initFailed(*instance)) return Init::kDone;
      if (!mayRestartFailedInit(spec_, container, instance->exitCode)) return Init::kFailed;
      startOrWait(container, ContainerKind::kInit);
      break;
    case ContainerState::kUnknown:
      replaceUnknown(container, ContainerKind::kInit, *instance);
      break;
    case ContainerState::kRunning:
    case ContainerState::kCreated:
      break;
  }
  return Init::kInProgress;
}

bool Planner::planSidecar(const core::Container& container) {
  const Instance* instance = inSandbox(container.name());
  killStrays(container.name(), instance);
  if (instance == nullptr || instance->state == ContainerState::kCreated ||
      instance->state == ContainerState::kExited) {
    startOrWait(container, ContainerKind::kSidecar);
    return false;
  }
  if (instance->state == ContainerState::kUnknown) {
    replaceUnknown(container, ContainerKind::kSidecar, *instance);
    return false;
  }
  const bool started = hasStarted(container, memory_.of(container.name()));
  return !replaceIfNeeded(container, ContainerKind::kSidecar, *instance) && started;
}

}  // namespace cubelet::plan
