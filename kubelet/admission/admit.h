// Does the node take this pod? Behaviours ADM (upstream pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/preemption).
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubelet/admission/node_view.h"
#include "kubelet/admission/pod_claims.h"

namespace cubelet::admission {

// For good: a rejected pod is not asked about again.
struct Rejection {
  std::string reason;   // OutOfcpu, NodeAffinity, NodePorts, ...
  std::string message;  // bare, as its event has it; a status says "Pod was rejected: " before it
};

struct Decision {
  std::optional<Rejection> rejection;  // nothing: it is admitted
  std::vector<std::string> victims;    // UIDs of the pods that must make room for it first (ADM-10)
  // Nothing but labels of the node speaks against it: worth another look at the API server's copy (ADM-3).
  bool onlyLabels = false;
};

// `others`: of the pods that were admitted before and have not come to their end.
Decision admit(const core::Pod& pod, const PodClaims& claims, const std::vector<const PodClaims*>& others,
               const NodeView& node);

// Whether the node takes no pod any more because it goes down (SHD-2). Asked only of pods that do not run yet.
std::optional<Rejection> refusedByShutdown(const NodeView& node);

// Whether the node is too short of something to take the pod on (EVI-10). Asked only of pods that do not run yet.
std::optional<Rejection> refusedUnderPressure(const core::Pod& pod, const PodClaims& claims, const NodeView& node);

// The first resource that the node lacks for `claims`; nothing when there is enough of all. Nobody makes room.
std::optional<Rejection> lackOfResources(const PodClaims& claims, const std::vector<const PodClaims*>& others,
                                         const NodeView& node);

}  // namespace cubelet::admission
