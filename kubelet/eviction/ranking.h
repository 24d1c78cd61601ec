// Who goes first when the node runs short of something (EVI-6). Pure.
#pragma once

#include <string>
#include <vector>

#include "kubelet/eviction/usage.h"

namespace cubelet::eviction {

struct Candidate {
  core::Pod pod;
  PodUsage usage = {};
};

// Pods that use more than they asked for go before others, then those of lower priority, then those that use the most
// beyond their requests. For want of process ids: by priority, then by their number. `layout` says which of a pod's
// storage counts.
std::vector<Candidate> ranked(std::vector<Candidate> candidates, Signal signal, const FsLayout& layout);

// What the pod asks for, in bytes; 0 of inodes and processes, which nobody can ask for.
std::int64_t requestOf(const core::Pod& pod, Resource resource);

}  // namespace cubelet::eviction
