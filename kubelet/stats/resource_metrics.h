// The answer to GET /metrics/resource, which metrics-server reads (SRV-6; surface 3.7), as text. Pure.
#pragma once

#include <string>

#include "kubelet/stats/figures.h"

namespace cubelet::stats {

// CPU, memory and swap carry the time of their sample: rates are computed from it.
std::string resourceMetrics(const Summary& summary);
// In place of them when nothing could be read.
std::string resourceMetricsFailed();

}  // namespace cubelet::stats
