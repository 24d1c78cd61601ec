// What only the container runtime can tell: the files of its images and of its containers' writable layers. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/stats/figures.h"
#include "proto/cri/api.pb.h"

namespace cubelet::stats {

namespace v1 = ::runtime::v1;

// Whatever could not be asked for is nothing.
struct RuntimeAnswers {
  std::optional<v1::ListContainerStatsResponse> containers;
  std::optional<v1::ImageFsInfoResponse> images;
  // The file systems that `images` names, by mount point.
  std::map<std::string, FsUsage> fileSystems;
};

// Adds them to `summary`. Where the kernel's counters were not found (a virtual machine around the pod), the runtime's
// figures of CPU and memory take their place.
void addRuntimeFigures(const RuntimeAnswers& answers, Summary& summary);

// Mount points to ask for the size of.
std::vector<std::string> mountPoints(const v1::ImageFsInfoResponse& images);

}  // namespace cubelet::stats
