// Driver: makes, sets and removes one cgroup, by hand or through systemd.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/cgroups/cgroup_files.h"
#include "kubelet/cgroups/cgroup_name.h"
#include "kubelet/cgroups/systemd_bus.h"
#include "kubelet/cgroups/values.h"

namespace cubelet::cgroups {

// All calls may be repeated. Any thread, one call at a time.
class Driver {
 public:
  virtual ~Driver() = default;

  virtual DriverKind kind() const = 0;
  // Makes it, with all that is missing above it, and sets `values`.
  virtual Result<void> apply(const CgroupName& name, const Values& values) = 0;
  virtual Result<bool> exists(const CgroupName& name) = 0;
  // UIDs of the pods in a class.
  virtual Result<std::vector<std::string>> podUids(const CgroupName& qosCgroup) = 0;
  // Bytes in use, without what the kernel can give back at once.
  virtual Result<std::int64_t> memoryInUse(const CgroupName& name) = 0;
  // Processes and threads in it and below.
  virtual Result<std::int64_t> processesIn(const CgroupName& name) = 0;
  // Ends what still runs in the cgroup that the runtime has made in it for a container. False when there is none.
  virtual Result<bool> killContainer(const CgroupName& pod, const std::string& containerId) = 0;
  // Ends what still runs in it and removes it with all below. kUnavailable: not all of it is dead yet, try again.
  virtual Result<void> remove(const CgroupName& name) = 0;
};

// The tree behind `files` must outlive the driver.
std::unique_ptr<Driver> makeCgroupfsDriver(CgroupFiles files);
// `bus` too. Whatever systemd does not know (huge pages), and what must hold at once, is written to the files as well.
std::unique_ptr<Driver> makeSystemdDriver(CgroupFiles files, SystemdBus& bus);

}  // namespace cubelet::cgroups
