#include "kubelet/node/node_conditions.h"

#include <algorithm>
#include <array>

namespace cubelet::node {
namespace {

constexpr char kReady[] = "Ready";

struct PressureWords {
  const char* type;
  bool Pressure::* holds;
  const char* goodReason;
  const char* goodMessage;
  const char* badReason;
  const char* badMessage;
};
constexpr std::array kPressures = {
    PressureWords{"MemoryPressure", &Pressure::memory, "KubeletHasSufficientMemory",
                  "kubelet has sufficient memory available", "KubeletHasInsufficientMemory",
                  "kubelet has insufficient memory available"},
    PressureWords{"DiskPressure", &Pressure::disk, "KubeletHasNoDiskPressure", "kubelet has no disk pressure",
                  "KubeletHasDiskPressure", "kubelet has disk pressure"},
    PressureWords{"PIDPressure", &Pressure::pid, "KubeletHasSufficientPID", "kubelet has sufficient PID available",
                  "KubeletHasInsufficientPID", "kubelet has insufficient PID available"}};

core::NodeCondition& conditionOf(core::NodeStatus& status, const char* type) {
  for (core::NodeCondition& condition : *status.mutable_conditions())
    if (condition.type() == type) return condition;
  core::NodeCondition& added = *status.add_conditions();
  added.set_type(type);
  return added;
}

// Whole seconds: that is all that survives the way over JSON.
void setTime(k8s::meta::v1::Time& time, WallTime when) {
  time.set_seconds(std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count());
  time.clear_nanos();
}

void set(core::NodeCondition& condition, bool holds, const std::string& reason, const std::string& message,
         WallTime now) {
  const char* status = holds ? "True" : "False";
  if (condition.status() != status) setTime(*condition.mutable_lasttransitiontime(), now);
  condition.set_status(status);
  condition.set_reason(reason);
  condition.set_message(message);
  setTime(*condition.mutable_lastheartbeattime(), now);
}

}  // namespace

bool isOwnCondition(std::string_view type) {
  return type == kReady || std::ranges::any_of(kPressures, [&](const PressureWords& p) { return p.type == type; });
}

const core::NodeCondition* findCondition(const core::NodeStatus& status, std::string_view type) {
  for (const core::NodeCondition& condition : status.conditions())
    if (condition.type() == type) return &condition;
  return nullptr;
}

std::string joinedCauses(const std::vector<std::string>& causes) {
  std::vector<std::string> once;
  for (const std::string& cause : causes)
    if (std::ranges::find(once, cause) == once.end()) once.push_back(cause);
  if (once.size() == 1) return once.front();
  std::string text;
  for (const std::string& cause : once) text += (text.empty() ? "" : ", ") + cause;
  return "[" + text + "]";
}

void setOwnConditions(core::NodeStatus& status, const Pressure& pressure, const std::vector<std::string>& causes,
                      WallTime now) {
  for (const PressureWords& words : kPressures) {
    const bool holds = pressure.*words.holds;
    set(conditionOf(status, words.type), holds, holds ? words.badReason : words.goodReason,
        holds ? words.badMessage : words.goodMessage, now);
  }
  const bool ready = causes.empty();
  set(conditionOf(status, kReady), ready, ready ? "KubeletReady" : "KubeletNotReady",
      ready ? "kubelet is posting ready status" : joinedCauses(causes), now);
}

}  // namespace cubelet::node
