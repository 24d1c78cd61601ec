// How much the agent logs, asked for by PUT /debug/flags/v (SRV-3).
#pragma once

#include <functional>

#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

// The body is the level, a number as -v has it; `set` is called with it. Another body is answered 400 with the reason,
// another method 406, as upstream does.
void addLogLevelRoute(web::Router& router, std::function<void(int)> set);

}  // namespace cubelet::nodeapi
