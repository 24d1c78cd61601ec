// NodeView: what admission knows of the node.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::admission {

namespace core = ::k8s::core::v1;

// Amounts by resource name: cpu in thousandths, everything else in whole units.
using Amounts = std::map<std::string, std::int64_t, std::less<>>;

// `amount` in the unit of Amounts; 0 for what is no quantity.
std::int64_t amountOf(std::string_view resource, std::string_view amount);

struct NodeView {
  std::string name;
  std::map<std::string, std::string> labels;
  std::vector<core::Taint> taints;
  // What pods may use together. cpu, memory, ephemeral-storage or pods that are missing are not limited (the machine
  // does not tell); any other resource that is missing is one that the node does not have.
  Amounts allocatable;
  // False while labels and taints are those of our own configuration and the API server's may differ.
  bool fromServer = true;
  bool supplementalGroupsPolicy = true;           // the runtime supports the policy Strict
  bool appArmor = true;                           // the machine enforces AppArmor profiles
  std::vector<std::string> allowedUnsafeSysctls;  // names, or prefixes that end in "*"
  std::vector<std::string> pressures;             // conditions of the node: "MemoryPressure", ...
  bool shuttingDown = false;                      // the machine is about to go down
};

// Name, labels, taints, allocatable and features of a Node object. The rest is the caller's.
NodeView viewOf(const core::Node& node);

}  // namespace cubelet::admission
