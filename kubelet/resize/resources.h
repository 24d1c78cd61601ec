// What a resize may change of a pod: cpu and memory of its containers and of the pod as a whole. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kubelet/api/pod_resources.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::resize {

namespace core = ::k8s::core::v1;

// Only "cpu" and "memory". Equal amounts may be spelled differently: compare with same().
struct Resources {
  api::ResourceAmounts requests = {};
  api::ResourceAmounts limits = {};
};

struct PodResources {
  std::map<std::string, Resources> containers = {};  // by name; init containers too
  Resources pod = {};                                // spec.resources
};

PodResources resourcesOf(const core::Pod& pod);
// `pod` with the cpu and memory of `resources`. Containers that these do not name keep their own.
core::Pod withResources(core::Pod pod, const PodResources& resources);

bool same(const Resources& one, const Resources& other);
bool same(const PodResources& one, const PodResources& other);
// The same amount of one resource, in requests and limits.
bool same(std::string_view resource, const Resources& one, const Resources& other);

// "0" when nothing is said.
std::string_view amountOf(const api::ResourceAmounts& amounts, std::string_view resource);

}  // namespace cubelet::resize
