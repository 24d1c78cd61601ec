// The Node's own conditions: NOD-11, NOD-12. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

struct Pressure {
  bool memory = false;
  bool disk = false;
  bool pid = false;
  friend bool operator==(const Pressure&, const Pressure&) = default;
};

// MemoryPressure, DiskPressure, PIDPressure, Ready: everything else in the list is somebody else's.
bool isOwnCondition(std::string_view type);

// Writes the four conditions into `status`: in their place, or behind the others in that order. A condition keeps its
// lastTransitionTime while its status stays. The node is ready when there are no `causes`.
void setOwnConditions(core::NodeStatus& status, const Pressure& pressure, const std::vector<std::string>& causes,
                      WallTime now);

// Null: there is none.
const core::NodeCondition* findCondition(const core::NodeStatus& status, std::string_view type);

// "a", or "[a, b]" for several: as Kubernetes joins errors. Repetitions count once.
std::string joinedCauses(const std::vector<std::string>& causes);

}  // namespace cubelet::node
