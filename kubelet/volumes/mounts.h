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

// True when the file system of this block device is mounted somewhere, by the mount table of this process.
Result<bool> isDeviceMounted(unsigned major, unsigned minor);

// mount(2) of a file system without a device, nosuid and nodev.
Result<void> mountFileSystem(const std::string& type, const std::string& target, const std::string& options);

// Unmounts everything mounted at or below `path`, deepest first. Links are not followed, and no file system is asked
// anything. A busy mount is an error: the data behind it must not be touched. A busy one of the network is detached
// instead: whoever keeps it busy may wait for a server that is gone.
Result<void> unmountBelow(const std::string& path);

// The same for what is mounted below <directory>/*/<name>, but not for what is mounted at these.
Result<void> unmountInsideEach(const std::string& directory, const std::string& name);

// Detaches what is mounted of the network at or below `path`, for when unmountBelow() hangs. Does not hang itself.
Result<void> detachNetworkBelow(const std::string& path);

// Makes the mount that `path` lies on a shared one, so that mounts of containers reach the host and the other way round
// (VOL-4, VOL-7). A mount of its own is made for `path` when its file system is not shared; what is mounted
// below `path` moves into it. Safe to repeat.
Result<void> makeShared(const std::string& path);

}  // namespace cubelet::volumes
