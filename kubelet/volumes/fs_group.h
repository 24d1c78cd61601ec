// Gives the files of a volume to the pod's fsGroup (VOL-11).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace cubelet::volumes {

struct OwnershipRule {
  gid_t group = 0;
  bool readOnly = false;            // the group may read only
  bool onlyOnRootMismatch = false;  // fsGroupChangePolicy OnRootMismatch: nothing to do when the root is right
};

// How far it has come, and that it is to stop: shared between the threads that do it and whoever waits for them.
struct OwnershipWalk {
  std::string path;  // of the volume, once the walk has been begun; for the loop thread only
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> files = 0;    // looked at, directories included
  std::atomic<std::uint64_t> changed = 0;  // of these, those that were not right
  std::atomic<std::uint64_t> refused = 0;  // of these, those that the file system would not change
};

// What is wrong with a file of this mode and group. Pure.
struct OwnershipChange {
  bool group = false;
  std::optional<mode_t> mode;  // to be set after the group
  bool operator==(const OwnershipChange&) const = default;
};
// Files get 0660 on top of what they have (0440 when read-only), directories setgid and 0110 as well. Links only change
// their group.
OwnershipChange ownershipChange(mode_t mode, gid_t group, const OwnershipRule& rule);

// Walks through the directory `path` on two threads and changes what is not right, and only that. Links are not
// followed, whoever changes the tree meanwhile. The root itself comes last, so that a walk that was interrupted is
// begun anew under OnRootMismatch. A file that cannot be changed is counted and does not end the walk, as upstream has
// it. kCancelled when `walk.stop` became true. Blocks.
Result<void> giveToFsGroup(const std::string& path, const OwnershipRule& rule, OwnershipWalk& walk);

}  // namespace cubelet::volumes
