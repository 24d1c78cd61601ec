// All volumes of a pod, one after the other. For tests.
#pragma once

#include "base/loop.h"
#include "kubelet/volumes/pod_volumes.h"

namespace cubelet::volumes {

// The first error ends it.
inline Result<PodVolumes::HostPaths> setUpAll(Loop& loop, PodVolumes& volumes, const core::Pod& pod) {
  PodVolumes::HostPaths paths;
  for (const core::Volume& volume : pod.spec().volumes()) {
    auto path = loop.runToEnd(volumes.setUp(pod, volume, std::make_shared<OwnershipWalk>()));
    if (!path) return fail(path.error());
    paths[volume.name()] = *path;
  }
  return paths;
}

}  // namespace cubelet::volumes
