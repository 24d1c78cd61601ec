// The pod's /etc/hosts on disk.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/podconfig/node_facts.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::sync {

// Writes the file that all containers of the pod share and answers its path (NET-1). It is written in place: those that
// run have it mounted, and a new file under the same name would not be theirs. What they have written there is lost, as
// it is upstream. Blocks for small local files.
Result<std::string> writeHostsFile(const ::k8s::core::v1::Pod& pod, const std::vector<std::string>& podIps,
                                   const podconfig::NodeFacts& node);

}  // namespace cubelet::sync
