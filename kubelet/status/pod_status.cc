#include "kubelet/status/pod_status.h"

#include <algorithm>
#include <utility>

#include "kubelet/api/pod.h"
#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

void setPhase(const Inputs& inputs, core::PodStatus& status) {
  const core::PodStatus& previous = inputs.previous;
  const std::string& stored = inputs.pod.status().phase();
  if (isTerminalPhase(previous.phase())) {
    status.set_phase(previous.phase());  // PLC-7
  } else if (isTerminalPhase(stored)) {
    status.set_phase(stored);
  } else if (inputs.in.failed) {
    status.set_phase("Failed");
    status.set_reason(inputs.in.failed->reason);
    status.set_message(inputs.in.failed->message);
    return;
  } else {
    status.set_phase(std::string(computePhase(inputs, status)));
    // A pod that is gone for good has come to an end, whatever it had reached (PLC-9). Static pods live as long as
    // their file (STA-14).
    const bool over = inputs.in.terminated && !isStaticPod(inputs.pod);
    if (over && !isTerminalPhase(status.phase())) status.set_phase("Failed");
  }
  // Reason and message belong to the phase.
  for (const core::PodStatus* from : {&previous, &inputs.pod.status()}) {
    if (status.phase() != from->phase()) continue;
    if (status.reason().empty() && !from->reason().empty()) status.set_reason(from->reason());
    if (status.message().empty() && !from->message().empty()) status.set_message(from->message());
  }
}

// Such a pod has no containers to tell of, nor to show instead of the reason why (ADM-1).
bool neverRan(const Inputs& inputs) {
  const core::PodStatus& before = inputs.previous;
  const bool nothingTold = before.containerstatuses().empty() && before.initcontainerstatuses().empty();
  return (inputs.in.failed || isTerminalPhase(before.phase())) && nothingTold && inputs.have.empty();
}

void setStartTime(const Inputs& inputs, core::PodStatus& status) {
  if (inputs.previous.has_starttime()) {
    *status.mutable_starttime() = inputs.previous.starttime();
  } else if (inputs.pod.status().has_starttime()) {
    *status.mutable_starttime() = inputs.pod.status().starttime();
  } else {
    setTime(*status.mutable_starttime(), inputs.in.startTime);
  }
}

}  // namespace

core::PodStatus computeStatus(const core::Pod& pod, const observe::ObservedPod& have, const plan::PodMemory& memory,
                              const StatusInputs& in) {
  const Inputs inputs{pod, have, memory, in, in.previous != nullptr ? *in.previous : pod.status()};
  core::PodStatus status;
  if (!isStaticPod(pod) && pod.metadata().generation() != 0) {
    status.set_observedgeneration(pod.metadata().generation());  // PLC-11
  }
  status.set_qosclass(std::string(api::qosClass(pod)));
  setStartTime(inputs, status);
  addAddresses(inputs, status);
  if (!neverRan(inputs)) {
    addContainerStatuses(inputs, status);
    if (in.terminated) endAllContainers(inputs, status);
  }
  setPhase(inputs, status);
  addConditions(inputs, status);
  return status;
}

core::PodStatus holdBackTerminalPhase(core::PodStatus computed, const core::PodStatus& shown, bool containersMayRun) {
  if (!containersMayRun || !isTerminalPhase(computed.phase()) || isTerminalPhase(shown.phase())) return computed;
  computed.set_phase(shown.phase());
  computed.set_reason(shown.reason());
  computed.set_message(shown.message());
  if (!shown.has_reason()) computed.clear_reason();
  if (!shown.has_message()) computed.clear_message();

  auto& conditions = *computed.mutable_conditions();
  conditions.erase(std::remove_if(conditions.begin(), conditions.end(),
                                  [](const auto& condition) { return condition.type() == kDisruptionTarget; }),
                   conditions.end());
  for (const auto& condition : shown.conditions()) {
    if (condition.type() == kDisruptionTarget) *computed.add_conditions() = condition;
  }
  return computed;
}

bool isTerminalPhase(std::string_view phase) {
  return phase == "Succeeded" || phase == "Failed";
}

bool isStaticPod(const core::Pod& pod) {
  return api::isStaticPod(pod);
}

const core::ContainerStatus* findStatus(const google::protobuf::RepeatedPtrField<core::ContainerStatus>& list,
                                        const std::string& name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& status) { return status.name() == name; });
  return found == list.end() ? nullptr : &*found;
}

void setTime(k8s::meta::v1::Time& time, WallTime when) {
  time.set_seconds(std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count());
}

}  // namespace cubelet::status
