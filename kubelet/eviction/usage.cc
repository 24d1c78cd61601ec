#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

StorageParts partsOnNodeFs(const FsLayout& layout) {
  // Writable layers lie beside the images unless they are apart from them, which means: on the node's.
  return {.writable = !layout.imagesApart || layout.containersApart, .logs = true, .volumes = true};
}

StorageParts partsOn(Signal signal, const FsLayout& layout) {
  const StorageParts onNodeFs = partsOnNodeFs(layout);
  switch (signal) {
    case Signal::kImageFsAvailable:
    case Signal::kImageFsInodesFree:
      if (!layout.imagesApart) return onNodeFs;
      return {.writable = !layout.containersApart};
    case Signal::kContainerFsAvailable:
    case Signal::kContainerFsInodesFree:
      if (onNodeFs.writable) return onNodeFs;
      return {.writable = true};
    case Signal::kNodeFsAvailable:
    case Signal::kNodeFsInodesFree:
      return onNodeFs;
    case Signal::kMemoryAvailable:
    case Signal::kAllocatableMemoryAvailable:
    case Signal::kPidAvailable:
      break;
  }
  return {};
}

DiskUsage storageOf(const PodUsage& usage, const StorageParts& parts) {
  DiskUsage sum;
  for (const auto& [name, container] : usage.containers) {
    if (parts.writable) sum += container.writable;
    if (parts.logs) sum += container.logs;
  }
  if (parts.volumes) {
    for (const auto& [name, volume] : usage.volumes) sum += volume;
    sum += usage.files;
  }
  return sum;
}

}  // namespace cubelet::eviction
