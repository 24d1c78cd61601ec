#include "kubelet/eviction/messages.h"

#include "kubelet/api/pod.h"
#include "kubelet/api/quantity.h"

namespace cubelet::eviction {
namespace {

// Nothing when no threshold of the resource can be told in numbers.
std::string thresholdText(Resource resource, const std::vector<Threshold>& met, const Readings& readings) {
  for (const Threshold& threshold : met) {
    const auto reading = readings.find(threshold.signal);
    if (resourceOf(threshold.signal) != resource || reading == readings.end()) continue;
    const std::string least = threshold.value.quantity.empty()
                                  ? amountText(resource, threshold.value.of(reading->second.capacity))
                                  : threshold.value.quantity;
    return "Threshold quantity: " + least + ", available: " + amountText(resource, reading->second.available) + ". ";
  }
  return "";
}

std::vector<core::Container> longRunning(const core::PodSpec& spec) {
  std::vector<core::Container> out(spec.containers().begin(), spec.containers().end());
  for (const core::Container& container : spec.initcontainers())
    if (api::isSidecar(container)) out.push_back(container);
  return out;
}

// Nothing: not known, or not to be told of a single container.
std::optional<std::int64_t> usedBy(const ContainerUsage& usage, Resource resource) {
  if (resource == Resource::kMemory) return usage.memory;
  if (resource == Resource::kStorage) return usage.writable.bytes + usage.logs.bytes;
  return std::nullopt;
}

void append(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : ",") + item;
}

}  // namespace

Notice evictionNotice(Resource resource, const Candidate& pod, const std::vector<Threshold>& met,
                      const Readings& readings) {
  const std::string name(nameOf(resource));
  Notice notice;
  notice.message = "The node was low on resource: " + name + ". " + thresholdText(resource, met, readings);
  std::string offending;
  std::string amounts;
  for (const core::Container& container : longRunning(pod.pod.spec())) {
    const auto usage = pod.usage.containers.find(container.name());
    if (usage == pod.usage.containers.end()) continue;
    const std::optional<std::int64_t> used = usedBy(usage->second, resource);
    const auto request = container.resources().requests().find(name);
    const bool asked = request != container.resources().requests().end();
    const std::int64_t wanted = asked ? api::quantityValue(request->second.string()).value_or(0) : 0;
    if (!used || *used <= wanted) continue;
    const std::string amount = amountText(resource, *used);
    notice.message += "Container " + container.name() + " was using " + amount + ", request is " +
                      (asked ? request->second.string() : "0") + ", has larger consumption of " + name + ". ";
    append(offending, container.name());
    append(amounts, amount);
  }
  notice.annotations["starved_resource"] = name;
  notice.annotations["offending_containers"] = offending;
  notice.annotations["offending_containers_usage"] = amounts;
  return notice;
}

}  // namespace cubelet::eviction
