// Which ids of the host a pod with a user namespace has, on disk.
#pragma once

#include <string>

#include "base/result.h"
#include "kubelet/layout/layout.h"
#include "kubelet/podconfig/user_namespace.h"

namespace cubelet::sync {

// The pod's range: the one that its record names, so that it stays the same across restarts of the agent, else a free
// one, which is recorded first (SEC-14). The record goes with the pod's directory, and the range is free again then.
// Blocks for small local files.
Result<podconfig::IdRange> userNamespaceOf(const layout::Directories& dirs, const std::string& uid,
                                           const podconfig::IdPool& pool);

}  // namespace cubelet::sync
