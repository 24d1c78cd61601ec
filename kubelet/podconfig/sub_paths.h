// Which mounts of a container show a part of their volume only, and which part (VOL-8, VOL-9). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/podconfig/environment.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

struct SubPathMount {
  int index = 0;  // among the container's mounts
  std::string volume;
  std::string path;  // relative, without ".."
  bool operator==(const SubPathMount&) const = default;
};

bool hasSubPath(const core::VolumeMount& mount);

// In the order of the mounts. subPathExpr is expanded with the variables of the container. Errors have reason
// CreateContainerConfigError, and upstream's words: a variable has no value, or the path leads out of the volume.
Result<std::vector<SubPathMount>> subPathMounts(const core::Container& container, const Environment& environment);

// "failed to prepare subPath for volumeMount "v" of container "c"", as upstream words it: what the host's file system
// has to say is nothing for those who may only read the pod. `verb` is create or prepare.
std::string subPathFailure(std::string_view verb, const core::Container& container, int index);

}  // namespace cubelet::podconfig
