// The Node as it should be, from what is known here and what the API server has. Pure. NOD-6 to NOD-12.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kubelet/devices/state.h"
#include "kubelet/node/host_network.h"
#include "kubelet/node/machine_facts.h"
#include "kubelet/node/node_conditions.h"
#include "kubelet/node/node_settings.h"
#include "kubelet/node/runtime_facts.h"

namespace cubelet::node {

// Everything that the status is made of.
struct NodeFacts {
  MachineFacts machine;
  HostNetwork network;
  std::vector<IpAddress> resolved;  // what name resolution answers for the node's name
  RuntimeFacts runtime;
  Pressure pressure;
  std::string storageProblem;  // "CSINode is not yet initialized"; empty: none
  bool shuttingDown = false;
  devices::Amounts devices;                              // of device plug-ins, those that have gone included
  std::optional<std::vector<std::string>> volumesInUse;  // nothing: not known yet
};

struct WantedNode {
  core::Node node;
  // Empty, or why the addresses stay as they were.
  std::string addressProblem;
};

// `stored`, the API server's copy, with everything that is ours brought up to date: the status, the labels for
// operating system and architecture, the annotation of the given node IP. What we do not know (yet) and what others
// write stays.
WantedNode wantedNode(core::Node stored, const NodeSettings& settings, const NodeFacts& facts, TimePoint now,
                      WallTime wallNow);

// Why the node is not ready; empty: it is (NOD-12).
std::vector<std::string> notReadyCauses(const NodeSettings& settings, const NodeFacts& facts, TimePoint now);

}  // namespace cubelet::node
