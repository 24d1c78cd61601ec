#include "kubelet/api/project_volume.h"

namespace cubelet::api {

bool mayBeProject(const k8s::core::v1::PodSpec& spec, const k8s::core::v1::VolumeSource& source) {
  if (!spec.has_hostusers() || spec.hostusers()) return false;
  return source.has_emptydir() && source.emptydir().medium().empty();
}

}  // namespace cubelet::api
