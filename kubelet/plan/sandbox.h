// Is the pod's sandbox good for running containers? Behaviour SBX-1.
#pragma once

#include <cstdint>
#include <string>

#include "kubelet/observe/observed_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::plan {

struct SandboxVerdict {
  bool usable = false;
  std::string id;                 // of the usable one, otherwise empty
  std::uint32_t nextAttempt = 0;  // of the sandbox that would replace what is there
  std::string reason;             // why none is usable: "the sandbox is not ready"
};

// Usable: exactly one sandbox is ready, it is the newest, its network mode is the pod's, and it has an address unless
// it shares the host's network.
SandboxVerdict judgeSandbox(const k8s::core::v1::Pod& pod, const observe::ObservedPod& have);

}  // namespace cubelet::plan
