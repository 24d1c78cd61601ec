// What the configuration and this machine say about cgroups.
#pragma once

#include "kubelet/cgroups/pod_cgroups.h"
#include "kubelet/config/load.h"

namespace cubelet {

// kInvalid: a cgroup that the configuration names cannot be one.
Result<cgroups::PodCgroupsOptions> cgroupOptions(const config::Effective& effective);
cgroups::DriverKind configuredDriver(const config::Effective& effective);

// Page sizes that the kernel has, in bytes.
std::vector<std::int64_t> hugePageSizes();
// Whether this kernel can limit swap for a cgroup.
bool hasSwapController(bool cgroupV2);

}  // namespace cubelet
