// What pod configuration needs to know of the node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/layout/layout.h"
#include "kubelet/podconfig/dns.h"
#include "kubelet/podconfig/user_namespace.h"

namespace cubelet::podconfig {

struct NodeFacts {
  std::string nodeName;
  std::vector<std::string> hostIps;  // primary first; at most one per family
  std::int64_t milliCpu = 0;         // allocatable: what resourceFieldRef answers for a missing limit (CFG-9)
  std::int64_t memoryBytes = 0;
  std::int64_t ephemeralStorageBytes = 0;
  layout::Directories dirs;
  NodeDns dns;
  std::string hostsFile = "/etc/hosts";   // the node's own
  std::vector<std::string> thermalPaths;  // of each CPU that has one: masked by procMount Default (SEC-12)
  bool seccompDefault = false;            // RuntimeDefault instead of Unconfined where a pod says nothing (SEC-9)
  IdPool userNamespaces;                  // of pods with hostUsers: false
  bool selinux = false;  // the host labels files: the runtime relabels what containers get of the agent's own
  bool cgroupV2 = false;
  bool singleProcessOomKill = false;  // RES-18
  bool cpuCfsQuota = true;
  std::int64_t cpuCfsPeriodMicros = 100'000;
  std::vector<std::int64_t> hugePageSizes;  // in bytes, what the kernel has
  bool swapController = false;              // the kernel can limit swap
  bool limitedSwap = false;                 // memorySwap.swapBehavior LimitedSwap (RES-20)
  std::int64_t swapBytes = 0;
  // memoryThrottlingFactor, where memory.high is to be set (feature MemoryQoS, cgroup v2).
  std::optional<double> memoryThrottling;
};

}  // namespace cubelet::podconfig
