// What a granted resize does to the containers that run, and in which order. Behaviours RSZ-6, RSZ-7. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kubelet/cgroups/values.h"
#include "kubelet/observe/observed_pod.h"
#include "kubelet/resize/resources.h"

namespace cubelet::resize {

// Names of containers. An update in place changes first the memory of all of them, then their cpu, and in each list
// those come first that give something back.
struct Steps {
  std::vector<std::string> restart;  // their resizePolicy says so
  std::vector<std::string> memory;
  std::vector<std::string> cpu;

  bool empty() const { return restart.empty() && memory.empty() && cpu.empty(); }
};

// `allocated`: the pod with the resources that it was granted. Containers that do not run get theirs with the next
// start.
Steps planSteps(const core::Pod& allocated, const PodResources& actuated, const observe::ObservedPod& have);

// Of one cgroup: the larger of each value, so that neither what it has nor what it is to have is cut. What only one of
// them sets is not limited by the other.
cgroups::Values larger(const cgroups::Values& one, const cgroups::Values& other);
// `values` of a pod's cgroup that had limits before: what is not limited any more says so.
cgroups::Values withoutOldLimits(cgroups::Values values);

}  // namespace cubelet::resize
