// What pods have left on disk: found at the start of the agent and after a pod has gone (GC-2).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/layout/layout.h"

namespace cubelet::sync {

struct LeftPod {
  std::string name;  // empty when only its directory below the root tells of it
  std::string ns;
};

// "<namespace>_<name>_<uid>", as directories of logs are named: the pod and its UID. Empty for any other name.
std::optional<std::pair<std::string, LeftPod>> podOfLogDirectory(std::string_view name);

// By UID: every pod that has a directory below the root or one for its logs. What cannot be read is logged and counts
// as empty. Blocks for reading two directories.
std::map<std::string, LeftPod> podsOnDisk(const layout::Directories& dirs);

// Removes links to logs that are not there any more: those that lead below `dirs.podLogs` and belong to none of the
// `running` containers, whose logs may be away for the moment of their rotation. Links of others are not touched.
void removeDanglingLinks(const layout::Directories& dirs, const std::set<std::string>& running);

}  // namespace cubelet::sync
