#include "kubelet/resize/messages.h"

#include <nlohmann/json.hpp>

#include "kubelet/api/pod.h"

namespace cubelet::resize {
namespace {

using Json = nlohmann::ordered_json;

Json amounts(const google::protobuf::Map<std::string, k8s::meta::v1::Quantity>& quantities) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, quantity] : quantities) sorted[name] = quantity.string();
  return sorted;
}

Json containerSummary(const core::Container& container) {
  Json resources = Json::object();
  if (!container.resources().limits().empty()) resources["limits"] = amounts(container.resources().limits());
  if (!container.resources().requests().empty()) resources["requests"] = amounts(container.resources().requests());
  return {{"name", container.name()}, {"resources", std::move(resources)}};
}

}  // namespace

std::string eventMessage(const std::string& what, const core::Pod& pod, std::int64_t generation,
                         const std::string& error) {
  Json summary = Json::object();
  for (const core::Container& container : pod.spec().initcontainers())
    if (api::isSidecar(container)) summary["initContainers"].push_back(containerSummary(container));
  for (const core::Container& container : pod.spec().containers())
    summary["containers"].push_back(containerSummary(container));
  summary["generation"] = generation;
  if (!error.empty()) summary["error"] = error;
  return what + ": " + summary.dump();
}

}  // namespace cubelet::resize
