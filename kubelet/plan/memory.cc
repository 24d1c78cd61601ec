#include <algorithm>

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

void noteStartOver(PodMemory& memory, const core::Pod& pod, const StartOver& startOver) {
  for (const auto* list : {&pod.spec().initcontainers(), &pod.spec().containers()})
    for (const core::Container& container : *list) memory.containers[container.name()].startsOver = true;
  ContainerMemory& source = memory.containers[startOver.because];
  source.backoff = startOver.backoff;
  source.backoffKey = startOver.backoffKey;
}

void noteRunning(PodMemory& memory, const StartContainer& start) {
  memory.containers[start.name].attemptFromLogs = start.attempt + 1;
}

std::optional<WallTime> activeDeadline(const core::Pod& pod, WallTime startTime) {
  if (!pod.spec().has_activedeadlineseconds()) return std::nullopt;
  // What is beyond the life of any pod (or negative) must not overflow.
  constexpr std::chrono::seconds kMost = std::chrono::years(10);
  const std::chrono::seconds deadline(pod.spec().activedeadlineseconds());
  return startTime + std::clamp(deadline, std::chrono::seconds(0), kMost);
}

bool hasStarted(const core::Container& container, const ContainerMemory& memory) {
  return !container.has_startupprobe() || memory.startupPassed.value_or(false);
}

}  // namespace cubelet::plan
