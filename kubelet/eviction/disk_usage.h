// What a pod has written to the node's disks, by walking its directories.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/eviction/usage.h"
#include "kubelet/layout/layout.h"

namespace cubelet::eviction {

struct FsSpace {
  Reading bytes;
  Reading inodes;  // capacity 0: this file system does not count them
  std::uint64_t device = 0;
};
// Of the file system that `path` lies on. May hang on a network file system.
Result<FsSpace> fsSpace(const std::string& path);

// Where a pod's own storage lies.
struct PodPaths {
  std::map<std::string, std::string> logs;     // by container
  std::map<std::string, std::string> volumes;  // by name; those that are on a disk of the node and go with the pod
  std::string hostsFile;
};
PodPaths pathsOf(const core::Pod& pod, const layout::Directories& dirs);

// Walks all of them, at the lowest priority that the disk and the processor have. Memory and processes are not known
// here. Blocks.
Result<PodUsage> measureStorage(const PodPaths& paths, const std::atomic<bool>& stop);

}  // namespace cubelet::eviction
