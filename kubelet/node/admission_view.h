// The node as admission sees it (ADM). Pure.
#pragma once

#include "kubelet/admission/node_view.h"
#include "kubelet/node/machine_facts.h"
#include "kubelet/node/node_settings.h"

namespace cubelet::node {

// `stored`: the API server's copy of our Node. Its labels and taints count, and the extended resources that others have
// entered; what the machine has is always by our own reckoning. Null: the Node as we would register it.
admission::NodeView admissionView(const NodeSettings& settings, const MachineFacts& machine, const core::Node* stored);

}  // namespace cubelet::node
