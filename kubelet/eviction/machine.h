// Machine: what eviction reads of the node and of its pods.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

struct NodeReadings {
  Readings readings;
  FsLayout layout;
};

// Which parts of a pod's usage are asked for: some cost a walk through its directories.
struct WantedUsage {
  bool memory = false;  // of the pod, and of its containers
  bool processes = false;
  bool storage = false;
  bool walk = false;  // beside `storage`: by walks alone, also where a file system counts by itself
};

// Loop thread only.
class Machine {
 public:
  virtual ~Machine() = default;
  // What can be read; a signal that cannot is missing. An Error: not even the file systems are known yet.
  virtual Task<Result<NodeReadings>> node() = 0;
  // By UID, for each of `pods`. What of it cannot be read is missing or zero.
  virtual Task<std::map<std::string, PodUsage>> usageOf(std::vector<core::Pod> pods, WantedUsage wanted) = 0;
};

}  // namespace cubelet::eviction
