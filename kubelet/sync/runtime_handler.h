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
  // Asked for only when the pod needs to know; false otherwise (RTC-4).
  bool userNamespaces = false;
  bool recursiveReadOnlyMounts = false;
};

// kNotFound: there is no such RuntimeClass (RTC-2). kInvalid: this node cannot know of any. `context` outlives the
// call.
Task<Result<RuntimeHandler>> runtimeHandlerOf(Context* context, k8s::core::v1::Pod pod);

}  // namespace cubelet::sync
