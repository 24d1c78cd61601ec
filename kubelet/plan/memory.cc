#include "kubelet/plan/plan_pod.h"

namespace cubelet::plan {

const ContainerMemory& PodMemory::of(const std::string& container) const {
  static const ContainerMemory kNothing;
  const auto found = containers.find(container);
  return found == containers.end() ? kNothing : found->second;
}

void noteStarted(PodMemory& memory, const StartContainer& start, WallTime now) {
  ContainerMemory fresh;
  fresh.backoff = start.backoff;
  fresh.backoffSetAt = now;
  fresh.backoffKey = start.backoffKey;
  fresh.attemptFromLogs = start.kind == ContainerKind::kEphemeral ? start.attempt : start.attempt + 1;
  memory.containers[start.name] = std::move(fresh);
}

void noteRunning(PodMemory& memory, const StartContainer& start) {
  memory.containers[start.name].attemptFromLogs = start.attempt + 1;
}

bool hasStarted(const core::Container& container, const ContainerMemory& memory) {
  return !container.has_startupprobe() || memory.startupPassed.value_or(false);
}

}  // namespace cubelet::plan
