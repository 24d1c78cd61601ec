#include "kubelet/api/pod_resources.h"

#include "kubelet/api/pod.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api {
namespace {

using QuantityMap = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;
using Pick = const QuantityMap& (*)(const core::Container&);

void add(ResourceAmounts& sum, const ResourceAmounts& more) {
  for (const auto& [name, amount] : more) sum[name] = addQuantities(sum[name], amount);
}

void raiseTo(ResourceAmounts& sum, const ResourceAmounts& least) {
  for (const auto& [name, amount] : least) {
    auto [entry, isNew] = sum.try_emplace(name, amount);
    if (!isNew && compareQuantities(entry->second, amount) < 0) entry->second = amount;
  }
}

ResourceAmounts amounts(const QuantityMap& quantities) {
  ResourceAmounts out;
  for (const auto& [name, quantity] : quantities) out[name] = quantity.string();
  return out;
}

ResourceAmounts sum(const core::PodSpec& spec, Pick pick) {
  ResourceAmounts running;
  for (const core::Container& container : spec.containers()) add(running, amounts(pick(container)));

  ResourceAmounts sidecars;
  ResourceAmounts initPeak;
  for (const core::Container& container : spec.initcontainers()) {
    ResourceAmounts step = amounts(pick(container));
    if (isSidecar(container)) {
      add(running, step);
      add(sidecars, step);
      step = sidecars;
    } else {
      add(step, sidecars);
    }
    raiseTo(initPeak, step);
  }
  raiseTo(running, initPeak);
  return running;
}

void replacePodLevel(ResourceAmounts& sum, const QuantityMap& ofPod) {
  for (const auto& [name, quantity] : ofPod)
    if (isPodLevelResource(name)) sum[name] = quantity.string();
}

}  // namespace

ResourceAmounts sumOfRequests(const core::PodSpec& spec) {
  return sum(spec, [](const core::Container& c) -> const QuantityMap& { return c.resources().requests(); });
}

ResourceAmounts sumOfLimits(const core::PodSpec& spec) {
  return sum(spec, [](const core::Container& c) -> const QuantityMap& { return c.resources().limits(); });
}

ResourceAmounts podRequests(const core::PodSpec& spec) {
  ResourceAmounts requests = sumOfRequests(spec);
  replacePodLevel(requests, spec.resources().requests());
  add(requests, amounts(spec.overhead()));
  return requests;
}

ResourceAmounts podLimits(const core::PodSpec& spec) {
  ResourceAmounts limits = sumOfLimits(spec);
  replacePodLevel(limits, spec.resources().limits());
  for (const auto& [name, overhead] : spec.overhead())
    if (auto limit = limits.find(name); limit != limits.end() && compareQuantities(limit->second, "0") != 0)
      limit->second = addQuantities(limit->second, overhead.string());
  return limits;
}

bool isHugePages(std::string_view resource) {
  return resource.starts_with("hugepages-");
}

bool isPodLevelResource(std::string_view resource) {
  return resource == "cpu" || resource == "memory" || isHugePages(resource);
}

bool isNativeResource(std::string_view resource) {
  return resource.find('/') == std::string_view::npos || resource.find("kubernetes.io/") != std::string_view::npos;
}

bool isOvercommitAllowed(std::string_view resource) {
  return isNativeResource(resource) && !isHugePages(resource);
}

}  // namespace cubelet::api
