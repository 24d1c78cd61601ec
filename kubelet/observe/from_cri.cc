#include "kubelet/observe/from_cri.h"

#include <algorithm>
#include <tuple>

namespace cubelet::observe {
namespace {

template <class Map>
std::string valueOf(const Map& map, const char* key) {
  auto it = map.find(key);
  return it == map.end() ? std::string() : it->second;
}

ContainerState stateOf(cri::v1::ContainerState state) {
  switch (state) {
    case cri::v1::CONTAINER_CREATED:
      return ContainerState::kCreated;
    case cri::v1::CONTAINER_RUNNING:
      return ContainerState::kRunning;
    case cri::v1::CONTAINER_EXITED:
      return ContainerState::kExited;
    default:
      return ContainerState::kUnknown;
  }
}

}  // namespace

std::optional<ObservedUser> userOf(const cri::v1::ContainerStatus& status) {
  if (!status.user().has_linux()) return std::nullopt;
  const cri::v1::LinuxContainerUser& user = status.user().linux();
  return ObservedUser{user.uid(), user.gid(), {user.supplemental_groups().begin(), user.supplemental_groups().end()}};
}

WallTime fromUnixNanos(std::int64_t nanos) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanos)));
}

std::int64_t toUnixNanos(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

std::string podUidOf(const cri::v1::PodSandbox& sandbox) {
  return valueOf(sandbox.labels(), kPodUidLabel);
}
std::string podUidOf(const cri::v1::Container& container) {
  return valueOf(container.labels(), kPodUidLabel);
}

ObservedSandbox fromList(const cri::v1::PodSandbox& sandbox) {
  ObservedSandbox out;
  out.id = sandbox.id();
  out.attempt = sandbox.metadata().attempt();
  out.ready = sandbox.state() == cri::v1::SANDBOX_READY;
  out.createdAt = fromUnixNanos(sandbox.created_at());
  out.podSource = valueOf(sandbox.annotations(), kPodSourceAnnotation);
  return out;
}

ObservedContainer fromList(const cri::v1::Container& container) {
  ObservedContainer out;
  out.id = container.id();
  out.name = valueOf(container.labels(), kContainerNameLabel);
  out.sandboxId = container.pod_sandbox_id();
  out.attempt = container.metadata().attempt();
  out.state = stateOf(container.state());
  out.createdAt = fromUnixNanos(container.created_at());
  out.image = container.image().image();
  out.imageRef = container.image_ref();
  for (const auto& [key, value] : container.annotations()) out.annotations[key] = value;
  out.hash = valueOf(container.annotations(), kContainerHashAnnotation);
  return out;
}

void addStatus(const cri::v1::PodSandboxStatus& status, ObservedSandbox& sandbox) {
  sandbox.ready = status.state() == cri::v1::SANDBOX_READY;
  sandbox.attempt = status.metadata().attempt();
  sandbox.createdAt = fromUnixNanos(status.created_at());
  std::string source = valueOf(status.annotations(), kPodSourceAnnotation);
  if (!source.empty()) sandbox.podSource = std::move(source);
  sandbox.hostNetwork = status.linux().namespaces().options().network() == cri::v1::NODE;
  sandbox.ips.clear();
  if (!status.network().ip().empty()) sandbox.ips.push_back(status.network().ip());
  for (const auto& more : status.network().additional_ips())
    if (!more.ip().empty()) sandbox.ips.push_back(more.ip());
}

void addStatus(const cri::v1::ContainerStatus& status, ObservedContainer& container) {
  container.id = status.id();
  container.attempt = status.metadata().attempt();
  container.state = stateOf(status.state());
  container.createdAt = fromUnixNanos(status.created_at());
  container.startedAt = fromUnixNanos(status.started_at());
  container.finishedAt = fromUnixNanos(status.finished_at());
  container.exitCode = status.exit_code();
  container.reason = status.reason();
  container.message = status.message();
  container.image = status.image().image();
  container.imageRef = status.image_ref();
  container.logPath = status.log_path();
  container.user = userOf(status);
  std::string name = valueOf(status.labels(), kContainerNameLabel);
  if (!name.empty()) container.name = std::move(name);
  for (const auto& [key, value] : status.annotations()) container.annotations[key] = value;
  container.hash = valueOf(container.annotations, kContainerHashAnnotation);
  const std::string messagePath = valueOf(container.annotations, kMessagePathAnnotation);
  if (messagePath.empty()) return;
  // The last one wins, as where a volume is mounted at the same path.
  for (const cri::v1::Mount& mount : status.mounts())
    if (mount.container_path() == messagePath) container.terminationMessageFile = mount.host_path();
}

void sortNewestFirst(ObservedPod& pod) {
  std::sort(pod.sandboxes.begin(), pod.sandboxes.end(), [](const ObservedSandbox& a, const ObservedSandbox& b) {
    return std::tie(b.attempt, b.createdAt, b.id) < std::tie(a.attempt, a.createdAt, a.id);
  });
  std::sort(pod.containers.begin(), pod.containers.end(), [](const ObservedContainer& a, const ObservedContainer& b) {
    return std::tie(b.createdAt, b.attempt, b.id) < std::tie(a.createdAt, a.attempt, a.id);
  });
}

bool differs(const ObservedSandbox& known, const ObservedSandbox& listed) {
  // A list carries no addresses: one that is still missing is worth another look.
  const bool awaitsAddress = known.ready && !known.hostNetwork && known.ips.empty();
  return known.ready != listed.ready || awaitsAddress;
}

bool differs(const ObservedContainer& known, const ObservedContainer& listed) {
  return known.state != listed.state;
}

}  // namespace cubelet::observe
