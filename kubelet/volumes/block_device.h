// A block device with a file system on it, made if there is none, mounted as a volume.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "kubelet/volumes/volume_type.h"

namespace cubelet::volumes {

struct DeviceMount {
  std::string device;
  std::string fsType = {};  // empty: ext4
  std::string target;       // a directory
  std::vector<std::string> options = {};
  bool readOnly = false;
};

// mkfs.ext4 -F -m0 DEVICE, as upstream calls it. Pure.
std::vector<std::string> formatCommand(const DeviceMount& what);
// mount -t TYPE [-o OPTIONS] DEVICE TARGET. Pure.
std::vector<std::string> mountCommand(const DeviceMount& what);

// By upstream's rules: a device on which blkid finds nothing at all is formatted, unless it is to be read only; what
// has anything on it, of whatever kind, never is. A file system that is to be written is checked first (fsck -a), if
// nobody has mounted it. Several pods may have the same device, each its own mount of it. The device is locked (flock)
// meanwhile, as udev's rules for block devices ask: kUnavailable when somebody else holds it. Safe to repeat; done when
// something is mounted at the target. Loop thread only.
Task<Result<void>> mountDevice(DeviceMount what, RunProgram run);

}  // namespace cubelet::volumes
