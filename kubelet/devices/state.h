// What there is and who has it: devices of plug-ins, and what containers were given of them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/deviceplugin/deviceplugin.pb.h"

namespace cubelet::devices {

namespace wire = ::v1beta1;

using Ids = std::set<std::string>;

struct Device {
  bool healthy = true;
  std::vector<std::int64_t> numaNodes;  // as its plug-in says; empty: it does not say

  bool operator==(const Device&) const = default;
};

struct Resource {
  std::map<std::string, Device> devices;  // by ID
  bool connected = false;                 // its plug-in is there
};

// By resource name ("example.com/gpu"): what plug-ins have offered since the agent's start, and before it.
using Inventory = std::map<std::string, Resource>;

// Whose and which.
struct Place {
  std::string pod;  // UID
  std::string container;
  std::string resource;

  auto operator<=>(const Place&) const = default;
};

struct Allocation {
  // By NUMA node; those without one below kNoNode. A device that is near several nodes is named for each.
  std::map<std::int64_t, Ids> byNode;
  // What the plug-in wants the container to have; nothing: it has not been asked.
  std::optional<wire::ContainerAllocateResponse> response;

  Ids ids() const;
};
inline constexpr std::int64_t kNoNode = -1;

using Allocations = std::map<Place, Allocation>;

Resource fromList(const wire::ListAndWatchResponse& list);  // connected
Ids healthyOf(const Resource& resource);
// Of all pods.
Ids inUse(const Allocations& allocations, const std::string& resource);

struct Amount {
  std::int64_t capacity = 0;
  std::int64_t allocatable = 0;

  bool operator==(const Amount&) const = default;
};
using Amounts = std::map<std::string, Amount>;

// As the node's status has them: allocatable is what is healthy.
Amounts amountsOf(const Inventory& inventory);

}  // namespace cubelet::devices
