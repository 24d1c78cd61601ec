// How many dead containers the node keeps in all. Pure. Behaviour GC-1.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kubelet/observe/observed_pod.h"

namespace cubelet::plan {

// Ids of the dead instances, by pod UID, that have to go so that `most` are left: the oldest of the node first. The
// newest instance of a container never goes while its pod is there, so more than `most` may stay.
std::map<std::string, std::set<std::string>> beyondNodeLimit(const std::vector<const observe::ObservedPod*>& pods,
                                                             std::size_t most);

}  // namespace cubelet::plan
