// What the containers of a pod need together.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "proto/k8s/core.pb.h"

namespace cubelet::api {

// Amounts by resource name, ordered so that results and messages are the same every time.
using ResourceAmounts = std::map<std::string, std::string, std::less<>>;

// The effective sum of the containers (component-helpers resource, RES-12): regular containers and sidecars run side by
// side; an init container runs beside the sidecars before it only. Without pod-level resources and overhead.
ResourceAmounts sumOfRequests(const k8s::core::v1::PodSpec& spec);
ResourceAmounts sumOfLimits(const k8s::core::v1::PodSpec& spec);

// What the pod as a whole asks for and may have: that sum, what spec.resources says instead of it, and the overhead of
// its RuntimeClass. The overhead raises limits, it sets none.
ResourceAmounts podRequests(const k8s::core::v1::PodSpec& spec);
ResourceAmounts podLimits(const k8s::core::v1::PodSpec& spec);

bool isHugePages(std::string_view resource);  // "hugepages-2Mi"
// cpu, memory and huge pages: what spec.resources may name.
bool isPodLevelResource(std::string_view resource);
// No domain, or one of kubernetes.io.
bool isNativeResource(std::string_view resource);
// Requests may stay below limits: not for huge pages and devices.
bool isOvercommitAllowed(std::string_view resource);

}  // namespace cubelet::api
