// The SystemdBus of this machine, through libsystemd, which is loaded by the first call.
#pragma once

#include "kubelet/cgroups/systemd_bus.h"

namespace cubelet::cgroups {

// Each call opens a connection of its own: systemd or the message bus may have been restarted since the last one.
class SdBus final : public SystemdBus {
 public:
  Result<void> startSlice(const std::string& slice, const std::vector<UnitProperty>& properties) override;
  Result<void> setProperties(const std::string& unit, const std::vector<UnitProperty>& properties) override;
  Result<void> stopUnit(const std::string& unit) override;
};

}  // namespace cubelet::cgroups
