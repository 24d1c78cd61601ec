// One pod as its worker knows it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "kubelet/images/images.h"
#include "kubelet/plan/plan_pod.h"
#include "kubelet/volumes/pod_volumes.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::sync {

namespace core = ::k8s::core::v1;

// How far the image of one container is.
struct ImageState {
  bool pulling = false;
  std::optional<images::LocalImage> local;  // to be used by the next start
  // Pull back-off per pod and image (CFG-20).
  Duration backoff{0};
  WallTime notBefore;
  std::string lastError;
};

struct PodState {
  core::Pod pod;  // uid, name and namespace only, when the object is unknown
  bool objectKnown = true;
  plan::PodMemory memory;
  std::map<std::string, ImageState> images;               // by container name
  std::optional<volumes::PodVolumes::HostPaths> volumes;  // once they are set up
  std::uint64_t objectChanges = 0;                        // of ConfigMaps and Secrets that the pod refers to

  const std::string& uid() const { return pod.metadata().uid(); }
  std::string ref() const { return pod.metadata().namespace_() + "/" + pod.metadata().name(); }
};

// Null when the pod has no container of that name.
const core::Container* findContainer(const core::Pod& pod, const std::string& name);

}  // namespace cubelet::sync
