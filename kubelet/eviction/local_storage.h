// Limits on what a pod may write to the node's disks (EVI-9, EMP-4). Pure.
#pragma once

#include <optional>
#include <string>

#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

// The pod has such a limit at all, so what it has written is worth a look.
bool limitsStorage(const core::Pod& pod);

// Why a pod is to go.
struct Excess {
  std::string message;  // in upstream's words
  std::string limit;    // what upstream's metric calls it: "emptydirfs.limit"
};

// Nothing: it keeps to its limits.
std::optional<Excess> storageExcess(const core::Pod& pod, const PodUsage& usage, const FsLayout& layout);

}  // namespace cubelet::eviction
