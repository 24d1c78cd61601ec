#include "kubelet/sync/pod_state.h"

#include "kubelet/api/pod.h"
#include "kubelet/sync/context.h"

namespace cubelet::sync {

std::string podIp(const Context& context, const PodState& state) {
  const observe::ObservedPod* pod = context.observer.find(state.uid());
  if (pod == nullptr || pod->sandboxes.empty()) return "";
  const observe::ObservedSandbox& sandbox = pod->sandboxes.front();
  const std::vector<std::string>& ips = sandbox.hostNetwork ? context.node.hostIps : sandbox.ips;
  return ips.empty() ? "" : ips.front();
}

const core::Container* findContainer(const core::Pod& pod, const std::string& name) {
  for (const core::Container& container : pod.spec().initcontainers())
    if (container.name() == name) return &container;
  for (const core::Container& container : pod.spec().containers())
    if (container.name() == name) return &container;
  return nullptr;
}

std::optional<core::Container> containerNamed(const core::Pod& pod, const std::string& name) {
  if (const core::Container* found = findContainer(pod, name)) return *found;
  for (const core::EphemeralContainer& container : pod.spec().ephemeralcontainers())
    if (container.ephemeralcontainercommon().name() == name)
      return api::asContainer(container.ephemeralcontainercommon());
  return std::nullopt;
}

std::string targetOf(const core::Pod& pod, const std::string& name) {
  for (const core::EphemeralContainer& container : pod.spec().ephemeralcontainers())
    if (container.ephemeralcontainercommon().name() == name) return container.targetcontainername();
  return "";
}

}  // namespace cubelet::sync
