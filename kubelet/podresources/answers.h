// Which pods have which devices, for others that ask (SRV-14). Pure.
#pragma once

#include <vector>

#include "kubelet/devices/choose.h"
#include "proto/podresources/podresources.pb.h"

namespace cubelet::podresources {

namespace core = ::k8s::core::v1;

// With all its sidecars and containers, those without devices too; init containers have ended, or will. One entry for
// each device.
::v1::PodResources resourcesOf(const core::Pod& pod, const devices::Allocations& allocations);

// The same as v1alpha1 has it: containers only, and nothing of NUMA nodes. Its fields are the first ones of v1.
::v1::PodResources alphaResourcesOf(const core::Pod& pod, const devices::Allocations& allocations);

// Everything that is healthy, whoever has it.
::v1::AllocatableResourcesResponse allocatableOf(const devices::Inventory& inventory);

}  // namespace cubelet::podresources
