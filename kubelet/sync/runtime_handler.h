// How the runtime is to run a pod: the handler that its RuntimeClass names, and what that can do.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "kubelet/sync/context.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::sync {

struct RuntimeHandler {
  std::string name;  // empty: the runtime's default
  // Asked for only when the pod needs to know (RTC-4).
  bool featuresKnown = false;
  bool userNamespaces = false;
  bool recursiveReadOnlyMounts = false;
};

// Whether the pod asks for anything that not every handler can do: user namespaces, recursive read-only mounts.
bool needsFeatures(const k8s::core::v1::PodSpec& spec);
bool needsFeatures(const k8s::core::v1::Container& container);

// kNotFound: there is no such RuntimeClass (RTC-2). kInvalid: this node cannot know of any. `context` outlives the
// call.
Task<Result<RuntimeHandler>> runtimeHandlerOf(Context* context, k8s::core::v1::Pod pod);

}  // namespace cubelet::sync
