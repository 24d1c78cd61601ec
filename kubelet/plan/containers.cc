// Regular and ephemeral containers. Behaviours RST, EPH.
#include "kubelet/plan/planner.h"
#include "kubelet/plan/restart_policy.h"

namespace cubelet::plan {

using observe::ContainerState;

bool Planner::planRegular(const core::Container& container) {
  const Instance* current = inSandbox(container.name());
  killStrays(container.name(), current);
  const Instance* newest = current != nullptr ? current : have_.newest(container.name());
  if (newest == nullptr || newest->state == ContainerState::kCreated) {
    startOrWait(container, ContainerKind::kRegular);
    return true;
  }
  switch (newest->state) {
    case ContainerState::kRunning:
      if (newest == current) replaceIfNeeded(container, ContainerKind::kRegular, *newest);
      return true;
    case ContainerState::kUnknown:
      // One in an older sandbox was killed as a stray; its end decides about the next one.
      if (newest == current) replaceUnknown(container, ContainerKind::kRegular, *newest);
      return true;
    case ContainerState::kExited:
    case ContainerState::kCreated:
      break;
  }
  if (!mayRestart(spec_, container, newest->exitCode)) return false;
  startOrWait(container, ContainerKind::kRegular);
  return true;
}

// In a new sandbox, when the old one and all that ran in it are gone.
bool Planner::wantsNewInstance(const core::Container& container) const {
  const Instance* newest = have_.newest(container.name());
  if (newest == nullptr) return true;
  switch (newest->state) {
    case ContainerState::kCreated:
      return true;
    case ContainerState::kExited:
      return mayRestart(spec_, container, newest->exitCode);
    case ContainerState::kRunning:
    case ContainerState::kUnknown:
      break;
  }
  return mayRestartAfterKill(spec_, container);
}

// Started whatever the init containers do, and never again (EPH-1).
void Planner::planEphemeral() {
  for (const core::EphemeralContainer& ephemeral : spec_.ephemeralcontainers()) {
    const std::string& name = ephemeral.ephemeralcontainercommon().name();
    const Instance* newest = have_.newest(name);
    if (newest != nullptr && newest->state != ContainerState::kCreated) continue;
    // It has been there once, and whoever removes dead instances has removed it.
    if (newest == nullptr && memory_.of(name).attemptFromLogs > 0) continue;
    if (const WallTime retryAt = memory_.of(name).retryAt; retryAt > now_) {
      wakeAt(retryAt);
    } else {
      addStart(name, ContainerKind::kEphemeral, Duration::zero(), {});
    }
  }
}

}  // namespace cubelet::plan
