// The phase of a pod. Behaviours PLC-1 to PLC-6.
#include <algorithm>

#include "kubelet/api/pod.h"
#include "kubelet/plan/restart_policy.h"
#include "kubelet/plan/sandbox.h"
#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

// How the containers stand, as far as the phase depends on it.
struct Tally {
  int pendingInit = 0;      // plain init containers that have not ended yet
  int pendingSidecar = 0;   // sidecars that have not started yet
  bool initFailed = false;  // a plain init container failed and may not be repeated
  int unknown = 0;
  int running = 0;
  int waiting = 0;  // for their first instance
  int stopped = 0;
  int stoppedForGood = 0;
  int succeeded = 0;
};

// How a container ended that runs no more, even when it now waits for its restart; null when it never ended.
const core::ContainerStateTerminated* ending(const core::ContainerStatus& status) {
  if (status.state().has_terminated()) return &status.state().terminated();
  if (status.state().has_waiting() && status.laststate().has_terminated()) return &status.laststate().terminated();
  return nullptr;
}

bool failed(const core::ContainerStateTerminated& end) {
  return end.exitcode() != 0 || end.reason() == "OOMKilled";
}

void countInit(const core::PodSpec& spec, const core::Container& container, const core::ContainerStatus* status,
               Tally& tally) {
  const core::ContainerStateTerminated* end =
      status != nullptr && !status->state().has_running() ? ending(*status) : nullptr;
  if (end == nullptr) {
    ++tally.pendingInit;
  } else if (failed(*end) && !plan::mayRestartFailedInit(spec, container, end->exitcode())) {
    tally.initFailed = true;
  }
}

void countSidecar(const core::ContainerStatus* status, Tally& tally) {
  if (status == nullptr) {
    ++tally.unknown;
  } else if (status->state().has_running()) {
    ++tally.running;
    if (!status->started()) ++tally.pendingSidecar;
  } else if (ending(*status) == nullptr) {  // how a sidecar ended does not count
    ++tally.pendingSidecar;
    ++(status->state().has_waiting() ? tally.waiting : tally.unknown);
  }
}

void countRegular(const core::PodSpec& spec, const core::Container& container, const core::ContainerStatus* status,
                  Tally& tally) {
  if (status == nullptr) {
    ++tally.unknown;
  } else if (status->state().has_running()) {
    ++tally.running;
  } else if (const core::ContainerStateTerminated* end = ending(*status)) {
    ++tally.stopped;
    if (!plan::mayRestart(spec, container, end->exitcode())) ++tally.stoppedForGood;
    // One that waits has not succeeded, whatever the instance before it did.
    if (status->state().has_terminated() && end->exitcode() == 0) ++tally.succeeded;
  } else {
    ++(status->state().has_waiting() ? tally.waiting : tally.unknown);
  }
}

// A regular container of the present sandbox has started, so its init containers are done.
bool regularStarted(const Inputs& inputs) {
  const plan::SandboxVerdict sandbox = plan::judgeSandbox(inputs.pod, inputs.have);
  if (!sandbox.usable) return false;
  const auto& regular = inputs.pod.spec().containers();
  return std::ranges::any_of(inputs.have.containers, [&](const observe::ObservedContainer& instance) {
    return instance.sandboxId == sandbox.id && instance.state != observe::ContainerState::kCreated &&
           std::any_of(regular.begin(), regular.end(), [&](const auto& c) { return c.name() == instance.name; });
  });
}

// The pod has not come to an end, whatever its containers were killed with (RST-2).
bool startsOver(const Inputs& inputs, const core::PodStatus& status) {
  const auto waits = [](const core::ContainerStatus& one) {
    return one.state().waiting().reason() == kRestartingAllContainers;
  };
  return inputs.in.startsOver || std::ranges::any_of(status.containerstatuses(), waits) ||
         std::ranges::any_of(status.initcontainerstatuses(), waits);
}

}  // namespace

std::string_view computePhase(const Inputs& inputs, const core::PodStatus& status) {
  const core::PodSpec& spec = inputs.pod.spec();
  Tally tally;
  for (const core::Container& container : spec.initcontainers()) {
    const core::ContainerStatus* found = findStatus(status.initcontainerstatuses(), container.name());
    if (api::isSidecar(container)) {
      countSidecar(found, tally);
    } else {
      countInit(spec, container, found, tally);
    }
  }
  for (const core::Container& container : spec.containers()) {
    countRegular(spec, container, findStatus(status.containerstatuses(), container.name()), tally);
  }

  const bool startingOver = startsOver(inputs, status);
  if (tally.initFailed && !startingOver) return "Failed";
  if (tally.pendingInit > 0 || tally.waiting > 0) return "Pending";
  if (tally.pendingSidecar > 0 && !regularStarted(inputs)) return "Pending";
  if (tally.unknown > 0) return "Pending";
  if (tally.running > 0) return "Running";
  if (tally.stopped == 0) return "Pending";

  // All regular containers have stopped. For a pod at its end the restart policy no longer counts (PLC-6, STA-14).
  const bool mayRestart = tally.stopped > tally.stoppedForGood || startingOver;
  const bool over = inputs.in.terminated && !isStaticPod(inputs.pod);
  if (mayRestart && !over) return "Running";
  return tally.stopped == tally.succeeded ? "Succeeded" : "Failed";
}

}  // namespace cubelet::status
