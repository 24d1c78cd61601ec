// How the devices are that containers have, for the status of their pod (SRV-14, KEP-4680). Pure.
#pragma once

#include <string>

#include "kubelet/devices/state.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::devices {

// The pod with this UID has devices.
bool hasDevices(const Allocations& allocations, const std::string& uid);

// allocatedResourcesStatus of each container (not of init containers, as upstream): Healthy or Unhealthy as the plug-in
// has said last, Unhealthy when it is gone. A device that no plug-in names any more is Unknown; upstream calls it
// Healthy.
void addHealth(const std::string& uid, const Allocations& allocations, const Inventory& inventory,
               ::k8s::core::v1::PodStatus& status);

}  // namespace cubelet::devices
