#include "kubelet/api/pod.h"

namespace cubelet::api {

std::string podRef(const core::Pod& pod) {
  return pod.metadata().namespace_() + "/" + pod.metadata().name();
}

std::string podFullName(const core::Pod& pod) {
  const auto& metadata = pod.metadata();
  return metadata.name() + "_" + metadata.namespace_() + "(" + metadata.uid() + ")";
}

bool isStaticPod(const core::Pod& pod) {
  const auto& annotations = pod.metadata().annotations();
  const auto source = annotations.find("kubernetes.io/config.source");
  return source != annotations.end() && source->second != "api";
}

bool isSidecar(const core::Container& initContainer) {
  return initContainer.restartpolicy() == "Always";
}

core::Container asContainer(const core::EphemeralContainerCommon& common) {
  core::Container container;
  container.ParseFromString(common.SerializeAsString());
  return container;
}

}  // namespace cubelet::api
