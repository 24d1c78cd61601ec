// Routes that tell what the node and its pods use: /stats/summary, /metrics/resource, /metrics/cadvisor (SRV-5, SRV-6).
#pragma once

#include "kubelet/stats/collector.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// `collector` must outlive the router.
void addStatsRoutes(web::Router& router, stats::Collector& collector);

}  // namespace cubelet::nodeapi
