#include "kubelet/podresources/answers.h"

#include "kubelet/api/pod.h"

namespace cubelet::podresources {
namespace {

template <class Nodes>
void add(::v1::ContainerDevices& entry, const std::string& resource, const std::string& id, const Nodes& nodes) {
  entry.set_resource_name(resource);
  entry.add_device_ids(id);
  for (std::int64_t node : nodes)
    if (node != devices::kNoNode) entry.mutable_topology()->add_nodes()->set_id(node);
}

void addContainer(::v1::PodResources& to, const std::string& uid, const std::string& name,
                  const devices::Allocations& allocations) {
  ::v1::ContainerResources& container = *to.add_containers();
  container.set_name(name);
  for (const auto& [place, allocation] : allocations) {
    if (place.pod != uid || place.container != name) continue;
    std::map<std::string, std::vector<std::int64_t>> nodesOf;
    for (const auto& [node, ids] : allocation.byNode)
      for (const std::string& id : ids) nodesOf[id].push_back(node);
    for (const auto& [id, nodes] : nodesOf) add(*container.add_devices(), place.resource, id, nodes);
  }
}

}  // namespace

::v1::PodResources resourcesOf(const core::Pod& pod, const devices::Allocations& allocations) {
  ::v1::PodResources out;
  out.set_name(pod.metadata().name());
  out.set_namespace_(pod.metadata().namespace_());
  const std::string& uid = pod.metadata().uid();
  for (const core::Container& container : pod.spec().initcontainers())
    if (api::isSidecar(container)) addContainer(out, uid, container.name(), allocations);
  for (const core::Container& container : pod.spec().containers())
    addContainer(out, uid, container.name(), allocations);
  return out;
}

::v1::PodResources alphaResourcesOf(const core::Pod& pod, const devices::Allocations& allocations) {
  ::v1::PodResources out;
  out.set_name(pod.metadata().name());
  out.set_namespace_(pod.metadata().namespace_());
  for (const core::Container& container : pod.spec().containers())
    addContainer(out, pod.metadata().uid(), container.name(), allocations);
  for (::v1::ContainerResources& container : *out.mutable_containers())
    for (::v1::ContainerDevices& one : *container.mutable_devices()) one.clear_topology();
  return out;
}

::v1::AllocatableResourcesResponse allocatableOf(const devices::Inventory& inventory) {
  ::v1::AllocatableResourcesResponse out;
  for (const auto& [name, resource] : inventory)
    for (const auto& [id, device] : resource.devices)
      if (device.healthy) add(*out.add_devices(), name, id, device.numaNodes);
  return out;
}

}  // namespace cubelet::podresources
