// The answer to GET /metrics/resource, which metrics-server reads (SRV-6; surface 3.7). Pure.
#pragma once

#include "kubelet/metrics/families.h"
#include "kubelet/stats/figures.h"

namespace cubelet::stats {

// CPU, memory and swap carry the time of their sample: rates are computed from it.
metrics::Families resourceMetrics(const Summary& summary);
// In place of them when nothing could be read.
metrics::Families resourceMetricsFailed();

}  // namespace cubelet::stats
