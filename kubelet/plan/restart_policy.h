// May a container run again? Behaviours RST-1, RST-2, INI-2, SID-2.
#pragma once

#include "kubelet/observe/observed_pod.h"
#include "kubelet/plan/plan_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::plan {

// Whether an instance that ended with `exitCode` is followed by another one. Not for plain init containers that ended
// well: those are done.
bool mayRestart(const core::PodSpec& spec, const core::Container& container, int exitCode);

// The same for a container that is killed by the agent, before its exit code is known: only Never forbids.
bool mayRestartAfterKill(const core::PodSpec& spec, const core::Container& container);

// Whether all containers of the pod start over after that exit: the first rule of the container's own that matches says
// RestartAllContainers.
bool restartsAll(const core::Container& container, int exitCode);

// A plain init container's instance that has to be repeated: non-zero exit code, or killed for memory whatever the
// code.
bool initFailed(const observe::ObservedContainer& instance);

// The same for a plain init container that failed: here Always means OnFailure, and a failure with exit code 0 (memory)
// is a failure.
bool mayRestartFailedInit(const core::PodSpec& spec, const core::Container& container, int exitCode);

}  // namespace cubelet::plan
