// Memory and process ids of the machine, as the kernel tells them in files (EVI-3). Each call takes the time of a few
// reads that wait for nothing.
#pragma once

#include <string>

#include "base/result.h"
#include "kubelet/eviction/signals.h"

namespace cubelet::eviction {

// Where these files are; another place for tests.
struct NodeFiles {
  std::string proc = "/proc";
  std::string cgroups = "/sys/fs/cgroup";  // v1 or v2
};

// The machine's memory without the working set of the root cgroup: what is in use, less file pages that nobody has
// touched for a while. Free memory does not count: the page cache would look like a shortage.
Result<Reading> readMemory(const NodeFiles& files);
// The smaller of the numbers that the kernel has and the tasks that it allows, and what is left of it.
Result<Reading> readPids(const NodeFiles& files);

}  // namespace cubelet::eviction
