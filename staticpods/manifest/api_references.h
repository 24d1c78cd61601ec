// Static pods live without an API server, so they may not need objects from one.
#pragma once

#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::staticpods {

// One problem, with its path, for each reference to an API object: "static pods may not reference secrets" (STA-8;
// upstream pkg/api/pod/util.go, HasAPIObjectReference, names the kinds).
std::vector<api::Problem> findApiReferences(const ::k8s::core::v1::Pod& pod);

}  // namespace cubelet::staticpods
