// Which devices a container gets. Pure. Upstream pkg/kubelet/cm/devicemanager, without the topology manager.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/devices/state.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::devices {

namespace core = ::k8s::core::v1;

struct Demand {
  std::string container;
  std::string resource;
  std::int64_t count = 0;
};

// What the containers ask for (by their limits) of resources that plug-ins have; in the order in which containers
// start.
std::vector<Demand> demandsOf(const core::PodSpec& spec, const Inventory& inventory);
std::vector<Demand> demandsOf(const core::Container& container, const Inventory& inventory);

// Of the pod's demands those that it holds nothing for.
std::vector<Demand> openDemands(const core::Pod& pod, const Inventory& inventory, const Allocations& allocations);

// Devices that init containers of the pod have had and that no container which runs beside later ones holds: later
// containers get them first.
Ids reusable(const core::Pod& pod, const std::string& resource, const Allocations& allocations);

// Resources of the container's limits that would be a plug-in's, if any had registered for them.
std::vector<std::string> unknownResources(const core::Container& container, const Inventory& inventory);

struct Offer {
  std::size_t count = 0;
  Ids given;      // what the container gets in any case
  Ids available;  // what the rest is chosen from

  bool isOpen() const { return given.size() < count; }
};

// kUnavailable, with upstream's words: the pod cannot have them.
Result<Offer> offerFor(const core::Pod& pod, const Demand& demand, const Inventory& inventory,
                       const Allocations& allocations);

// `preferred`: what the plug-in would take; what is not on offer does not count, what is missing is filled up by ID.
Ids choose(const Offer& offer, const Ids& preferred);

Allocation allocationOf(const Ids& ids, const Resource& resource);

// What a container gets by several resources together. What two of them say differently is as the first has it.
void mergeInto(wire::ContainerAllocateResponse& all, const wire::ContainerAllocateResponse& one);

}  // namespace cubelet::devices
