#include "kubelet/logs/log_source.h"

#include <algorithm>

namespace cubelet::logs {
namespace {

const core::ContainerStatus* statusOf(const core::Pod& pod, std::string_view container) {
  const core::PodStatus& status = pod.status();
  for (const auto* statuses :
       {&status.containerstatuses(), &status.initcontainerstatuses(), &status.ephemeralcontainerstatuses()})
    for (const core::ContainerStatus& one : *statuses)
      if (one.name() == container) return &one;
  return nullptr;
}

std::unexpected<Error> notFound(std::string message) {
  return fail(Code::kNotFound, "", std::move(message));
}

std::string waitingText(const core::ContainerStatus* status) {
  std::string reason = status ? status->state().waiting().reason() : "";
  if (reason.empty()) return "is waiting to start: no logs yet";
  if (reason == "ErrImagePull") return "is waiting to start: image can't be pulled";
  if (reason == "ImagePullBackOff") return "is waiting to start: trying and failing to pull image";
  return "is waiting to start: " + reason;
}

std::string pathOf(const core::Pod& pod, std::string_view container, int attempt) {
  const auto& meta = pod.metadata();
  return meta.namespace_() + "_" + meta.name() + "_" + meta.uid() + "/" + std::string(container) + "/" +
         std::to_string(attempt) + ".log";
}

}  // namespace

std::vector<std::string> containerNames(const core::Pod& pod) {
  std::vector<std::string> names;
  for (const core::Container& container : pod.spec().containers()) names.push_back(container.name());
  for (const core::Container& container : pod.spec().initcontainers()) names.push_back(container.name());
  for (const core::EphemeralContainer& container : pod.spec().ephemeralcontainers())
    names.push_back(container.ephemeralcontainercommon().name());
  return names;
}

std::string defaultContainer(const core::Pod& pod) {
  std::vector<std::string> names = containerNames(pod);
  auto wish = pod.metadata().annotations().find("kubectl.kubernetes.io/default-container");
  if (wish != pod.metadata().annotations().end() && std::find(names.begin(), names.end(), wish->second) != names.end())
    return wish->second;
  return names.empty() ? "" : names.front();
}

Result<LogSource> logSource(const core::Pod& pod, std::string_view container, bool previous) {
  std::vector<std::string> names = containerNames(pod);
  std::string name(container);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string known;
    for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
    return notFound("container " + name + " is not valid for pod " + pod.metadata().name() + "; it has: " + known);
  }
  const core::ContainerStatus* status = statusOf(pod, container);
  bool begun = status && (status->state().has_running() || status->state().has_terminated());
  bool endedBefore = status && status->laststate().has_terminated();
  std::string who = "container \"" + name + "\" in pod \"" + pod.metadata().name() + "\" ";
  if (previous && !endedBefore) return notFound("previous terminated " + who + "not found");
  if (!begun && !endedBefore) return notFound(who + waitingText(status));

  LogSource source;
  source.container = name;
  // While a restart is waited for, restartCount still is the number of the instance that ended last.
  source.attempt = status->restartcount() - (previous && begun ? 1 : 0);
  source.running = !previous && status->state().has_running();
  source.path = pathOf(pod, container, source.attempt);
  return source;
}

bool stillRuns(const core::Pod& pod, const LogSource& source) {
  const core::ContainerStatus* status = statusOf(pod, source.container);
  return status && status->state().has_running() && status->restartcount() == source.attempt;
}

}  // namespace cubelet::logs
