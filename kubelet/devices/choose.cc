#include "kubelet/devices/choose.h"

#include <algorithm>
#include <iterator>

#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"

namespace cubelet::devices {
namespace {

void append(std::vector<Demand>& to, std::vector<Demand> more) {
  std::ranges::move(more, std::back_inserter(to));
}

Ids without(const Ids& ids, const Ids& others) {
  Ids out;
  std::ranges::set_difference(ids, others, std::inserter(out, out.end()));
  return out;
}

Ids heldBy(const core::Pod& pod, const core::Container& container, const std::string& resource,
           const Allocations& allocations) {
  const auto found = allocations.find({pod.metadata().uid(), container.name(), resource});
  return found == allocations.end() ? Ids() : found->second.ids();
}

// `key` tells which of two entries speak of the same thing.
template <class Entries, class Key>
void addNew(Entries* all, const Entries& one, Key key) {
  for (const auto& entry : one) {
    const bool there = std::any_of(all->begin(), all->end(), [&](const auto& had) { return key(had) == key(entry); });
    if (!there) *all->Add() = entry;
  }
}

}  // namespace

std::vector<Demand> demandsOf(const core::Container& container, const Inventory& inventory) {
  std::vector<Demand> out;
  for (const auto& [resource, known] : inventory) {
    const auto limit = container.resources().limits().find(resource);
    if (limit == container.resources().limits().end()) continue;
    const std::int64_t count = api::quantityValue(limit->second.string()).value_or(0);
    if (count > 0) out.push_back({container.name(), resource, count});
  }
  return out;
}

std::vector<Demand> demandsOf(const core::PodSpec& spec, const Inventory& inventory) {
  std::vector<Demand> out;
  for (const core::Container& container : spec.initcontainers()) append(out, demandsOf(container, inventory));
  for (const core::Container& container : spec.containers()) append(out, demandsOf(container, inventory));
  return out;
}

std::vector<Demand> openDemands(const core::Pod& pod, const Inventory& inventory, const Allocations& allocations) {
  std::vector<Demand> demands = demandsOf(pod.spec(), inventory);
  std::erase_if(demands, [&](const Demand& demand) {
    return allocations.contains({pod.metadata().uid(), demand.container, demand.resource});
  });
  return demands;
}

std::vector<std::string> unknownResources(const core::Container& container, const Inventory& inventory) {
  std::vector<std::string> out;
  for (const auto& [name, amount] : container.resources().limits())
    if (!api::isNativeResource(name) && !name.starts_with("requests.") && !inventory.contains(name))
      out.push_back(name);
  std::ranges::sort(out);
  return out;
}

Ids reusable(const core::Pod& pod, const std::string& resource, const Allocations& allocations) {
  Ids used;
  Ids held;
  for (const core::Container& container : pod.spec().initcontainers()) {
    Ids& into = api::isSidecar(container) ? held : used;
    into.merge(heldBy(pod, container, resource, allocations));
  }
  for (const core::Container& container : pod.spec().containers())
    held.merge(heldBy(pod, container, resource, allocations));
  return without(used, held);
}

Result<Offer> offerFor(const core::Pod& pod, const Demand& demand, const Inventory& inventory,
                       const Allocations& allocations) {
  const auto resource = inventory.find(demand.resource);
  if (resource == inventory.end() || !resource->second.connected)
    return fail(Code::kUnavailable, "", "cannot allocate unregistered device " + demand.resource);
  Offer offer{.count = static_cast<std::size_t>(demand.count), .given = {}, .available = {}};
  for (const std::string& id : reusable(pod, demand.resource, allocations))
    if (offer.isOpen()) offer.given.insert(id);
  offer.available = without(healthyOf(resource->second), inUse(allocations, demand.resource));
  const std::size_t needed = offer.count - offer.given.size();
  if (offer.available.size() < needed)
    return fail(Code::kUnavailable, "",
                "requested number of devices unavailable for " + demand.resource + ". Requested: " +
                    std::to_string(needed) + ", Available: " + std::to_string(offer.available.size()));
  return offer;
}

Ids choose(const Offer& offer, const Ids& preferred) {
  Ids out = offer.given;
  auto take = [&](const Ids& from) {
    for (const std::string& id : from)
      if (out.size() < offer.count && offer.available.contains(id)) out.insert(id);
  };
  take(preferred);
  take(offer.available);
  return out;
}

Allocation allocationOf(const Ids& ids, const Resource& resource) {
  Allocation out;
  for (const std::string& id : ids) {
    const auto device = resource.devices.find(id);
    const bool placed = device != resource.devices.end() && !device->second.numaNodes.empty();
    if (!placed) {
      out.byNode[kNoNode].insert(id);
      continue;
    }
    for (std::int64_t node : device->second.numaNodes) out.byNode[node].insert(id);
  }
  return out;
}

void mergeInto(wire::ContainerAllocateResponse& all, const wire::ContainerAllocateResponse& one) {
  all.mutable_envs()->insert(one.envs().begin(), one.envs().end());
  all.mutable_annotations()->insert(one.annotations().begin(), one.annotations().end());
  addNew(all.mutable_mounts(), one.mounts(), [](const wire::Mount& mount) { return mount.container_path(); });
  addNew(all.mutable_devices(), one.devices(), [](const wire::DeviceSpec& device) { return device.container_path(); });
  addNew(all.mutable_cdi_devices(), one.cdi_devices(), [](const wire::CDIDevice& device) { return device.name(); });
}

}  // namespace cubelet::devices
