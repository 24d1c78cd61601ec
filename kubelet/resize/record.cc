#include "kubelet/resize/record.h"

#include <nlohmann/json.hpp>

namespace cubelet::resize {
namespace {

using Json = nlohmann::json;

constexpr int kSchema = 1;

Json toJson(const Resources& resources) {
  return {{"requests", Json(resources.requests)}, {"limits", Json(resources.limits)}};
}

Json toJson(const PodResources& resources) {
  Json containers = Json::object();
  for (const auto& [name, own] : resources.containers) containers[name] = toJson(own);
  return {{"containers", std::move(containers)}, {"pod", toJson(resources.pod)}};
}

api::ResourceAmounts amountsFrom(const Json& json) {
  api::ResourceAmounts out;
  if (!json.is_object()) return out;
  for (const auto& [resource, amount] : json.items())
    if (amount.is_string()) out.emplace(resource, amount.get<std::string>());
  return out;
}

Resources resourcesFrom(const Json& json) {
  return {.requests = amountsFrom(json.value("requests", Json())), .limits = amountsFrom(json.value("limits", Json()))};
}

PodResources podResourcesFrom(const Json& json) {
  PodResources out;
  for (const auto& [name, own] : json["containers"].items())
    if (own.is_object()) out.containers[name] = resourcesFrom(own);
  if (const auto pod = json.find("pod"); pod != json.end() && pod->is_object()) out.pod = resourcesFrom(*pod);
  return out;
}

bool isPodResources(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_object() && found->contains("containers") &&
         (*found)["containers"].is_object();
}

}  // namespace

std::string toText(const Record& record) {
  const Json json = {{"schema", kSchema},
                     {"allocated", toJson(record.allocated)},
                     {"actuated", toJson(record.actuated)},
                     {"settled", record.settled},
                     {"generation", record.generation}};
  return json.dump() + "\n";
}

Result<Record> fromText(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  const bool usable = !json.is_discarded() && json.is_object() && json.contains("schema") &&
                      json["schema"] == kSchema && isPodResources(json, "allocated") &&
                      isPodResources(json, "actuated");
  if (!usable) return fail(Code::kInvalid, "", "not a record of resources of schema " + std::to_string(kSchema));
  Record record;
  record.allocated = podResourcesFrom(json["allocated"]);
  record.actuated = podResourcesFrom(json["actuated"]);
  if (const auto settled = json.find("settled"); settled != json.end() && settled->is_boolean())
    record.settled = settled->get<bool>();
  if (const auto number = json.find("generation"); number != json.end() && number->is_number_integer())
    record.generation = number->get<std::int64_t>();
  return record;
}

}  // namespace cubelet::resize
