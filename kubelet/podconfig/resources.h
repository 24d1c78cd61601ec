// Numbers that the kernel is given for a container (RES-8 to RES-20).
#pragma once

#include <cstdint>

#include "cri/client/runtime_service.h"
#include "kubelet/podconfig/node_facts.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

// RES-17.
std::int64_t oomScoreAdj(const core::Pod& pod, const core::Container& container, std::int64_t nodeMemoryBytes);

// cpu, memory, huge pages, OOM score and swap of one container.
cri::v1::LinuxContainerResources containerResources(const core::Pod& pod, const core::Container& container,
                                                    const NodeFacts& node);

// The container may swap, with LimitedSwap (RES-20).
bool mayUseSwap(const core::Pod& pod, const core::Container& container, const NodeFacts& node);

// What a sandbox is told of its pod as a whole, for runtimes that size a virtual machine by it: the containers' sum,
// and the overhead of the RuntimeClass.
cri::v1::LinuxContainerResources sandboxResources(const core::Pod& pod, const NodeFacts& node);
cri::v1::LinuxContainerResources sandboxOverhead(const core::Pod& pod, const NodeFacts& node);

}  // namespace cubelet::podconfig
