// The configuration message under the name the rest of the agent uses.
#pragma once

#include "proto/kubelet/config.pb.h"

namespace cubelet::config {

using KubeletConfiguration = ::kubelet::config::v1beta1::KubeletConfiguration;

inline constexpr char kApiVersion[] = "kubelet.config.k8s.io/v1beta1";
inline constexpr char kKind[] = "KubeletConfiguration";

}  // namespace cubelet::config
