// HostAccess: what the node's code reads of this machine, replaceable in tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/node/host_network.h"
#include "kubelet/node/machine_facts.h"

namespace cubelet::node {

struct HostAccess {
  // Short: on the loop.
  std::function<MachineFacts()> machine;
  std::function<Result<HostNetwork>()> network;
  // May hang: on a thread beside the loop.
  std::function<Result<std::vector<IpAddress>>(const std::string& name)> resolve;
};

// The real machine; `dataDirectory` lies on the file system whose size counts.
HostAccess hostAccess(std::string dataDirectory);

}  // namespace cubelet::node
