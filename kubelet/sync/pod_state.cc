#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

const core::Container* findContainer(const core::Pod& pod, const std::string& name) {
  for (const core::Container& container : pod.spec().initcontainers())
    if (container.name() == name) return &container;
  for (const core::Container& container : pod.spec().containers())
    if (container.name() == name) return &container;
  return nullptr;
}

}  // namespace cubelet::sync
