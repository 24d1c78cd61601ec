// Taints and the pods that put up with them (ADM-3). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::admission {

namespace core = ::k8s::core::v1;

// False when one of the taints with this effect is not tolerated by the pod.
bool toleratesAll(const core::PodSpec& spec, const std::vector<core::Taint>& taints, std::string_view effect);

}  // namespace cubelet::admission
