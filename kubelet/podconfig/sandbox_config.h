// The CRI configuration of a pod's sandbox (surface 5.3, SBX-4, SBX-5). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "cri/client/runtime_service.h"
#include "kubelet/podconfig/node_facts.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

// `cgroupParent`: see cgroups::PodCgroups::parentOf().
cri::v1::PodSandboxConfig makeSandboxConfig(const core::Pod& pod, std::uint32_t attempt, const NodeFacts& node,
                                            const std::string& cgroupParent = "");

// spec.hostnameOverride, spec.hostname or the pod's name, cut to 63 characters (NET-5, NET-6); empty for host network.
std::string podHostname(const core::Pod& pod);

}  // namespace cubelet::podconfig
