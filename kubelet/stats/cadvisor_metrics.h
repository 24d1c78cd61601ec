// The answer to GET /metrics/cadvisor: the names that dashboards use, from the same figures (surface 3.8), as text.
// Pure.
#pragma once

#include <string>

#include "kubelet/stats/figures.h"

namespace cubelet::stats {

// One series for each cgroup: the node (id "/"), system cgroups, pods (container ""), sandboxes (container "POD") and
// containers. What a pod has sent and received stands with its sandbox, where there is one.
std::string cadvisorMetrics(const Summary& summary);

}  // namespace cubelet::stats
