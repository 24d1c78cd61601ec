// Numbers that the kernel is given for a container (RES-8 to RES-20).
#pragma once

#include <cstdint>

#include "cri/client/runtime_service.h"
#include "kubelet/podconfig/node_facts.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

// Milli-CPU to cpu.shares: 1024 per CPU, between 2 and 262144 (RES-8).
std::int64_t cpuShares(std::int64_t milliCpu);
// Milli-CPU to microseconds per period, at least 1000; 0 (no limit) for no CPU limit (RES-9).
std::int64_t cpuQuota(std::int64_t milliCpu, std::int64_t periodMicros);
// RES-17.
std::int64_t oomScoreAdj(const core::Pod& pod, const core::Container& container, std::int64_t nodeMemoryBytes);

// cpu, memory, huge pages, OOM score and swap of one container.
cri::v1::LinuxContainerResources containerResources(const core::Pod& pod, const core::Container& container,
                                                    const NodeFacts& node);

}  // namespace cubelet::podconfig
