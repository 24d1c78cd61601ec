// Routes of the agent's own metrics: /metrics and /metrics/probes (SRV-2, PRB-18).
#pragma once

#include "kubelet/metrics/kubelet_metrics.h"
#include "kubelet/nodeapi/node_view.h"
#include "kubelet/stats/collector.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// All must outlive the router. /metrics also tells how full the volumes behind claims are.
void addMetricsRoutes(web::Router& router, metrics::KubeletMetrics& metrics, stats::Collector& collector,
                      const NodeView& view);

}  // namespace cubelet::nodeapi
