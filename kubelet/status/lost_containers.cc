// The final status: who has no end of its own is given one, so that the pod cannot look as if it had gone well.
// Behaviour CST-8 (upstream pkg/kubelet/status/status_manager.go, TerminatePod).
#include <algorithm>

#include "kubelet/api/pod.h"
#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

// It has been started at least once.
bool everStarted(const core::ContainerStatus& status) {
  return !status.state().has_waiting() || status.laststate().has_terminated();
}

void endIfOpen(core::ContainerStatus& status) {
  if (status.state().has_terminated()) return;
  status.clear_state();
  auto& end = *status.mutable_state()->mutable_terminated();
  end.set_exitcode(137);
  end.set_reason("ContainerStatusUnknown");
  end.set_message("The container could not be located when the pod was terminated");
  status.set_ready(false);
  if (status.has_started()) status.set_started(false);
}

// The init containers are through, so the regular ones should have run. Before that, those were never to be started.
bool initialized(const core::PodSpec& spec, const core::PodStatus& status) {
  const auto& regular = status.containerstatuses();
  if (spec.initcontainers().empty() || std::any_of(regular.begin(), regular.end(), everStarted)) return true;
  const core::Container& last = *spec.initcontainers().rbegin();
  const core::ContainerStatus* found = findStatus(status.initcontainerstatuses(), last.name());
  if (found == nullptr || api::isSidecar(last)) return false;
  const core::ContainerState& state = found->state().has_terminated() ? found->state() : found->laststate();
  return state.has_terminated() && state.terminated().exitcode() == 0;
}

}  // namespace

void endAllContainers(const Inputs& inputs, core::PodStatus& status) {
  if (initialized(inputs.pod.spec(), status)) {
    for (core::ContainerStatus& container : *status.mutable_containerstatuses()) endIfOpen(container);
  }
  auto& init = *status.mutable_initcontainerstatuses();
  const auto lastStarted = std::find_if(init.rbegin(), init.rend(), everStarted);
  for (auto it = init.begin(); it != lastStarted.base(); ++it) endIfOpen(*it);
}

}  // namespace cubelet::status
