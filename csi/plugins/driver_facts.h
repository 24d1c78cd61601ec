// What the cluster learns about a driver on this node.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::csi {

struct DriverFacts {
  std::string name;
  std::string nodeId;
  std::int64_t maxVolumes = 0;  // 0: no limit
  std::map<std::string, std::string> topology;
  bool operator==(const DriverFacts&) const = default;
};

// Tells the cluster. Loop thread only.
class DriverAnnouncer {
 public:
  virtual ~DriverAnnouncer() = default;
  // An error that is retryable leaves the driver registered, and is tried again; any other refuses the registration.
  virtual Task<Result<void>> announce(DriverFacts facts) = 0;
  virtual Task<Result<void>> withdraw(std::string driver) = 0;
  // How often the cluster wants to hear what the driver says of this node; zero: only when it registers (CSI-19).
  virtual Task<Result<Duration>> refreshPeriod(std::string driver) {
    (void)driver;
    co_return Duration(0);
  }
};

}  // namespace cubelet::csi
