// The Node object at registration: NOD-1 to NOD-4. Pure.
#pragma once

#include "kubelet/node/node_settings.h"
#include "kubelet/node/node_status.h"

namespace cubelet::node {

// What is created: labels, taints, annotations, provider id, and the whole status.
WantedNode newNode(const NodeSettings& settings, const NodeFacts& facts, TimePoint now, WallTime wallNow);

// What an existing object becomes when we register with it: the labels that describe the machine, the attach-detach
// annotation, huge pages. `fresh` is newNode(). Extended resources are set to zero, for whoever offered them before our
// start has to do so again. Taints, other labels and everything else stay as they are.
core::Node reconciled(core::Node existing, const core::Node& fresh);

}  // namespace cubelet::node
