// One status per container. Behaviours CST-1 to CST-9, CST-11, CST-12.
#include <algorithm>
#include <string>
#include <utility>

#include "kubelet/api/pod.h"
#include "kubelet/plan/backoff.h"
#include "kubelet/plan/restart_policy.h"
#include "kubelet/status/parts.h"

namespace cubelet::status {
namespace {

using observe::ContainerState;
using plan::ContainerKind;
using Instance = observe::ObservedContainer;

constexpr int kKilledExitCode = 137;  // how a container is shown whose end nobody saw

// A container of the spec; ephemeral ones are a message of their own in the API.
struct Wanted {
  ContainerKind kind;
  const std::string& name;
  const std::string& image;
  const google::protobuf::RepeatedPtrField<core::VolumeMount>& mounts;
  const core::ResourceRequirements& resources;
  const core::Container* container;  // null for ephemeral ones
};

// What a running instance has while a resize is under way. Memory that is only asked for is no more than a number of
// the agent's, and that is the new one already (RSZ-8).
void overlay(const core::ResourceRequirements& applied, core::ResourceRequirements& shown) {
  for (const char* resource : {"cpu", "memory"}) {
    auto take = [&](const auto& from, auto& into) {
      const auto amount = from.find(resource);
      if (amount == from.end())
        into.erase(resource);
      else
        into[resource] = amount->second;
    };
    take(applied.limits(), *shown.mutable_limits());
    if (std::string_view(resource) == "cpu") take(applied.requests(), *shown.mutable_requests());
  }
}

class Describer {
 public:
  Describer(const Inputs& inputs, const Wanted& wanted, const core::ContainerStatus* previous)
      : inputs_(inputs), wanted_(wanted), previous_(previous) {
    for (const Instance& instance : inputs.have.containers) {
      if (instance.name != wanted.name) continue;
      if (newest_ == nullptr) {
        newest_ = &instance;
      } else {
        older_ = &instance;
        break;
      }
    }
  }

  core::ContainerStatus describe() {
    status_.set_name(wanted_.name);
    // Present even when empty, as the API shows them.
    status_.set_image(wanted_.image);
    status_.set_imageid("");
    status_.mutable_laststate();
    addMounts();
    if (newest_ != nullptr) {
      showInstance();
    } else if (previous_ != nullptr) {
      showPrevious();
    } else {
      wait();
    }
    if (newest_ == nullptr && !startsOver()) showCompletedInit();
    status_.set_restartcount(std::max(status_.restartcount(), previous_ != nullptr ? previous_->restartcount() : 0));
    if (dueToRestart()) showStartFailure();
    addReadiness();
    return std::move(status_);
  }

 private:
  void wait() {
    const bool first = inputs_.pod.spec().initcontainers().empty();
    auto& waiting = *status_.mutable_state()->mutable_waiting();
    waiting.set_reason(first ? "ContainerCreating" : "PodInitializing");
    if (!inputs_.in.waitingVolumes.empty()) waiting.set_message(inputs_.in.waitingVolumes);
  }

  void addMounts() {
    for (const core::VolumeMount& mount : wanted_.mounts) {
      core::VolumeMountStatus& shown = *status_.add_volumemounts();
      shown.set_name(mount.name());
      shown.set_mountpath(mount.mountpath());
      if (!mount.readonly()) continue;
      shown.set_readonly(true);
      const std::string& mode = mount.recursivereadonly();
      const bool wants = mode == "Enabled" || mode == "IfPossible";
      shown.set_recursivereadonly(wants && inputs_.in.runtimeMakesRecursiveReadOnly ? "Enabled" : "Disabled");
    }
  }

  // Its instances were removed for all containers to start over, by this run of the agent or the one before.
  bool startsOver() const {
    return inputs_.memory.of(wanted_.name).startsOver ||
           (previous_ != nullptr && previous_->state().waiting().reason() == kRestartingAllContainers);
  }

  void showStartOver() {
    *status_.mutable_laststate() = previous_->state().has_terminated() ? previous_->state() : previous_->laststate();
    status_.set_restartcount(previous_->restartcount());
    status_.mutable_state()->mutable_waiting()->set_reason(kRestartingAllContainers);
  }

  // The runtime has none (any more): what was known last, brought up to date.
  void showPrevious() {
    if (startsOver()) return showStartOver();
    *status_.mutable_laststate() = previous_->laststate();
    status_.set_restartcount(previous_->restartcount());
    if (previous_->state().has_terminated()) {
      *status_.mutable_state() = previous_->state();
      status_.set_image(previous_->image());
      status_.set_imageid(previous_->imageid());
      if (previous_->has_containerid()) status_.set_containerid(previous_->containerid());
      return;
    }
    wait();
    if (!previous_->state().has_running()) return;
    // It ran and vanished without an end that anyone saw (CST-8).
    auto& end = *status_.mutable_laststate()->mutable_terminated();
    end.Clear();
    end.set_exitcode(kKilledExitCode);
    end.set_reason("ContainerStatusUnknown");
    end.set_message("The container could not be located when the pod was deleted.  The container used to be Running");
    if (!goingAway()) status_.set_restartcount(previous_->restartcount() + 1);
  }

  // A plain init container that is gone while regular ones exist must have done its work (CST-9).
  void showCompletedInit() {
    if (wanted_.kind != ContainerKind::kInit || !status_.state().has_waiting()) return;
    const auto& regular = inputs_.pod.spec().containers();
    const bool initialized = std::any_of(regular.begin(), regular.end(), [&](const auto& container) {
      const Instance* instance = inputs_.have.newest(container.name());
      return instance != nullptr && instance->state != ContainerState::kUnknown;
    });
    if (!initialized) return;
    status_.clear_state();
    auto& end = *status_.mutable_state()->mutable_terminated();
    end.set_exitcode(0);
    end.set_reason("Completed");
    end.set_message(
        "The container is no longer known to the runtime; the pod has been initialized, so it must have completed");
    if (previous_ == nullptr) return;
    *status_.mutable_laststate() = previous_->laststate();
    status_.set_restartcount(previous_->restartcount());
  }

  std::string idOf(const Instance& instance) const { return inputs_.in.runtimeName + "://" + instance.id; }

  bool samePreviousInstance() const { return previous_ != nullptr && previous_->containerid() == idOf(*newest_); }

  void showEnd(const Instance& instance, core::ContainerStateTerminated& end) const {
    end.set_exitcode(instance.exitCode);
    if (!instance.reason.empty()) end.set_reason(instance.reason);
    if (!instance.message.empty()) end.set_message(instance.message);
    if (instance.startedAt != WallTime()) setTime(*end.mutable_startedat(), instance.startedAt);
    if (instance.finishedAt != WallTime()) setTime(*end.mutable_finishedat(), instance.finishedAt);
    end.set_containerid(idOf(instance));
  }

  void showUser() {
    if (!newest_->user) return;
    core::LinuxContainerUser& user = *status_.mutable_user()->mutable_linux();
    user.set_uid(newest_->user->uid);
    user.set_gid(newest_->user->gid);
    for (std::int64_t group : newest_->user->supplementalGroups) user.add_supplementalgroups(group);
  }

  void showInstance() {
    status_.set_restartcount(static_cast<int>(newest_->attempt));
    if (!newest_->image.empty()) status_.set_image(newest_->image);
    status_.set_imageid(newest_->imageRef);
    status_.set_containerid(idOf(*newest_));
    showUser();
    *status_.mutable_resources() = wanted_.resources;
    if (const auto& applied = inputs_.memory.of(wanted_.name).applied) overlay(*applied, *status_.mutable_resources());
    *status_.mutable_allocatedresources() = wanted_.resources.requests();
    showLastState();
    switch (newest_->state) {
      case ContainerState::kRunning:
        if (inputs_.memory.of(wanted_.name).postStartRuns)
          wait();
        else
          setTime(*status_.mutable_state()->mutable_running()->mutable_startedat(), newest_->startedAt);
        break;
      case ContainerState::kExited:
        showEnd(*newest_, *status_.mutable_state()->mutable_terminated());
        break;
      case ContainerState::kUnknown:
        showUnknown();
        break;
      case ContainerState::kCreated:
        wait();
        break;
    }
  }

  // It has run, so it must not look as if it had never been started: that would be "Pending" again.
  void showUnknown() {
    const bool ran = previous_ != nullptr && samePreviousInstance() && !previous_->state().has_waiting();
    if (!ran) return wait();
    auto& end = *status_.mutable_state()->mutable_terminated();
    end.set_exitcode(kKilledExitCode);
    end.set_reason("ContainerStatusUnknown");
    end.set_message("The container could not be located when the pod was terminated");
    end.set_containerid(idOf(*newest_));
  }

  void showLastState() {
    if (older_ != nullptr && older_->state == ContainerState::kExited) {
      showEnd(*older_, *status_.mutable_laststate()->mutable_terminated());
    } else if (previous_ != nullptr && !samePreviousInstance() && previous_->state().has_terminated()) {
      *status_.mutable_laststate() = previous_->state();
    } else if (previous_ != nullptr) {
      *status_.mutable_laststate() = previous_->laststate();
    }
  }

  bool goingAway() const { return inputs_.in.terminating || inputs_.pod.metadata().has_deletiontimestamp(); }

  bool dueToRestart() const {
    if (goingAway()) return false;
    if (newest_ == nullptr) return wanted_.kind != ContainerKind::kInit || !status_.state().has_terminated();
    switch (newest_->state) {
      case ContainerState::kRunning:
        return false;
      case ContainerState::kCreated:
      case ContainerState::kUnknown:
        return true;
      case ContainerState::kExited:
        break;
    }
    const core::PodSpec& spec = inputs_.pod.spec();
    switch (wanted_.kind) {
      case ContainerKind::kInit:
        return plan::initFailed(*newest_) && plan::mayRestartFailedInit(spec, *wanted_.container, newest_->exitCode);
      case ContainerKind::kSidecar:
        return true;
      case ContainerKind::kRegular:
        return plan::mayRestart(spec, *wanted_.container, newest_->exitCode);
      case ContainerKind::kEphemeral:
        return false;
    }
    return false;
  }

  // Waiting with the reason why it is not up yet; how it ended moves to lastState (CST-6).
  void showStartFailure() {
    std::string reason;
    std::string message;
    const auto backingOff =
        std::ranges::find_if(inputs_.in.backingOff, [&](const auto& entry) { return entry.name == wanted_.name; });
    if (backingOff != inputs_.in.backingOff.end()) {
      reason = "CrashLoopBackOff";
      message = plan::backOffMessage(inputs_.pod, wanted_.name, backingOff->backoff);
    } else {
      const plan::ContainerMemory& memory = inputs_.memory.of(wanted_.name);
      reason = memory.failureReason;
      message = memory.failureMessage;
    }
    if (reason.empty()) return;
    if (status_.state().has_terminated()) *status_.mutable_laststate() = status_.state();
    status_.clear_state();
    auto& waiting = *status_.mutable_state()->mutable_waiting();
    waiting.set_reason(reason);
    if (!message.empty()) waiting.set_message(message);
  }

  void addReadiness() {
    const bool running = status_.state().has_running();
    switch (wanted_.kind) {
      case ContainerKind::kEphemeral:
        status_.set_ready(false);
        return;
      case ContainerKind::kInit:
        status_.set_started(running);
        status_.set_ready(status_.state().has_terminated() && status_.state().terminated().exitcode() == 0);
        return;
      case ContainerKind::kSidecar:
      case ContainerKind::kRegular:
        break;
    }
    // Probes start anew with the agent; until they have a verdict, an instance keeps what it had (PRB-16).
    const bool known = running && samePreviousInstance() && previous_->state().has_running();
    const plan::ContainerMemory& memory = inputs_.memory.of(wanted_.name);
    const core::Container& container = *wanted_.container;
    const bool started =
        running && (!container.has_startupprobe() || memory.startupPassed.value_or(known && previous_->started()));
    const bool ready =
        started && (!container.has_readinessprobe() || memory.ready.value_or(known && previous_->ready()));
    status_.set_started(started);
    status_.set_ready(ready);
  }

  const Inputs& inputs_;
  const Wanted& wanted_;
  const core::ContainerStatus* previous_;
  const Instance* newest_ = nullptr;
  const Instance* older_ = nullptr;
  core::ContainerStatus status_;
};

void sortByName(google::protobuf::RepeatedPtrField<core::ContainerStatus>& list) {
  std::sort(list.begin(), list.end(), [](const auto& left, const auto& right) { return left.name() < right.name(); });
}

template <class Container>
Wanted wantedFrom(ContainerKind kind, const Container& source, const core::Container* container) {
  return {kind, source.name(), source.image(), source.volumemounts(), source.resources(), container};
}

}  // namespace

void addContainerStatuses(const Inputs& inputs, core::PodStatus& status) {
  const core::PodSpec& spec = inputs.pod.spec();
  for (const core::Container& container : spec.initcontainers()) {
    const auto kind = api::isSidecar(container) ? ContainerKind::kSidecar : ContainerKind::kInit;
    const Wanted wanted = wantedFrom(kind, container, &container);
    const auto* previous = findStatus(inputs.previous.initcontainerstatuses(), container.name());
    *status.add_initcontainerstatuses() = Describer(inputs, wanted, previous).describe();
  }
  for (const core::Container& container : spec.containers()) {
    const Wanted wanted = wantedFrom(ContainerKind::kRegular, container, &container);
    const auto* previous = findStatus(inputs.previous.containerstatuses(), container.name());
    *status.add_containerstatuses() = Describer(inputs, wanted, previous).describe();
  }
  for (const core::EphemeralContainer& ephemeral : spec.ephemeralcontainers()) {
    const auto& common = ephemeral.ephemeralcontainercommon();
    const Wanted wanted = wantedFrom(ContainerKind::kEphemeral, common, nullptr);
    const auto* previous = findStatus(inputs.previous.ephemeralcontainerstatuses(), common.name());
    *status.add_ephemeralcontainerstatuses() = Describer(inputs, wanted, previous).describe();
  }
  // Spec order for init containers, names for the others (CST-2).
  sortByName(*status.mutable_containerstatuses());
  sortByName(*status.mutable_ephemeralcontainerstatuses());
}

}  // namespace cubelet::status
