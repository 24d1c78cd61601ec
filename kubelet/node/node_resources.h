// What the node has, and what of it pods may use: NOD-7. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "kubelet/config/configuration.h"
#include "kubelet/node/machine_facts.h"

namespace cubelet::node {

// Resource name -> quantity in the API's spelling.
using ResourceList = std::map<std::string, std::string>;

struct ResourceSettings {
  std::int64_t maxPods = 110;
  std::int64_t podsPerCore = 0;  // 0: no limit of its own
  ResourceList kubeReserved = {};
  ResourceList systemReserved = {};
  ResourceList evictionHard = {};  // signal -> quantity or share: "memory.available" -> "100Mi"
  bool countsStorage = true;       // localStorageCapacityIsolation
};
ResourceSettings resourceSettings(const config::KubeletConfiguration& config);

// cpu, memory, pods, ephemeral-storage and hugepages-<size>; what the machine does not tell is left out.
ResourceList capacityOf(const MachineFacts& machine, const ResourceSettings& settings);

// Capacity less what is reserved and less the hard eviction thresholds, never below zero; huge pages that are set aside
// are no memory to allocate. `capacity` may hold further (extended) resources: they are allocatable as a whole.
ResourceList allocatableOf(const ResourceList& capacity, const ResourceSettings& settings);

bool isHugePages(std::string_view resource);  // "hugepages-2Mi"
// "example.com/gpu": a resource that is nobody's but its device plugin's or administrator's.
bool isExtended(std::string_view resource);

// "16393244Ki", "2Mi", "1001": the largest binary suffix that loses nothing; as the API server stores it.
std::string bytesQuantity(std::int64_t bytes);

}  // namespace cubelet::node
