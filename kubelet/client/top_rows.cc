#include "kubelet/client/top_rows.h"

#include <algorithm>
#include <tuple>

#include "kubelet/client/json_fields.h"
#include "kubelet/client/text_table.h"

namespace cubelet::client {
namespace {

using Json = nlohmann::ordered_json;

std::optional<std::uint64_t> numberAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

TopUsage usageOf(const Json& json) {
  return {.nanoCores = numberAt(objectAt(json, "cpu"), "usageNanoCores"),
          .memory = numberAt(objectAt(json, "memory"), "workingSetBytes")};
}

Json listAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : Json::array();
}

// The unknown is less than zero.
std::int64_t weight(const TopUsage& usage, TopKey key) {
  const std::optional<std::uint64_t>& figure = key == TopKey::kCpu ? usage.nanoCores : usage.memory;
  return figure ? static_cast<std::int64_t>(*figure) : -1;
}

std::string rounded(const std::optional<std::uint64_t>& figure, std::uint64_t unit, const char* name) {
  if (!figure) return "-";
  return std::to_string(*figure / unit + (*figure % unit != 0 ? 1 : 0)) + name;
}

void put(Json& json, const TopUsage& usage) {
  if (usage.nanoCores) json["cpuNanoCores"] = *usage.nanoCores;
  if (usage.memory) json["memoryBytes"] = *usage.memory;
}

}  // namespace

Top readTop(const Json& stats) {
  const Json node = objectAt(stats, "node");
  Top top{.nodeName = textAt(node, "nodeName"), .node = usageOf(node), .pods = {}};
  for (const Json& pod : listAt(stats, "pods")) {
    const Json ref = objectAt(pod, "podRef");
    TopPod& one = top.pods.emplace_back(TopPod{.ns = textAt(ref, "namespace"),
                                               .name = textAt(ref, "name"),
                                               .usage = pod.is_object() ? usageOf(pod) : TopUsage(),
                                               .containers = {}});
    if (!pod.is_object()) continue;
    for (const Json& container : listAt(pod, "containers"))
      if (container.is_object())
        one.containers.push_back({.name = textAt(container, "name"), .usage = usageOf(container)});
  }
  return top;
}

void sortTop(Top& top, TopKey key) {
  std::ranges::sort(top.pods, [key](const TopPod& a, const TopPod& b) {
    return std::tuple(-weight(a.usage, key), a.ns, a.name) < std::tuple(-weight(b.usage, key), b.ns, b.name);
  });
  for (TopPod& pod : top.pods)
    std::ranges::sort(pod.containers, [key](const TopPod::Container& a, const TopPod::Container& b) {
      return std::tuple(-weight(a.usage, key), a.name) < std::tuple(-weight(b.usage, key), b.name);
    });
}

std::string topTable(const Top& top, bool containers) {
  const std::string node =
      formatTable({{"NODE", "CPU(cores)", "MEMORY(bytes)"}, {top.nodeName, cpuText(top.node), memoryText(top.node)}});
  if (top.pods.empty()) return node;
  std::vector<std::vector<std::string>> rows;
  if (containers)
    rows.push_back({"NAMESPACE", "POD", "CONTAINER", "CPU(cores)", "MEMORY(bytes)"});
  else
    rows.push_back({"NAMESPACE", "POD", "CPU(cores)", "MEMORY(bytes)"});
  for (const TopPod& pod : top.pods) {
    if (!containers) rows.push_back({pod.ns, pod.name, cpuText(pod.usage), memoryText(pod.usage)});
    if (containers)
      for (const TopPod::Container& one : pod.containers)
        rows.push_back({pod.ns, pod.name, one.name, cpuText(one.usage), memoryText(one.usage)});
  }
  return node + "\n" + formatTable(rows);
}

Json topJson(const Top& top) {
  Json out;
  out["node"]["name"] = top.nodeName;
  put(out["node"], top.node);
  out["pods"] = Json::array();
  for (const TopPod& pod : top.pods) {
    Json& one = out["pods"].emplace_back();
    one["namespace"] = pod.ns;
    one["name"] = pod.name;
    put(one, pod.usage);
    one["containers"] = Json::array();
    for (const TopPod::Container& container : pod.containers) {
      Json& inner = one["containers"].emplace_back();
      inner["name"] = container.name;
      put(inner, container.usage);
    }
  }
  return out;
}

std::string cpuText(const TopUsage& usage) {
  return rounded(usage.nanoCores, 1'000'000, "m");
}

std::string memoryText(const TopUsage& usage) {
  return rounded(usage.memory, std::uint64_t{1024} * 1024, "Mi");
}

}  // namespace cubelet::client
