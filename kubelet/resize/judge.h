// Is a resize that a pod's object asks for granted? Behaviours RSZ-2, RSZ-3, RSZ-9 (KEP-1287). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/admission/node_view.h"
#include "kubelet/admission/pod_claims.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::resize {

namespace core = ::k8s::core::v1;

enum class Outcome {
  kGranted,
  kDeferred,    // the node has no room now
  kInfeasible,  // nor will it ever have
};

struct Verdict {
  Outcome outcome = Outcome::kGranted;
  std::string message = {};  // why not; for the condition PodResizePending
};

// `others`: of the admitted pods that have not come to their end, without this one. `swaps`: a container whose memory
// would change in place may use swap.
Verdict judge(const core::Pod& desired, const core::Pod& allocated, bool swaps,
              const std::vector<const admission::PodClaims*>& others, const admission::NodeView& node);

// "Deferred", "Infeasible": the reason of the condition.
const char* reasonOf(Outcome outcome);

// A resize that waits, as far as its place in the queue depends on it.
struct Waiting {
  std::string uid;
  bool raisesRequests = false;
  std::int32_t priority = 0;
  bool guaranteed = false;
  WallTime since;  // when it was first put off, or asked for
};
Waiting waitingFor(const core::Pod& desired, const core::Pod& allocated, WallTime since);

// The order in which resizes are looked at: what raises no request makes room for others, then priority, class, and
// who has waited longest.
bool comesBefore(const Waiting& one, const Waiting& other);

}  // namespace cubelet::resize
