#include "kubelet/resize/steps.h"

#include <algorithm>
#include <optional>

#include "kubelet/api/quantity.h"

namespace cubelet::resize {
namespace {

bool restartsFor(const core::Container& container, std::string_view resource) {
  return std::ranges::any_of(container.resizepolicy(), [&](const core::ContainerResizePolicy& policy) {
    return policy.resourcename() == resource && policy.restartpolicy() == "RestartContainer";
  });
}

bool gives(std::string_view resource, const Resources& from, const Resources& to) {
  const int limit = api::compareQuantities(amountOf(to.limits, resource), amountOf(from.limits, resource));
  const int request = api::compareQuantities(amountOf(to.requests, resource), amountOf(from.requests, resource));
  // No limit is more than any.
  const bool unlimited = api::compareQuantities(amountOf(to.limits, resource), "0") == 0;
  return limit != 0 ? limit < 0 && !unlimited : request < 0;
}

bool runs(const observe::ObservedPod& have, const std::string& name) {
  const observe::ObservedContainer* newest = have.newest(name);
  return newest != nullptr && newest->state == observe::ContainerState::kRunning;
}

std::vector<std::string> givingFirst(const std::vector<std::string>& names, std::string_view resource,
                                     const PodResources& from, const PodResources& to) {
  std::vector<std::string> givers;
  std::vector<std::string> others;
  for (const std::string& name : names)
    (gives(resource, from.containers.at(name), to.containers.at(name)) ? givers : others).push_back(name);
  givers.insert(givers.end(), others.begin(), others.end());
  return givers;
}

// -1 stands for "no limit", which is more than any.
std::optional<std::int64_t> largerLimit(std::optional<std::int64_t> one, std::optional<std::int64_t> other) {
  if (!one || !other || *one < 0 || *other < 0) return -1;
  return std::max(*one, *other);
}

}  // namespace

Steps planSteps(const core::Pod& allocated, const PodResources& actuated, const observe::ObservedPod& have) {
  const PodResources wanted = resourcesOf(allocated);
  Steps steps;
  for (const auto* list : {&allocated.spec().initcontainers(), &allocated.spec().containers()})
    for (const core::Container& container : *list) {
      const std::string& name = container.name();
      const auto has = actuated.containers.find(name);
      if (has == actuated.containers.end() || !runs(have, name)) continue;
      const Resources& to = wanted.containers.at(name);
      const bool cpu = !same("cpu", has->second, to);
      const bool memory = !same("memory", has->second, to);
      if ((cpu && restartsFor(container, "cpu")) || (memory && restartsFor(container, "memory"))) {
        steps.restart.push_back(name);
        continue;
      }
      if (memory) steps.memory.push_back(name);
      if (cpu) steps.cpu.push_back(name);
    }
  steps.memory = givingFirst(steps.memory, "memory", actuated, wanted);
  steps.cpu = givingFirst(steps.cpu, "cpu", actuated, wanted);
  return steps;
}

cgroups::Values larger(const cgroups::Values& one, const cgroups::Values& other) {
  cgroups::Values out = other;
  out.cpuShares = std::max(one.cpuShares, other.cpuShares);
  out.cpuQuota = largerLimit(one.cpuQuota, other.cpuQuota);
  out.memoryMax = largerLimit(one.memoryMax, other.memoryMax);
  return out;
}

cgroups::Values withoutOldLimits(cgroups::Values values) {
  if (!values.cpuQuota) values.cpuQuota = -1;
  if (!values.memoryMax) values.memoryMax = -1;
  return values;
}

}  // namespace cubelet::resize
