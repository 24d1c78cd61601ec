// kubelet_volume_stats_*: how full the volumes behind claims are (CSI-16; surface 3.8). Pure.
#pragma once

#include "kubelet/metrics/families.h"
#include "kubelet/stats/figures.h"

namespace cubelet::stats {

// A claim that several pods of the node use is told once.
metrics::Families volumeMetrics(const Summary& summary);

}  // namespace cubelet::stats
