// Mounting, and what is mounted. Blocking: call from a BlockingPool thread.
#pragma once

#include <string>

#include "base/result.h"

namespace cubelet::volumes {

// True when `path` is the root of a mount. A missing path is none. Asks the file system (Linux 5.8): not for mounts
// that may hang.
Result<bool> isMountPoint(const std::string& path);

// The same by the mount table alone, which no server that is away can hold up.
Result<bool> isInMountTable(const std::string& path);

// mount(2) of a file system without a device, nosuid and nodev.
Result<void> mountFileSystem(const std::string& type, const std::string& target, const std::string& options);

// Unmounts everything mounted at or below `path`, deepest first. Links are not followed. A busy mount is an error: the
// data behind it must not be touched.
Result<void> unmountBelow(const std::string& path);

}  // namespace cubelet::volumes
