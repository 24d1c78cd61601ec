#include "kubelet/devices/health.h"

namespace cubelet::devices {
namespace {

const char* healthOf(const Inventory& inventory, const std::string& resource, const std::string& id) {
  const auto known = inventory.find(resource);
  if (known == inventory.end()) return "Unknown";
  const auto device = known->second.devices.find(id);
  if (device == known->second.devices.end()) return "Unknown";
  return device->second.healthy ? "Healthy" : "Unhealthy";
}

}  // namespace

bool hasDevices(const Allocations& allocations, const std::string& uid) {
  const auto first = allocations.lower_bound(Place{.pod = uid, .container = "", .resource = ""});
  return first != allocations.end() && first->first.pod == uid;
}

void addHealth(const std::string& uid, const Allocations& allocations, const Inventory& inventory,
               ::k8s::core::v1::PodStatus& status) {
  for (::k8s::core::v1::ContainerStatus& container : *status.mutable_containerstatuses()) {
    auto one = allocations.lower_bound(Place{.pod = uid, .container = container.name(), .resource = ""});
    for (; one != allocations.end() && one->first.pod == uid && one->first.container == container.name(); ++one) {
      ::k8s::core::v1::ResourceStatus& resource = *container.add_allocatedresourcesstatus();
      resource.set_name(one->first.resource);
      for (const std::string& id : one->second.ids()) {
        ::k8s::core::v1::ResourceHealth& health = *resource.add_resources();
        health.set_resourceid(id);
        health.set_health(healthOf(inventory, one->first.resource, id));
      }
    }
  }
}

}  // namespace cubelet::devices
