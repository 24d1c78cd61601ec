// Routes that tell what the agent knows: /pods, /runningpods, /configz (SRV-2, SRV-4).
#pragma once

#include "kubelet/nodeapi/node_view.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// `view` must outlive the router.
void addInfoRoutes(web::Router& router, const NodeView& view);

}  // namespace cubelet::nodeapi
