// What one pod uses, as far as eviction compares pods by it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/disk_usage.h"
#include "kubelet/eviction/signals.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::eviction {

namespace core = ::k8s::core::v1;

struct ContainerUsage {
  std::optional<std::int64_t> memory = {};  // working set, bytes
  DiskUsage writable = {};                  // its layer
  DiskUsage logs = {};
};

// What is not known is missing or zero.
struct PodUsage {
  std::optional<std::int64_t> memory = {};  // of its cgroup: working set, bytes
  std::optional<std::int64_t> processes = {};
  std::map<std::string, ContainerUsage> containers = {};
  bool byQuota = false;  // some of `volumes` is what a file system has counted, see projectUsage()
  std::map<std::string, DiskUsage> volumes = {};  // on a disk of the node, by name
  DiskUsage files = {};                           // that belong to no container: /etc/hosts
};

// What of a pod's storage lies on a file system.
struct StorageParts {
  bool writable = false;
  bool logs = false;
  bool volumes = false;
};
// What lies on the file system that the signal is about.
StorageParts partsOn(Signal signal, const FsLayout& layout);
// On --root-dir's: what limits of ephemeral storage count.
StorageParts partsOnNodeFs(const FsLayout& layout);
DiskUsage storageOf(const PodUsage& usage, const StorageParts& parts);

}  // namespace cubelet::eviction
