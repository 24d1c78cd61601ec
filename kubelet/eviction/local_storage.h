// Limits on what a pod may write to the node's disks (EVI-9, EMP-4). Pure.
#pragma once

#include <optional>
#include <string>

#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

// The pod has such a limit at all, so what it has written is worth a look.
bool limitsStorage(const core::Pod& pod);

// Why the pod is to go, in upstream's words; nothing: it keeps to its limits.
std::optional<std::string> storageExcess(const core::Pod& pod, const PodUsage& usage, const FsLayout& layout);

}  // namespace cubelet::eviction
