// What a directory of manifests would change on this node. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/k8s/core.pb.h"
#include "staticpods/source/pod_set.h"

namespace cubelet::client {

namespace core = ::k8s::core::v1;

enum class PlannedAction : std::uint8_t {
  kKeep,     // runs, and is the same
  kCreate,   // does not run yet
  kReplace,  // runs in another version, which ends first
  kStop,     // runs, and no manifest has it
  kReject,   // a file that is not taken; nothing that runs ends for it
};
std::string_view textOf(PlannedAction action);

struct PlannedStep {
  PlannedAction action = PlannedAction::kKeep;
  std::string pod;                   // "ns/name"; of kReject empty
  std::string file;                  // not of kStop
  std::vector<std::string> reasons;  // kReplace: the fields that differ; kReject: what is wrong, with file and line
};

// `wanted`: what the manifests hold. `running`: the static pods that the agent has. Sorted by pod, rejected files last.
// A pod that runs and is in no good file is not called kStop as long as a file is rejected: that may be its own, and it
// would go on in its last good version.
std::vector<PlannedStep> planManifests(const staticpods::PodSet& wanted, const std::vector<core::Pod>& running);

// The fields of two versions that differ, at most `most` of them: "spec.containers[0].image". Values are left out: they
// may be secrets.
std::vector<std::string> changedFields(const core::Pod& before, const core::Pod& after, std::size_t most = 5);

}  // namespace cubelet::client
