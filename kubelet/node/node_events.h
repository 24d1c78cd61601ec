// What the Node's events tell: NOD-13. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::node {

namespace core = ::k8s::core::v1;

// What has been told, or what there is to tell.
struct NodeNews {
  std::map<std::string, std::string> conditions;  // our own: type -> status
  std::optional<bool> unschedulable;
  std::string bootId;
};
// Of the node as it will be written.
NodeNews newsOf(const core::Node& node);
// What was told before our start, as the API server's copy shows it: we tell anew that there is no pressure, but not
// that a ready node is ready.
NodeNews newsBeforeStart(const core::Node& stored);

struct NodeEvent {
  bool warning = false;
  std::string reason;
  std::string message;
};
std::vector<NodeEvent> eventsBetween(const NodeNews& before, const NodeNews& now, const std::string& nodeName);

}  // namespace cubelet::node
