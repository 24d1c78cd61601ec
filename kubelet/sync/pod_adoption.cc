#include "kubelet/sync/pod_adoption.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::sync {
namespace {

// "<n>.log" and its rotated forms -> n.
std::optional<std::uint32_t> attemptOf(const std::string& file) {
  std::uint32_t attempt = 0;
  auto [end, error] = std::from_chars(file.data(), file.data() + file.size(), attempt);
  if (error != std::errc() || !std::string_view(end, file.data() + file.size()).starts_with(".log"))
    return std::nullopt;
  return attempt;
}

}  // namespace

PodAdoption::Found PodAdoption::adopt() {
  adopted_ = true;
  Found found;
  if (const observe::ObservedPod* pod = context_.observer.find(state_.uid())) {
    found.isUp = !pod->sandboxes.empty();
    for (const observe::ObservedSandbox& sandbox : pod->sandboxes)
      found.since = std::min(found.since, sandbox.createdAt);
    adoptVerdicts(*pod);
  }
  readAttemptsFromLogs();
  return found;
}

// What the probes had found out before the agent restarted holds until they have asked again (PRB-16).
void PodAdoption::adoptVerdicts(const observe::ObservedPod& pod) {
  for (const observe::ObservedContainer& instance : pod.containers) {
    if (instance.state != observe::ContainerState::kRunning) continue;
    ranBefore_.insert(instance.id);
    const std::string id = "://" + instance.id;  // the runtime's own name may not be known yet
    // As the API server has it: what this run of the agent has computed so far knows nothing of probes.
    const core::PodStatus& told = state_.pod.status();
    for (const auto* list : {&told.containerstatuses(), &told.initcontainerstatuses()})
      for (const core::ContainerStatus& known : *list) {
        if (!known.containerid().ends_with(id) || !known.state().has_running()) continue;
        plan::ContainerMemory& memory = state_.memory.containers[instance.name];
        if (known.started()) memory.startupPassed = true;
        memory.ready = known.ready();
      }
  }
}

// Where the runtime has no instance left, the log files still tell how often a container has run (RST-4).
void PodAdoption::readAttemptsFromLogs() {
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  const std::string directory = layout::podLogDirectory(context_.node.dirs, meta.namespace_(), meta.name(), meta.uid());
  Result<std::vector<std::string>> containers = listDirectory(directory);
  if (!containers) return;
  for (const std::string& container : *containers) {
    Result<std::vector<std::string>> files = listDirectory(joinPath(directory, container));
    if (!files) continue;
    for (const std::string& file : *files)
      if (std::optional<std::uint32_t> attempt = attemptOf(file)) {
        std::uint32_t& next = state_.memory.containers[container].attemptFromLogs;
        next = std::max(next, *attempt + 1);
      }
  }
}

Task<bool> PodAdoption::runsOutsideItsCgroup() {
  const observe::ObservedPod* pod = context_.observer.find(state_.uid());
  const bool runs = pod != nullptr && std::ranges::any_of(pod->sandboxes, &observe::ObservedSandbox::ready);
  if (state_.inCgroup || !runs) co_return false;
  core::Pod object = state_.pod;
  Result<bool> there = co_await context_.cgroups.adopt(std::move(object));
  if (!there) {
    log::debug(1, "cannot look at the pod's cgroup", {{"pod", state_.ref()}, {"error", there.error().message}});
    co_return false;
  }
  state_.inCgroup = true;
  co_return !*there && state_.pod.spec().restartpolicy() != "Never";
}

}  // namespace cubelet::sync
