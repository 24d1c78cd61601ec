#include "kubelet/sync/pod_state.h"

#include <algorithm>

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

std::vector<WantedImage> wantedImages(const core::Pod& pod, const std::string& name) {
  const std::optional<core::Container> container = containerNamed(pod, name);
  if (!container) return {};
  std::vector<WantedImage> wanted = {{name, name, "", container->image(), container->imagepullpolicy()}};
  for (const core::Volume& volume : pod.spec().volumes()) {
    if (!volume.volumesource().has_image()) continue;
    const bool mounted = std::ranges::any_of(
        container->volumemounts(), [&](const core::VolumeMount& mount) { return mount.name() == volume.name(); });
    const core::ImageVolumeSource& source = volume.volumesource().image();
    if (mounted)
      wanted.push_back({"volume/" + volume.name(), name, volume.name(), source.reference(), source.pullpolicy()});
  }
  return wanted;
}

std::string targetOf(const core::Pod& pod, const std::string& name) {
  for (const core::EphemeralContainer& container : pod.spec().ephemeralcontainers())
    if (container.ephemeralcontainercommon().name() == name) return container.targetcontainername();
  return "";
}

}  // namespace cubelet::sync
