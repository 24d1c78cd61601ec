#include "kubelet/podconfig/resources.h"

#include <algorithm>
#include <map>

#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"
#include "kubelet/cgroups/cpu.h"
#include "kubelet/cgroups/value_files.h"

namespace cubelet::podconfig {
namespace {

constexpr std::int64_t kGuaranteedOomScore = -997;
constexpr std::int64_t kBestEffortOomScore = 1000;
constexpr std::int32_t kCriticalPriority = 2'000'000'000;
constexpr std::int32_t kNodeCriticalPriority = 2'000'001'000;

using Quantities = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

// The amount, or `missing` where nothing (or nothing valid) is said. Validation has refused bad quantities before.
std::int64_t amount(const Quantities& quantities, const char* resource, bool milli, std::int64_t missing) {
  auto it = quantities.find(resource);
  if (it == quantities.end()) return missing;
  Result<std::int64_t> value =
      milli ? api::quantityMilliValue(it->second.string()) : api::quantityValue(it->second.string());
  return value.value_or(missing);
}

std::int64_t milliOf(const api::ResourceAmounts& amounts, std::string_view resource) {
  auto found = amounts.find(resource);
  return found == amounts.end() ? 0 : api::quantityMilliValue(found->second).value_or(0);
}

std::int64_t valueOf(const api::ResourceAmounts& amounts, std::string_view resource) {
  auto found = amounts.find(resource);
  return found == amounts.end() ? 0 : api::quantityValue(found->second).value_or(0);
}

// The container's own limit, else the pod's (RES-11).
std::int64_t limitOf(const core::Pod& pod, const core::Container& container, const char* resource, bool milli) {
  const std::int64_t ofPod = amount(pod.spec().resources().limits(), resource, milli, 0);
  return amount(container.resources().limits(), resource, milli, ofPod);
}

// Of each page size that the kernel has as much as the limit says; none of it without one (RES-14).
void addHugePages(const core::Container& container, const NodeFacts& node,
                  cri::v1::LinuxContainerResources& resources) {
  constexpr std::string_view kPrefix = "hugepages-";
  std::map<std::int64_t, std::int64_t> limits;
  for (std::int64_t size : node.hugePageSizes) limits[size] = 0;
  for (const auto& [name, quantity] : container.resources().limits()) {
    if (!name.starts_with(kPrefix)) continue;
    auto limit = limits.find(api::quantityValue(name.substr(kPrefix.size())).value_or(0));
    if (limit != limits.end()) limit->second = api::quantityValue(quantity.string()).value_or(0);
  }
  for (const auto& [size, limit] : limits) {
    auto* added = resources.add_hugepage_limits();
    added->set_page_size(cgroups::pageSizeText(size));
    added->set_limit(static_cast<std::uint64_t>(limit));
  }
}

// A sidecar is not to be killed before the containers that rely on it.
std::int64_t memoryRequestForOom(const core::Pod& pod, const core::Container& container) {
  auto request = [](const core::Container& one) { return amount(one.resources().requests(), "memory", false, 0); };
  const bool isSidecar = std::ranges::any_of(pod.spec().initcontainers(), [&](const core::Container& init) {
    return init.name() == container.name() && api::isSidecar(init);
  });
  if (!isSidecar || pod.spec().containers().empty()) return request(container);
  std::int64_t least = request(pod.spec().containers(0));
  for (const core::Container& regular : pod.spec().containers()) least = std::min(least, request(regular));
  return std::max(request(container), least);
}

// Of what the pod as a whole asks for and no container does, each one's part (KEP-2837).
std::int64_t unclaimedMemoryShare(const core::PodSpec& spec) {
  const std::int64_t ofPod = amount(spec.resources().requests(), "memory", false, 0);
  const int containers = spec.containers_size() + spec.initcontainers_size();
  if (ofPod <= 0 || containers == 0) return 0;
  return (ofPod - valueOf(api::sumOfRequests(spec), "memory")) / containers;
}

bool isCritical(const core::Pod& pod) {
  auto source = pod.metadata().annotations().find("kubernetes.io/config.source");
  const bool isStatic = source != pod.metadata().annotations().end() && source->second != "api";
  return isStatic || pod.spec().priority() >= kCriticalPriority;
}

// What a container may swap with LimitedSwap: the node's swap, in proportion to the memory it asks for.
std::int64_t swapShare(const core::Pod& pod, const core::Container& container, const NodeFacts& node) {
  const std::int64_t request = amount(container.resources().requests(), "memory", false, 0);
  const std::int64_t limit = amount(container.resources().limits(), "memory", false, 0);
  const bool swaps = node.limitedSwap && node.cgroupV2 && !isCritical(pod) && api::qosClass(pod) == "Burstable" &&
                     request > 0 && request != limit && node.memoryBytes > 0;
  if (!swaps) return 0;
  return static_cast<std::int64_t>(static_cast<double>(request) / static_cast<double>(node.memoryBytes) *
                                   static_cast<double>(node.swapBytes));
}

// KEP-2570: from here on the kernel slows the container down and takes memory back, before it has to kill. Not for
// those that have asked for all they may have.
void addThrottling(const core::Container& container, std::int64_t memoryLimit, const NodeFacts& node,
                   cri::v1::LinuxContainerResources& resources) {
  constexpr std::int64_t kPage = 4096;
  if (!node.memoryThrottling || !node.cgroupV2) return;
  const std::int64_t request = amount(container.resources().requests(), "memory", false, 0);
  const std::int64_t most = memoryLimit > 0 ? memoryLimit : node.memoryBytes;
  if (request == memoryLimit && memoryLimit > 0) return;
  const double high = static_cast<double>(request) + static_cast<double>(most - request) * *node.memoryThrottling;
  const std::int64_t pages = static_cast<std::int64_t>(high) / kPage;
  if (pages * kPage > request) (*resources.mutable_unified())["memory.high"] = std::to_string(pages * kPage);
}

// RES-20.
void addSwap(const core::Pod& pod, const core::Container& container, const NodeFacts& node,
             cri::v1::LinuxContainerResources& resources) {
  if (!node.swapController) return;
  if (node.cgroupV2)
    (*resources.mutable_unified())["memory.swap.max"] = std::to_string(swapShare(pod, container, node));
  else
    resources.set_memory_swap_limit_in_bytes(resources.memory_limit_in_bytes());  // v1 counts memory and swap together
}

cri::v1::LinuxContainerResources basics(std::int64_t cpuRequest, std::int64_t cpuLimit, std::int64_t memoryLimit,
                                        const NodeFacts& node) {
  cri::v1::LinuxContainerResources resources;
  resources.set_cpu_shares(cgroups::cpuShares(cpuRequest));
  if (node.cpuCfsQuota) {
    resources.set_cpu_period(node.cpuCfsPeriodMicros);
    resources.set_cpu_quota(cgroups::cpuQuota(cpuLimit, node.cpuCfsPeriodMicros));
  }
  resources.set_memory_limit_in_bytes(memoryLimit);
  if (node.cgroupV2 && !node.singleProcessOomKill) (*resources.mutable_unified())["memory.oom.group"] = "1";
  return resources;
}

}  // namespace

std::int64_t oomScoreAdj(const core::Pod& pod, const core::Container& container, std::int64_t nodeMemoryBytes) {
  if (pod.spec().priority() >= kNodeCriticalPriority) return kGuaranteedOomScore;
  const std::string_view qos = api::qosClass(pod);
  if (qos == "Guaranteed") return kGuaranteedOomScore;
  if (qos == "BestEffort" || nodeMemoryBytes <= 0) return kBestEffortOomScore;
  const std::int64_t request = memoryRequestForOom(pod, container) + unclaimedMemoryShare(pod.spec());
  const std::int64_t share =
      1000 - static_cast<std::int64_t>(1000.0 * static_cast<double>(request) / static_cast<double>(nodeMemoryBytes));
  // Between Guaranteed and BestEffort, whatever the request.
  return std::clamp<std::int64_t>(share, 1000 + kGuaranteedOomScore, kBestEffortOomScore - 1);
}

bool mayUseSwap(const core::Pod& pod, const core::Container& container, const NodeFacts& node) {
  return node.swapController && swapShare(pod, container, node) > 0;
}

cri::v1::LinuxContainerResources containerResources(const core::Pod& pod, const core::Container& container,
                                                    const NodeFacts& node) {
  const std::int64_t cpuLimit = limitOf(pod, container, "cpu", true);
  const std::int64_t cpuRequest = amount(container.resources().requests(), "cpu", true, cpuLimit);
  cri::v1::LinuxContainerResources resources =
      basics(cpuRequest, cpuLimit, limitOf(pod, container, "memory", false), node);
  resources.set_oom_score_adj(oomScoreAdj(pod, container, node.memoryBytes));
  addHugePages(container, node, resources);
  addSwap(pod, container, node, resources);
  addThrottling(container, resources.memory_limit_in_bytes(), node, resources);
  return resources;
}

cri::v1::LinuxContainerResources sandboxResources(const core::Pod& pod, const NodeFacts& node) {
  core::PodSpec spec = pod.spec();
  spec.clear_overhead();
  const api::ResourceAmounts requests = api::podRequests(spec);
  const api::ResourceAmounts limits = api::podLimits(spec);
  const std::int64_t cpuLimit = milliOf(limits, "cpu");
  const std::int64_t cpuRequest = requests.contains("cpu") ? milliOf(requests, "cpu") : cpuLimit;
  return basics(cpuRequest, cpuLimit, valueOf(limits, "memory"), node);
}

cri::v1::LinuxContainerResources sandboxOverhead(const core::Pod& pod, const NodeFacts& node) {
  if (pod.spec().overhead().empty()) return {};
  const std::int64_t cpu = amount(pod.spec().overhead(), "cpu", true, 0);
  return basics(cpu, cpu, amount(pod.spec().overhead(), "memory", false, 0), node);
}

}  // namespace cubelet::podconfig
