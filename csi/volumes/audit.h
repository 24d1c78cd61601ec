// Compares what is noted of CSI volumes with what is mounted, and with the pods there are. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "csi/volumes/record.h"

namespace cubelet::csi {

struct Finding {
  std::string volume;   // its name; empty: nobody knows
  std::string path;     // where it is mounted, or should be; empty: nowhere in particular
  std::string problem;  // for people
  bool leak = false;    // it belongs to no pod and can be taken down
  bool operator==(const Finding&) const = default;
};

struct AuditedVolume {
  VolumeRecord record;
  std::set<std::string> users;                      // UIDs of pods that want it
  std::string stagingPath;                          // empty for block volumes: nothing is mounted there
  std::map<std::string, std::string> publishPaths;  // by UID, of every pod in the record
  std::vector<std::string> morePaths;               // where it may be mounted as well
};

// `mounts`: all that is mounted below `root`. `pods`: the UIDs of all pods there are.
std::vector<Finding> audit(const std::string& root, const std::vector<AuditedVolume>& volumes,
                           const std::vector<std::string>& mounts, const std::set<std::string>& pods);

}  // namespace cubelet::csi
