// What there is to measure of one pod. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kubelet/layout/layout.h"
#include "kubelet/observe/observed_pod.h"
#include "kubelet/stats/question.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::stats {

namespace core = ::k8s::core::v1;

// A volume that a CSI driver has put where it is.
struct DrivenVolume {
  std::string driver;
  std::string handle;
};

// `volumePaths`: where volumes lie whose place their names alone do not tell (claims); may lack some. `driven`: by such
// a path, those of CSI drivers. Nothing for a pod that the runtime has no sandbox of. The cgroup is for the caller to
// name. `projectQuotas`: file systems may count volumes.
std::optional<PodToRead> podToRead(const core::Pod& pod, const observe::ObservedPod& have,
                                   const std::map<std::string, std::string>& volumePaths,
                                   const layout::Directories& dirs,
                                   const std::map<std::string, DrivenVolume>& driven = {}, bool projectQuotas = false);

}  // namespace cubelet::stats
