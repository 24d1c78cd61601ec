#include "kubelet/cgroups/pod_values.h"

#include <algorithm>

#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"
#include "kubelet/cgroups/cgroup_name.h"
#include "kubelet/cgroups/cpu.h"

namespace cubelet::cgroups {
namespace {

using api::ResourceAmounts;
using QuantityMap = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

constexpr std::string_view kHugePages = "hugepages-";

std::int64_t milliOf(const ResourceAmounts& amounts, std::string_view name) {
  auto found = amounts.find(name);
  return found == amounts.end() ? 0 : api::quantityMilliValue(found->second).value_or(0);
}

std::int64_t valueOf(const ResourceAmounts& amounts, std::string_view name) {
  auto found = amounts.find(name);
  return found == amounts.end() ? 0 : api::quantityValue(found->second).value_or(0);
}

bool isZero(const QuantityMap& quantities, const char* name) {
  auto found = quantities.find(name);
  return found == quantities.end() || api::compareQuantities(found->second.string(), "0") == 0;
}

// A single container without a limit leaves the pod without one, unless the pod itself has it.
bool isLimited(const core::PodSpec& spec, const char* resource) {
  if (!isZero(spec.resources().limits(), resource)) return true;
  auto limited = [&](const core::Container& container) { return !isZero(container.resources().limits(), resource); };
  return std::ranges::all_of(spec.containers(), limited) && std::ranges::all_of(spec.initcontainers(), limited);
}

// Sizes that nobody asks for are not for this pod.
std::map<std::int64_t, std::int64_t> hugePages(const ResourceAmounts& requests, const PodRules& rules) {
  std::map<std::int64_t, std::int64_t> limits;
  for (std::int64_t size : rules.hugePageSizes) limits[size] = 0;
  for (const auto& [name, amount] : requests) {
    if (!name.starts_with(kHugePages)) continue;
    const std::int64_t size = api::quantityValue(name.substr(kHugePages.size())).value_or(0);
    if (auto limit = limits.find(size); limit != limits.end()) limit->second += api::quantityValue(amount).value_or(0);
  }
  return limits;
}

std::map<std::int64_t, std::int64_t> allHugePages(const PodRules& rules) {
  std::map<std::int64_t, std::int64_t> limits;
  for (std::int64_t size : rules.hugePageSizes) limits[size] = -1;
  return limits;
}

std::int64_t reserved(const Reserved& amounts, const char* name, bool milli) {
  auto found = amounts.find(name);
  if (found == amounts.end()) return 0;
  return (milli ? api::quantityMilliValue(found->second) : api::quantityValue(found->second)).value_or(0);
}

}  // namespace

Values podValues(const core::Pod& pod, const PodRules& rules) {
  const ResourceAmounts requests = api::podRequests(pod.spec());
  const ResourceAmounts limits = api::podLimits(pod.spec());
  const QosClass qos = qosClassOf(pod);
  Values values;
  values.cpuPeriod = rules.cpuPeriodMicros;
  values.cpuShares = qos == QosClass::kBestEffort ? kMinShares : cpuShares(milliOf(requests, "cpu"));
  const std::int64_t quota = cpuQuota(milliOf(limits, "cpu"), rules.cpuPeriodMicros);
  if (qos != QosClass::kBestEffort && rules.cpuQuota && quota > 0 && isLimited(pod.spec(), "cpu"))
    values.cpuQuota = quota;
  const std::int64_t memory = valueOf(limits, "memory");
  if (qos != QosClass::kBestEffort && memory > 0 && isLimited(pod.spec(), "memory")) values.memoryMax = memory;
  if (rules.podPidsLimit > 0) values.pidsMax = rules.podPidsLimit;
  values.hugePages = hugePages(requests, rules);
  return values;
}

std::int64_t burstableMilliCpu(const core::Pod& pod) {
  return qosClassOf(pod) == QosClass::kBurstable ? milliOf(api::podRequests(pod.spec()), "cpu") : 0;
}

Values burstableValues(std::int64_t milliCpu, const PodRules& rules) {
  Values values;
  values.cpuShares = cpuShares(milliCpu);
  values.hugePages = allHugePages(rules);
  return values;
}

Values bestEffortValues(const PodRules& rules) {
  Values values;
  values.cpuShares = kMinShares;
  values.hugePages = allHugePages(rules);
  return values;
}

NodeAmounts lessReserved(NodeAmounts capacity, const Reserved& kube, const Reserved& system) {
  auto take = [&](std::int64_t& amount, const char* name, bool milli) {
    if (amount <= 0) return;
    amount = std::max<std::int64_t>(amount - reserved(kube, name, milli) - reserved(system, name, milli), 0);
  };
  take(capacity.milliCpu, "cpu", true);
  take(capacity.memoryBytes, "memory", false);
  take(capacity.pids, "pid", false);
  return capacity;
}

Values nodeValues(const NodeAmounts& amounts) {
  Values values;
  values.cpuShares = cpuShares(amounts.milliCpu);
  if (amounts.memoryBytes > 0) values.memoryMax = amounts.memoryBytes;
  if (amounts.pids > 0) values.pidsMax = amounts.pids;
  values.hugePages = amounts.hugePages;
  return values;
}

Values reservedValues(const Reserved& amounts, bool onlyCompressible) {
  Values values;
  if (amounts.contains("cpu")) values.cpuShares = cpuShares(reserved(amounts, "cpu", true));
  if (onlyCompressible) return values;
  if (amounts.contains("memory")) values.memoryMax = reserved(amounts, "memory", false);
  if (amounts.contains("pid")) values.pidsMax = reserved(amounts, "pid", false);
  return values;
}

}  // namespace cubelet::cgroups
