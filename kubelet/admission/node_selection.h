// Whether a node is one that a pod asks for: nodeSelector and required node affinity (ADM-3). Pure.
#pragma once

#include "kubelet/admission/node_view.h"

namespace cubelet::admission {

// An operator or value that makes no sense selects no node.
bool selectsNode(const core::PodSpec& spec, const NodeView& node);

}  // namespace cubelet::admission
