// The conditions of a pod. Behaviours PCO-1 to PCO-8.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "kubelet/api/pod.h"
#include "kubelet/plan/sandbox.h"
#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

using Conditions = google::protobuf::RepeatedPtrField<core::PodCondition>;
using Names = std::vector<std::string>;

// What a condition says; the times are added when it is put into the list.
struct Verdict {
  bool holds = true;
  std::string reason = {};
  std::string message = {};
};

const core::PodCondition* findCondition(const Conditions& list, std::string_view type) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.type() == type; });
  return found == list.end() ? nullptr : &*found;
}

// "[a b]", as Go prints a list.
std::string bracketed(const Names& names) {
  std::string text = "[";
  for (const std::string& name : names) text.append(text.size() > 1 ? " " : "").append(name);
  return text + "]";
}

std::string joined(const Names& parts) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : ", ").append(part);
  return text;
}

// The reason of Ready and ContainersReady once the phase is terminal (PCO-8).
std::string endReason(std::string_view phase) {
  return phase == "Succeeded" ? "PodCompleted" : "PodFailed";
}

Verdict readyToStart(const Inputs& inputs) {
  return {.holds = plan::judgeSandbox(inputs.pod, inputs.have).usable};
}

bool isInitialized(const core::Container& container, const core::ContainerStatus& status) {
  return api::isSidecar(container) ? status.started() : status.ready();
}

// True once any regular container has run: sidecars that restart later change nothing (PCO-5).
bool anyRegularStarted(const core::PodStatus& status) {
  const auto& list = status.containerstatuses();
  return std::any_of(list.begin(), list.end(), [](const auto& container) {
    return container.state().has_running() || container.state().has_terminated() ||
           container.laststate().has_terminated();
  });
}

Verdict initialized(const Inputs& inputs, const core::PodStatus& status) {
  Names unknown;
  Names incomplete;
  for (const core::Container& container : inputs.pod.spec().initcontainers()) {
    const core::ContainerStatus* found = findStatus(status.initcontainerstatuses(), container.name());
    if (found == nullptr) {
      unknown.push_back(container.name());
    } else if (!isInitialized(container, *found)) {
      incomplete.push_back(container.name());
    }
  }
  if (status.phase() == "Succeeded" && unknown.empty()) return {.reason = "PodCompleted"};
  if (anyRegularStarted(status)) return {};
  if (!inputs.pod.spec().initcontainers().empty() && status.initcontainerstatuses().empty() &&
      status.containerstatuses().empty()) {
    return {.holds = false, .reason = "UnknownContainerStatuses"};
  }
  Names parts;
  if (!unknown.empty()) parts.push_back("containers with unknown status: " + bracketed(unknown));
  if (!incomplete.empty()) parts.push_back("containers with incomplete status: " + bracketed(incomplete));
  if (parts.empty()) return {};
  return {.holds = false, .reason = "ContainersNotInitialized", .message = joined(parts)};
}

void sortOut(const core::Container& container, const core::ContainerStatus* status, Names& unknown, Names& unready) {
  if (status == nullptr) {
    unknown.push_back(container.name());
  } else if (!status->ready()) {
    unready.push_back(container.name());
  }
}

Verdict containersReady(const Inputs& inputs, const core::PodStatus& status) {
  if (status.initcontainerstatuses().empty() && status.containerstatuses().empty()) {
    return {.holds = false, .reason = "UnknownContainerStatuses"};
  }
  Names unknown;
  Names unready;
  for (const core::Container& container : inputs.pod.spec().initcontainers()) {
    if (!api::isSidecar(container)) continue;
    sortOut(container, findStatus(status.initcontainerstatuses(), container.name()), unknown, unready);
  }
  for (const core::Container& container : inputs.pod.spec().containers()) {
    sortOut(container, findStatus(status.containerstatuses(), container.name()), unknown, unready);
  }
  if (isTerminalPhase(status.phase())) return {.holds = false, .reason = endReason(status.phase())};

  Names parts;
  if (!unknown.empty()) parts.push_back("containers with unknown status: " + bracketed(unknown));
  if (!unready.empty()) parts.push_back("containers with unready status: " + bracketed(unready));
  if (parts.empty()) return {};
  return {.holds = false, .reason = "ContainersNotReady", .message = joined(parts)};
}

// `others` holds the conditions written by third parties, among them those of the readiness gates (PCO-7).
Verdict ready(const Inputs& inputs, const Verdict& containers, const Conditions& others) {
  if (!containers.holds) return containers;
  Names missing;
  for (const core::PodReadinessGate& gate : inputs.pod.spec().readinessgates()) {
    const std::string quoted = "\"" + gate.conditiontype() + "\"";
    const core::PodCondition* found = findCondition(others, gate.conditiontype());
    if (found == nullptr) {
      missing.push_back("corresponding condition of pod readiness gate " + quoted + " does not exist.");
    } else if (found->status() != "True") {
      missing.push_back("the status of pod readiness gate " + quoted + " is not \"True\", but " + found->status());
    }
  }
  if (missing.empty()) return {};
  return {.holds = false, .reason = "ReadinessGatesNotReady", .message = joined(missing)};
}

const core::PodCondition* before(const Inputs& inputs, std::string_view type) {
  if (const auto* found = findCondition(inputs.previous.conditions(), type)) return found;
  return findCondition(inputs.pod.status().conditions(), type);
}

void add(const Inputs& inputs, std::string_view type, const Verdict& verdict, core::PodStatus& status) {
  core::PodCondition& condition = *status.add_conditions();
  condition.set_type(std::string(type));
  condition.set_status(verdict.holds ? "True" : "False");
  if (!verdict.reason.empty()) condition.set_reason(verdict.reason);
  if (!verdict.message.empty()) condition.set_message(verdict.message);
  if (status.has_observedgeneration()) condition.set_observedgeneration(status.observedgeneration());
  const core::PodCondition* old = before(inputs, type);
  if (old != nullptr && old->status() == condition.status() && old->has_lasttransitiontime()) {
    *condition.mutable_lasttransitiontime() = old->lasttransitiontime();  // PCO-3
  } else {
    setTime(*condition.mutable_lasttransitiontime(), inputs.in.now);
  }
}

// Only of pods that may ever start over (RST-2).
void addStartOver(const Inputs& inputs, core::PodStatus& status) {
  const core::PodSpec& spec = inputs.pod.spec();
  const auto mayAsk = [](const core::Container& container) {
    return std::ranges::any_of(container.restartpolicyrules(),
                               [](const auto& rule) { return rule.action() == "RestartAllContainers"; });
  };
  if (std::ranges::none_of(spec.initcontainers(), mayAsk) && std::ranges::none_of(spec.containers(), mayAsk)) return;
  Verdict verdict{.holds = false};
  if (isTerminalPhase(status.phase()))
    verdict.reason = endReason(status.phase());
  else if (inputs.in.startsOver)
    verdict = {.reason = "RestartAllContainersStarted", .message = "container exited with restart policy rule"};
  add(inputs, "AllContainersRestarting", verdict, status);
}

void addResize(const Inputs& inputs, std::string_view type, const std::optional<ResizeState>& state,
               core::PodStatus& status) {
  if (!state) return;
  add(inputs, type, {.reason = state->reason, .message = state->message}, status);
  if (state->generation != 0)
    status.mutable_conditions(status.conditions_size() - 1)->set_observedgeneration(state->generation);
}

}  // namespace

bool isOwnCondition(std::string_view type) {
  static constexpr std::array kOwn = {std::string_view("PodReadyToStartContainers"),
                                      std::string_view("Initialized"),
                                      std::string_view("Ready"),
                                      std::string_view("ContainersReady"),
                                      std::string_view("PodScheduled"),
                                      std::string_view("PodResizePending"),
                                      std::string_view("PodResizeInProgress"),
                                      std::string_view("AllContainersRestarting")};
  return std::ranges::find(kOwn, type) != kOwn.end();
}

void addConditions(const Inputs& inputs, core::PodStatus& status) {
  for (const core::PodCondition& condition : inputs.pod.status().conditions()) {
    if (!isOwnCondition(condition.type()) && condition.type() != kDisruptionTarget)
      *status.add_conditions() = condition;
  }
  addResize(inputs, "PodResizePending", inputs.in.resizePending, status);
  addResize(inputs, "PodResizeInProgress", inputs.in.resizeInProgress, status);
  if (inputs.in.failed && inputs.in.failed->disruption) {
    add(inputs, kDisruptionTarget, {.reason = kTerminationByKubelet, .message = inputs.in.failed->message}, status);
  } else if (const core::PodCondition* disruption = before(inputs, kDisruptionTarget)) {
    *status.add_conditions() = *disruption;
  }
  const Verdict containers = containersReady(inputs, status);
  const Verdict pod = ready(inputs, containers, status.conditions());
  add(inputs, "PodReadyToStartContainers", readyToStart(inputs), status);
  add(inputs, "Initialized", initialized(inputs, status), status);
  add(inputs, "Ready", pod, status);
  add(inputs, "ContainersReady", containers, status);
  add(inputs, "PodScheduled", {}, status);
  addStartOver(inputs, status);
}

}  // namespace cubelet::status
