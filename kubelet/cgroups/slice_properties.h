// Values as properties of a systemd slice. Pure.
#pragma once

#include <vector>

#include "kubelet/cgroups/cgroup_name.h"
#include "kubelet/cgroups/systemd_bus.h"
#include "kubelet/cgroups/values.h"

namespace cubelet::cgroups {

// Of a slice that is started: what it is, and `values`.
std::vector<UnitProperty> sliceProperties(const CgroupName& name, const Values& values, bool v2);
// Of one that runs. Huge pages are left out: systemd does not know them.
std::vector<UnitProperty> valueProperties(const Values& values, bool v2);

}  // namespace cubelet::cgroups
