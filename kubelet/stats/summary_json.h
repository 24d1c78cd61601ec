// The answer to GET /stats/summary (SRV-5; surface 3.6). Pure.
#pragma once

#include <string>

#include "kubelet/stats/figures.h"

namespace cubelet::stats {

// What is not known is left out. `onlyCpuAndMemory`: as for ?only_cpu_and_memory=true, that leaves out all else but
// names and start times.
std::string summaryJson(const Summary& summary, bool onlyCpuAndMemory);

}  // namespace cubelet::stats
