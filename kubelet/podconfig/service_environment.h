// The variables that tell a container where the services of its namespace are (CFG-11).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/k8s/core.pb.h"

namespace cubelet::podconfig {

namespace core = ::k8s::core::v1;

using ServicePtr = std::shared_ptr<const core::Service>;

// For each service of namespace `ns` that has a cluster IP, sorted by its name: {NAME}_SERVICE_HOST,
// {NAME}_SERVICE_PORT and the variables that Docker's links once set. Without `links` only default/kubernetes has them;
// a service of the same name in the pod's own namespace takes its place. Reference: upstream pkg/kubelet/envvars. Two
// services can have variables of one name ("a-b", "a"): the last in the list counts.
std::vector<std::pair<std::string, std::string>> serviceVariables(const std::vector<ServicePtr>& services,
                                                                  const std::string& ns, bool links);

}  // namespace cubelet::podconfig
