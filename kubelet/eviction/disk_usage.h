// What a pod has written to the node's disks: by walking its directories, or by asking a file system that counts.
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/project_quota.h"
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
  std::set<std::string> projects;              // names of those volumes that may be counted as projects
  std::string hostsFile;
};
// `projectQuotas`: such volumes may be there.
PodPaths pathsOf(const core::Pod& pod, const layout::Directories& dirs, bool projectQuotas = false);

// Walks all of them that nobody counts, at the lowest priority that the disk and the processor have. Memory and
// processes are not known here. Blocks.
Result<PodUsage> measureStorage(const PodPaths& paths, const std::atomic<bool>& stop,
                                ProjectCalls& calls = kernelProjects());

}  // namespace cubelet::eviction
