#include "kubelet/api/pod.h"
#include "kubelet/api/pod_resources.h"
#include "kubelet/api/quantity.h"

namespace cubelet::api {
namespace {

using QuantityMap = google::protobuf::Map<std::string, k8s::meta::v1::Quantity>;

// Sums of cpu and memory; amounts of zero count as absent.
struct ComputeSums {
  ResourceAmounts requests;
  ResourceAmounts limits;
  bool allLimited = true;  // cpu and memory limits on every part
};

void addCompute(const QuantityMap& quantities, ResourceAmounts& sum) {
  for (std::string_view name : {"cpu", "memory"}) {
    auto entry = quantities.find(std::string(name));
    if (entry == quantities.end() || compareQuantities(entry->second.string(), "0") <= 0) continue;
    std::string& total = sum[std::string(name)];
    total = addQuantities(total, entry->second.string());
  }
}

void addPart(const core::ResourceRequirements& resources, ComputeSums& sums) {
  addCompute(resources.requests(), sums.requests);
  ResourceAmounts limits;
  addCompute(resources.limits(), limits);
  if (limits.size() < 2) sums.allLimited = false;
  for (const auto& [name, amount] : limits) sums.limits[name] = addQuantities(sums.limits[name], amount);
}

bool hasPodLevelResources(const core::ResourceRequirements& resources) {
  for (const auto& [name, _] : resources.requests())
    if (isPodLevelResource(name)) return true;
  for (const auto& [name, _] : resources.limits())
    if (isPodLevelResource(name)) return true;
  return false;
}

ComputeSums sumUp(const core::PodSpec& spec) {
  ComputeSums sums;
  if (hasPodLevelResources(spec.resources())) {
    addPart(spec.resources(), sums);
    return sums;
  }
  for (const core::Container& container : spec.containers()) addPart(container.resources(), sums);
  for (const core::Container& container : spec.initcontainers()) addPart(container.resources(), sums);
  return sums;
}

bool sameAmounts(const ResourceAmounts& left, const ResourceAmounts& right) {
  if (left.size() != right.size()) return false;
  for (const auto& [name, amount] : left) {
    auto other = right.find(name);
    if (other == right.end() || compareQuantities(amount, other->second) != 0) return false;
  }
  return true;
}

}  // namespace

// Upstream compares the sums over all containers, not container by container (pkg/apis/core/v1/helper/qos).
std::string_view qosClass(const core::Pod& pod) {
  ComputeSums sums = sumUp(pod.spec());
  if (sums.requests.empty() && sums.limits.empty()) return "BestEffort";
  if (sums.allLimited && sameAmounts(sums.requests, sums.limits)) return "Guaranteed";
  return "Burstable";
}

}  // namespace cubelet::api
