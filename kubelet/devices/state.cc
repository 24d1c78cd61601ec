#include "kubelet/devices/state.h"

namespace cubelet::devices {

Ids Allocation::ids() const {
  Ids out;
  for (const auto& [node, ids] : byNode) out.insert(ids.begin(), ids.end());
  return out;
}

Resource fromList(const wire::ListAndWatchResponse& list) {
  Resource out;
  out.connected = true;
  for (const wire::Device& one : list.devices()) {
    Device& device = out.devices[one.id()];
    device.healthy = one.health() == "Healthy";
    for (const wire::NUMANode& node : one.topology().nodes()) device.numaNodes.push_back(node.id());
  }
  return out;
}

Ids healthyOf(const Resource& resource) {
  Ids out;
  for (const auto& [id, device] : resource.devices)
    if (device.healthy) out.insert(id);
  return out;
}

Ids inUse(const Allocations& allocations, const std::string& resource) {
  Ids out;
  for (const auto& [place, allocation] : allocations)
    if (place.resource == resource) out.merge(allocation.ids());
  return out;
}

Amounts amountsOf(const Inventory& inventory) {
  Amounts out;
  for (const auto& [name, resource] : inventory)
    out[name] = {.capacity = static_cast<std::int64_t>(resource.devices.size()),
                 .allocatable = static_cast<std::int64_t>(healthyOf(resource).size())};
  return out;
}

}  // namespace cubelet::devices
