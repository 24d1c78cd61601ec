#include "kubelet/status/status_patch.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "kubelet/api/codec.h"
#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

using Json = nlohmann::json;

constexpr std::array kOthersFields = {std::string_view("nominatedNodeName"), std::string_view("resourceClaimStatuses"),
                                      std::string_view("extendedResourceClaimStatus")};
// Lists that a strategic merge would unite with what is there.
constexpr std::array kMergedLists = {std::string_view("podIPs"), std::string_view("hostIPs")};

bool isIn(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// DisruptionTarget is shared: one that somebody else has set is not ours to write (PCO-1).
bool isOurs(const Json& condition) {
  const std::string type = condition.value("type", "");
  return isOwnCondition(type) || (type == kDisruptionTarget && condition.value("reason", "") == kTerminationByKubelet);
}

Json ownJson(const core::PodStatus& status) {
  Json json = Json::parse(api::toJson(status));
  for (std::string_view field : kOthersFields) json.erase(std::string(field));
  Json own = Json::object();
  for (const Json& condition : json.value("conditions", Json::array())) {
    if (isOurs(condition)) own[condition.value("type", "")] = condition;
  }
  json["conditions"] = std::move(own);  // by type: their order is nobody's business
  return json;
}

Json conditionsPatch(const Json& stored, const Json& wanted) {
  Json patch = Json::array();
  for (const auto& [type, condition] : wanted.items()) {
    if (stored.contains(type) && stored[type] == condition) continue;
    Json entry = condition;
    // A merge keeps what is not named.
    if (stored.contains(type))
      for (const auto& [key, value] : stored[type].items())
        if (!condition.contains(key)) entry[key] = nullptr;
    patch.push_back(std::move(entry));
  }
  for (const auto& [type, condition] : stored.items())
    if (!wanted.contains(type) && type != kDisruptionTarget) patch.push_back({{"$patch", "delete"}, {"type", type}});
  return patch;
}

}  // namespace

std::string ownPart(const core::PodStatus& status) {
  return ownJson(status).dump();
}

std::optional<std::string> statusPatch(const std::string& uid, const core::PodStatus& stored,
                                       const core::PodStatus& wanted) {
  const Json before = ownJson(stored);
  const Json after = ownJson(wanted);
  Json changes = Json::object();
  for (const auto& [field, value] : after.items()) {
    if (field == "conditions" || (before.contains(field) && before[field] == value)) continue;
    // Lists and objects (resources) are replaced as a whole. Where the server has none yet there is nothing to replace,
    // and an old server would keep the directive as if it were content.
    Json change = value;
    if (before.contains(field) && isIn(kMergedLists, field)) change.push_back({{"$patch", "replace"}});
    if (before.contains(field) && value.is_object()) change["$patch"] = "replace";
    changes[field] = std::move(change);
  }
  for (const auto& [field, value] : before.items())
    if (!after.contains(field)) changes[field] = nullptr;
  if (Json conditions = conditionsPatch(before["conditions"], after["conditions"]); !conditions.empty())
    changes["conditions"] = std::move(conditions);
  if (changes.empty()) return std::nullopt;
  return Json{{"metadata", {{"uid", uid}}}, {"status", std::move(changes)}}.dump();
}

}  // namespace cubelet::status
