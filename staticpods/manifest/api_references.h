// Static pods live without an API server, so they may not need objects from one.
#pragma once

#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"
#include "staticpods/manifest/manifest.h"

namespace cubelet::staticpods {

// One problem, with its path, for each reference to an API object: "static pods may not reference secrets" (STA-8;
// upstream pkg/api/pod/util.go, HasAPIObjectReference, names the kinds). With kLocal only those that no file of the
// node can answer: there is no problem with ConfigMaps, Secrets and claims then.
std::vector<api::Problem> findApiReferences(const ::k8s::core::v1::Pod& pod, References references);

}  // namespace cubelet::staticpods
