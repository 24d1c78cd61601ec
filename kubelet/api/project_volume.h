// Which volumes their file system may count as a project (KEP-1029).
#pragma once

#include "proto/k8s/core.pb.h"

namespace cubelet::api {

// An emptyDir on disk of a pod in a user namespace (hostUsers: false). Processes of all other pods could move their
// files to other projects, where they are not counted. Pure.
bool mayBeProject(const k8s::core::v1::PodSpec& spec, const k8s::core::v1::VolumeSource& source);

}  // namespace cubelet::api
