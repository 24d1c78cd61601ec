// The hash by which a change of a container's definition is noticed (RST-5).
#pragma once

#include <string>
#include <string_view>

namespace cubelet::plan {

// What the annotation io.kubernetes.container.hash holds: lower-case hex without padding. Covers name and image only,
// and must equal what upstream computes, or every container restarts when a node changes its agent: FNV-1a 32 over Go's
// printed form of the bytes of {"image":"...","name":"..."} (upstream pkg/kubelet/container/helpers.go, HashContainer).
std::string containerHash(std::string_view name, std::string_view image);

}  // namespace cubelet::plan
