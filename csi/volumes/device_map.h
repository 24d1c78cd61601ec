// A block device for a pod, in upstream's layout: bound once more, held open by a loop device, and linked (CSI-12).
#pragma once

#include <string>

#include "base/result.h"

namespace cubelet::csi {

struct DeviceMap {
  std::string device;  // where the driver has published it
  std::string bound;   // bind mount of it, for all who look for the volume's devices
  std::string link;    // in the pod's directory, to `device`
};

// Safe to repeat. The loop device keeps the kernel from giving the device's number to another one as long as the pod
// has it; it outlives this process. Without loop devices there is none: that is logged. Blocks.
Result<void> mapDevice(const DeviceMap& map);
// Undoes all of it, or what there is. Blocks.
Result<void> unmapDevice(const DeviceMap& map);

}  // namespace cubelet::csi
