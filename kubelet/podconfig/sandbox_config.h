// The CRI configuration of a pod's sandbox (surface 5.3, SBX-4, SBX-5). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "cri/client/runtime_service.h"
#include "kubelet/podconfig/node_facts.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

// What was found or made for this pod on this node.
struct SandboxPlace {
  std::optional<IdRange> users = {};         // the ids that a pod with hostUsers: false has
  std::set<std::int64_t> volumeGroups = {};  // of its persistent volumes (SEC-4)
  std::string cgroupParent = {};             // see cgroups::PodCgroups::parentOf()
};
cri::v1::PodSandboxConfig makeSandboxConfig(const core::Pod& pod, std::uint32_t attempt, const NodeFacts& node,
                                            const SandboxPlace& place = {});

}  // namespace cubelet::podconfig
