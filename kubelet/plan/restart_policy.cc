#include "kubelet/plan/restart_policy.h"

#include <algorithm>
#include <string>

namespace cubelet::plan {
namespace {

constexpr char kRestart[] = "Restart";
constexpr char kRestartAll[] = "RestartAllContainers";

// Absent means Always: the API's default, and an unknown word must not lose a pod.
enum class Policy { kAlways, kOnFailure, kNever };

Policy parse(const std::string& text) {
  if (text == "Never") return Policy::kNever;
  if (text == "OnFailure") return Policy::kOnFailure;
  return Policy::kAlways;
}

Policy policyOf(const core::PodSpec& spec, const core::Container& container) {
  return parse(container.has_restartpolicy() ? container.restartpolicy() : spec.restartpolicy());
}

bool matches(const core::ContainerRestartRule& rule, int exitCode) {
  if ((rule.action() != kRestart && rule.action() != kRestartAll) || !rule.has_exitcodes()) return false;
  const auto& codes = rule.exitcodes().values();
  const bool listed = std::find(codes.begin(), codes.end(), exitCode) != codes.end();
  if (rule.exitcodes().operator_() == "In") return listed;
  if (rule.exitcodes().operator_() == "NotIn") return !listed;
  return false;
}

// The first rule that matches; null when none does.
const core::ContainerRestartRule* ruleFor(const core::Container& container, int exitCode) {
  if (!container.has_restartpolicy()) return nullptr;  // rules count only beside a policy of the container's own
  const auto& rules = container.restartpolicyrules();
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& one) { return matches(one, exitCode); });
  return rule == rules.end() ? nullptr : &*rule;
}

// One container or all of them: this one runs again.
bool ruleSaysRestart(const core::Container& container, int exitCode) {
  return ruleFor(container, exitCode) != nullptr;
}

}  // namespace

bool mayRestart(const core::PodSpec& spec, const core::Container& container, int exitCode) {
  if (ruleSaysRestart(container, exitCode)) return true;
  switch (policyOf(spec, container)) {
    case Policy::kAlways:
      return true;
    case Policy::kOnFailure:
      return exitCode != 0;
    case Policy::kNever:
      return false;
  }
  return true;
}

bool restartsAll(const core::Container& container, int exitCode) {
  const core::ContainerRestartRule* rule = ruleFor(container, exitCode);
  return rule != nullptr && rule->action() == kRestartAll;
}

bool mayRestartAfterKill(const core::PodSpec& spec, const core::Container& container) {
  return policyOf(spec, container) != Policy::kNever;
}

bool initFailed(const observe::ObservedContainer& instance) {
  return instance.exitCode != 0 || instance.reason == "OOMKilled";
}

bool mayRestartFailedInit(const core::PodSpec& spec, const core::Container& container, int exitCode) {
  return ruleSaysRestart(container, exitCode) || policyOf(spec, container) != Policy::kNever;
}

}  // namespace cubelet::plan
