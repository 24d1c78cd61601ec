// How a pod's status is written to the API server: as a patch of what is ours. Pure. Surface 4.7, behaviour PCO-1.
#pragma once

#include <optional>
#include <string>

#include "proto/k8s/core.pb.h"

namespace cubelet::status {

namespace core = ::k8s::core::v1;

// What of a status is the agent's, as JSON text that can be compared: without the conditions of others (readiness
// gates, DisruptionTarget) and without what schedulers and controllers write (nominatedNodeName,
// resourceClaimStatuses).
std::string ownPart(const core::PodStatus& status);

// The strategic merge patch for /status that turns `stored`, the server's copy, into `wanted`; nothing when they agree
// in what is ours. Conditions of others are not named, so they stay byte for byte; one of ours that is no longer wanted
// is deleted. `uid` is sent along: the server refuses the patch when another pod has taken the name (SRC-10).
std::optional<std::string> statusPatch(const std::string& uid, const core::PodStatus& stored,
                                       const core::PodStatus& wanted);

}  // namespace cubelet::status
