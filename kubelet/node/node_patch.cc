#include "kubelet/node/node_patch.h"

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "kubelet/api/codec.h"
#include "kubelet/node/node_conditions.h"

namespace cubelet::node {
namespace {

using Json = nlohmann::json;

// Objects whose members are compared one by one.
constexpr std::array kMergedObjects = {std::string_view("capacity"), std::string_view("allocatable"),
                                       std::string_view("nodeInfo")};

// The server sends zero values of fields that say nothing.
bool saysNothing(const Json& value) {
  if (value.is_null()) return true;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_structured() && value.empty();
}

// Without members that say nothing, at any depth.
Json pruned(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(pruned(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items())
    if (Json kept = pruned(member); !saysNothing(kept)) out[key] = std::move(kept);
  return out;
}

Json memberOf(const Json& object, const std::string& key) {
  return object.contains(key) ? object[key] : Json::object();
}

// The members of `after` that differ, and null for those that are gone.
Json memberChanges(const Json& before, const Json& after) {
  Json changes = Json::object();
  for (const auto& [key, value] : after.items())
    if (!before.contains(key) || before[key] != value) changes[key] = value;
  for (const auto& [key, value] : before.items())
    if (!after.contains(key)) changes[key] = nullptr;
  return changes;
}

Json ownConditions(const Json& status) {
  Json own = Json::array();
  for (const Json& condition : status.value("conditions", Json::array()))
    if (isOwnCondition(condition.value("type", ""))) own.push_back(condition);
  return own;
}

// By type: their order is nobody's business.
Json withoutHeartbeats(const Json& conditions) {
  Json byType = Json::object();
  for (const Json& condition : conditions) {
    Json& entry = byType[condition.value("type", "")] = condition;
    entry.erase("lastHeartbeatTime");
  }
  return byType;
}

// The merge key of addresses is their type, which would unite two InternalIPs. An old server that has no addresses yet
// would store the directive itself.
Json addressChange(const Json& before, Json after) {
  if (!before.empty()) after.push_back({{"$patch", "replace"}});
  return after;
}

Json statusChanges(const Json& before, const Json& after) {
  Json changes = memberChanges(before, after);
  changes.erase("conditions");
  for (std::string_view name : kMergedObjects) {
    const std::string key(name);
    if (changes.contains(key) && !changes[key].is_null())
      changes[key] = memberChanges(memberOf(before, key), after[key]);
  }
  if (changes.contains("addresses") && !changes["addresses"].is_null())
    changes["addresses"] = addressChange(memberOf(before, "addresses"), after["addresses"]);
  return changes;
}

// Everything but conditions: "metadata" and "status", those that have changes.
Json changesBetween(const Json& before, const Json& after) {
  Json changes = Json::object();
  Json metadata = Json::object();
  for (const char* key : {"labels", "annotations"})
    if (Json changed =
            memberChanges(memberOf(memberOf(before, "metadata"), key), memberOf(memberOf(after, "metadata"), key));
        !changed.empty())
      metadata[key] = std::move(changed);
  if (!metadata.empty()) changes["metadata"] = std::move(metadata);
  if (Json status = statusChanges(memberOf(before, "status"), memberOf(after, "status")); !status.empty())
    changes["status"] = std::move(status);
  return changes;
}

// Takes out of `changes` what stands in `dropped` alike.
void subtract(Json& changes, const Json& dropped) {
  for (const auto& [key, value] : dropped.items()) {
    auto found = changes.find(key);
    if (found == changes.end()) continue;
    if (found->is_object() && value.is_object()) subtract(*found, value);
    if (*found == value || (found->is_object() && found->empty() && value.is_object())) changes.erase(found);
  }
}

Json toTree(const core::Node& node) {
  return Json::parse(api::toJson(node));
}

}  // namespace

struct NodePatcher::Dropped {
  Json changes = Json::object();
};

NodePatcher::NodePatcher() : dropped_(std::make_unique<Dropped>()) {}
NodePatcher::~NodePatcher() = default;

std::optional<std::string> NodePatcher::changes(const core::Node& stored, const core::Node& wanted) const {
  const Json before = toTree(stored);
  const Json after = toTree(wanted);
  Json patch = changesBetween(pruned(before), pruned(after));
  subtract(patch, dropped_->changes);
  const Json conditions = ownConditions(memberOf(after, "status"));
  const bool sameConditions =
      withoutHeartbeats(pruned(ownConditions(memberOf(before, "status")))) == withoutHeartbeats(pruned(conditions));
  if (patch.empty() && sameConditions) return std::nullopt;
  patch["status"]["conditions"] = conditions;
  return patch.dump();
}

std::string NodePatcher::heartbeat(const core::Node& wanted) {
  const Json after = toTree(wanted);
  return Json{{"status", {{"conditions", ownConditions(memberOf(after, "status"))}}}}.dump();
}

void NodePatcher::answered(const core::Node& answer, const core::Node& wanted) {
  dropped_->changes = changesBetween(pruned(toTree(answer)), pruned(toTree(wanted)));
}

}  // namespace cubelet::node
