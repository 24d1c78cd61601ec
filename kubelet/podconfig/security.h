// Security contexts and namespaces of sandboxes and containers (SEC, SBX-5).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "cri/client/runtime_service.h"
#include "kubelet/podconfig/node_facts.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

// Which namespaces a pod or container enters beside those that its spec decides on alone.
struct Namespaces {
  std::optional<IdRange> users;   // of the pod, which has hostUsers: false
  std::string targetContainerId;  // share its process namespace, unless the pod shares one anyway (EPH-2); empty: no
};

// `volumeGroups`: of the pod's persistent volumes, beside those that its spec names (SEC-4).
cri::v1::LinuxSandboxSecurityContext sandboxSecurity(const core::Pod& pod, const Namespaces& entered = {},
                                                     const std::set<std::int64_t>& volumeGroups = {});

// `image` tells the user that runs when the pod says nothing. Errors have reason CreateContainerConfigError, e.g. a
// container that must not run as root but would (SEC-3).
Result<cri::v1::LinuxContainerSecurityContext> containerSecurity(const core::Pod& pod, const core::Container& container,
                                                                 const cri::v1::Image& image, const NodeFacts& node,
                                                                 const Namespaces& entered = {},
                                                                 const std::set<std::int64_t>& volumeGroups = {});

// True when any container of the pod is privileged: the sandbox then must be as well.
bool anyPrivileged(const core::Pod& pod);

}  // namespace cubelet::podconfig
