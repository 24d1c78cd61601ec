#include "kubelet/node/node_events.h"

#include "kubelet/node/node_conditions.h"

namespace cubelet::node {
namespace {

constexpr char kReady[] = "Ready";

struct ConditionWords {
  const char* type;
  const char* whenTrue;
  const char* whenFalse;
};
constexpr ConditionWords kWords[] = {{"MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"},
                                     {"DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"},
                                     {"PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"},
                                     {kReady, "NodeReady", "NodeNotReady"}};

std::string statusOf(const NodeNews& news, const std::string& type) {
  auto found = news.conditions.find(type);
  return found == news.conditions.end() ? "" : found->second;
}

NodeEvent statusEvent(const std::string& nodeName, const std::string& reason) {
  return {.reason = reason, .message = "Node " + nodeName + " status is now: " + reason};
}

}  // namespace

NodeNews newsOf(const core::Node& node) {
  NodeNews news;
  for (const ConditionWords& words : kWords)
    if (const core::NodeCondition* condition = findCondition(node.status(), words.type))
      news.conditions[words.type] = condition->status();
  news.unschedulable = node.spec().unschedulable();
  news.bootId = node.status().nodeinfo().bootid();
  return news;
}

NodeNews newsBeforeStart(const core::Node& stored) {
  NodeNews news = newsOf(stored);
  const std::string ready = statusOf(news, kReady);
  news.conditions.clear();
  if (!ready.empty()) news.conditions[kReady] = ready;
  return news;
}

std::vector<NodeEvent> eventsBetween(const NodeNews& before, const NodeNews& now, const std::string& nodeName) {
  std::vector<NodeEvent> events;
  if (!before.bootId.empty() && !now.bootId.empty() && before.bootId != now.bootId)
    events.push_back({.warning = true,
                      .reason = "Rebooted",
                      .message = "Node " + nodeName + " has been rebooted, boot id: " + now.bootId});
  for (const ConditionWords& words : kWords) {
    const std::string is = statusOf(now, words.type);
    const std::string was = statusOf(before, words.type);
    if (is == was || is.empty()) continue;
    // A node is not ready when it is made; that is no news.
    if (words.type == std::string_view(kReady) && was.empty() && is != "True") continue;
    events.push_back(statusEvent(nodeName, is == "True" ? words.whenTrue : words.whenFalse));
  }
  if (now.unschedulable && before.unschedulable.value_or(false) != *now.unschedulable)
    events.push_back(statusEvent(nodeName, *now.unschedulable ? "NodeNotSchedulable" : "NodeSchedulable"));
  return events;
}

}  // namespace cubelet::node
