// What pods, QoS classes and all pods of the node together may use (RES-10 to RES-16). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kubelet/cgroups/values.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::cgroups {

namespace core = ::k8s::core::v1;

struct PodRules {
  bool cpuQuota = true;                          // cpuCFSQuota
  std::int64_t cpuPeriodMicros = 100'000;        // cpuCFSQuotaPeriod
  std::int64_t podPidsLimit = -1;                // 0 or less: none
  std::vector<std::int64_t> hugePageSizes = {};  // in bytes, what the kernel has
};

// RES-12, RES-14, RES-15.
Values podValues(const core::Pod& pod, const PodRules& rules);

// Milli-CPU that the pod adds to the Burstable class; 0 for pods of other classes (RES-13).
std::int64_t burstableMilliCpu(const core::Pod& pod);
// `milliCpu`: the sum over the Burstable pods.
Values burstableValues(std::int64_t milliCpu, const PodRules& rules);
Values bestEffortValues(const PodRules& rules);

struct NodeAmounts {
  std::int64_t milliCpu = 0;
  std::int64_t memoryBytes = 0;
  std::int64_t pids = 0;                                // 0: not known, no limit
  std::map<std::int64_t, std::int64_t> hugePages = {};  // page size -> bytes set aside

  friend bool operator==(const NodeAmounts&, const NodeAmounts&) = default;
};
// By resource name: cpu, memory, pid; as kubeReserved and systemReserved are written. Invalid amounts count as zero.
using Reserved = std::map<std::string, std::string>;

// What is left, never below zero. Eviction thresholds are not subtracted: pods shall meet those before this limit.
NodeAmounts lessReserved(NodeAmounts capacity, const Reserved& kube, const Reserved& system);
Values nodeValues(const NodeAmounts& amounts);
// The limits of a reserved cgroup itself (enforceNodeAllocatable: system-reserved, kube-reserved); with
// `onlyCompressible` CPU alone.
Values reservedValues(const Reserved& reserved, bool onlyCompressible);

}  // namespace cubelet::cgroups
