// Which sysctls a pod may set (ADM-5). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::admission {

namespace core = ::k8s::core::v1;

// The first sysctl of the pod that it may not set, in words; nothing: it may set all. Besides those that are safe for
// everybody, `allowedUnsafe` may be set: names, or prefixes that end in "*". What belongs to a namespace that the pod
// shares with the node is never allowed.
std::optional<std::string> forbiddenSysctl(const core::PodSpec& spec, const std::vector<std::string>& allowedUnsafe);

}  // namespace cubelet::admission
