#include "kubelet/podconfig/resources.h"

#include <algorithm>

#include "kubelet/api/pod.h"
#include "kubelet/api/quantity.h"

namespace cubelet::podconfig {
namespace {

constexpr std::int64_t kSharesPerCpu = 1024;
constexpr std::int64_t kMinShares = 2;
constexpr std::int64_t kMaxShares = 262144;
constexpr std::int64_t kMinQuotaMicros = 1000;
constexpr std::int64_t kGuaranteedOomScore = -997;
constexpr std::int64_t kBestEffortOomScore = 1000;
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

// The container's own limit, else the pod's (RES-11).
std::int64_t limitOf(const core::Pod& pod, const core::Container& container, const char* resource, bool milli) {
  const std::int64_t ofPod = amount(pod.spec().resources().limits(), resource, milli, 0);
  return amount(container.resources().limits(), resource, milli, ofPod);
}

// CRI names page sizes "2MB", the API "hugepages-2Mi".
std::string criPageSize(std::string size) {
  if (size.ends_with("i")) size.back() = 'B';
  return size;
}

void addHugePages(const core::Container& container, cri::v1::LinuxContainerResources& resources) {
  constexpr std::string_view kPrefix = "hugepages-";
  for (const auto& [name, quantity] : container.resources().limits()) {
    if (!name.starts_with(kPrefix)) continue;
    auto* limit = resources.add_hugepage_limits();
    limit->set_page_size(criPageSize(name.substr(kPrefix.size())));
    limit->set_limit(static_cast<std::uint64_t>(api::quantityValue(quantity.string()).value_or(0)));
  }
}

}  // namespace

std::int64_t cpuShares(std::int64_t milliCpu) {
  return std::clamp(milliCpu * kSharesPerCpu / 1000, kMinShares, kMaxShares);
}

std::int64_t cpuQuota(std::int64_t milliCpu, std::int64_t periodMicros) {
  if (milliCpu <= 0) return 0;
  return std::max(milliCpu * periodMicros / 1000, kMinQuotaMicros);
}

std::int64_t oomScoreAdj(const core::Pod& pod, const core::Container& container, std::int64_t nodeMemoryBytes) {
  if (pod.spec().priority() >= kNodeCriticalPriority) return kGuaranteedOomScore;
  const std::string_view qos = api::qosClass(pod);
  if (qos == "Guaranteed") return kGuaranteedOomScore;
  if (qos == "BestEffort" || nodeMemoryBytes <= 0) return kBestEffortOomScore;
  const std::int64_t request = amount(container.resources().requests(), "memory", false, 0);
  const std::int64_t share =
      1000 - static_cast<std::int64_t>(1000.0 * static_cast<double>(request) / static_cast<double>(nodeMemoryBytes));
  // Between Guaranteed and BestEffort, whatever the request.
  return std::clamp<std::int64_t>(share, 1000 + kGuaranteedOomScore, kBestEffortOomScore - 1);
}

cri::v1::LinuxContainerResources containerResources(const core::Pod& pod, const core::Container& container,
                                                    const NodeFacts& node) {
  cri::v1::LinuxContainerResources resources;
  const std::int64_t cpuLimit = limitOf(pod, container, "cpu", true);
  const std::int64_t cpuRequest = amount(container.resources().requests(), "cpu", true, cpuLimit);
  resources.set_cpu_shares(cpuShares(cpuRequest));
  if (node.cpuCfsQuota) {
    resources.set_cpu_period(node.cpuCfsPeriodMicros);
    resources.set_cpu_quota(cpuQuota(cpuLimit, node.cpuCfsPeriodMicros));
  }
  const std::int64_t memoryLimit = limitOf(pod, container, "memory", false);
  resources.set_memory_limit_in_bytes(memoryLimit);
  resources.set_oom_score_adj(oomScoreAdj(pod, container, node.memoryBytes));
  addHugePages(container, resources);
  if (node.cgroupV2) {
    if (!node.singleProcessOomKill) (*resources.mutable_unified())["memory.oom.group"] = "1";
    // NoSwap: memory plus no swap (CRI counts both together).
    if (memoryLimit > 0) resources.set_memory_swap_limit_in_bytes(memoryLimit);
  }
  return resources;
}

}  // namespace cubelet::podconfig
