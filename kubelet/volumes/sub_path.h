// subPath: one directory or file of a volume, pinned where no link can lead astray (VOL-8). Blocking: call from a
// BlockingPool thread.
#pragma once

#include <string>

#include "base/result.h"

namespace cubelet::volumes {

// Reasons of errors, which differ in what people are told.
inline constexpr char kCannotCreateSubPath[] = "CannotCreateSubPath";
inline constexpr char kCannotPrepareSubPath[] = "CannotPrepareSubPath";

struct SubPath {
  std::string volumePath;  // the volume on the host; a link there is the host's own and is followed
  std::string path;    // below the volume, relative and without ".."; links are followed as long as they stay inside
  std::string target;  // where it is to be mounted, see layout::subPathTarget
};

// Mounts the directory or file at `target`, by a descriptor: whatever a container does meanwhile, what is mounted lies
// in the volume. Missing directories are made, with the mode of the volume's own. Safe to repeat: what is mounted
// already stays when it is still the same, and is replaced otherwise. Messages tell about the host; they are for logs.
Result<void> bindSubPath(const SubPath& subPath);

}  // namespace cubelet::volumes
