#include "kubelet/sync/pod_stopper.h"

#include <algorithm>

#include "base/backoff.h"
#include "base/files.h"
#include "base/log.h"
#include "kubelet/layout/layout.h"
#include "kubelet/logs/rotated_files.h"
#include "kubelet/sync/termination_message.h"

namespace cubelet::sync {
namespace {

// A failed stop or removal is tried again after this.
constexpr Duration kRetryStop = std::chrono::seconds(10);
// What a pod leaves behind may be held by others for long: removal is tried less and less often, but at least this
// often.
constexpr Duration kRetryRemovalCap = std::chrono::minutes(1);

bool runs(const observe::ObservedPod& pod, const std::string& id) {
  return std::any_of(pod.containers.begin(), pod.containers.end(), [&](const observe::ObservedContainer& container) {
    return container.id == id && container.state != observe::ContainerState::kExited;
  });
}

bool hasExited(const observe::ObservedPod& pod, const std::string& id) {
  return std::any_of(pod.containers.begin(), pod.containers.end(), [&](const observe::ObservedContainer& container) {
    return container.id == id && container.state == observe::ContainerState::kExited;
  });
}

Duration wholeSeconds(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration);
}

}  // namespace

observe::ObservedPod PodStopper::have() const {
  const observe::ObservedPod* pod = context_.observer.find(state_.uid());
  if (pod != nullptr) return *pod;
  observe::ObservedPod none;
  none.uid = state_.uid();
  return none;
}

Task<void> PodStopper::waitForRuntime() {
  while (!context_.observer.synced()) co_await wake_.wait();
}

void PodStopper::hurry(TimePoint deadline) {
  deadline_ = deadline;
  notBefore_.clear();
  wake_.ring();
}

Task<void> PodStopper::stopAll(TimePoint deadline) {
  deadline_ = deadline;
  std::set<std::string> stoppedSandboxes;
  notBefore_.clear();
  for (;;) {
    co_await waitForRuntime();
    const TimePoint now = context_.clock.now();
    if (now >= deadline_) preStops_.cancel();  // TRM-3
    reportPreStops();
    const observe::ObservedPod pod = have();
    const plan::TerminationPlan plan =
        plan::planTermination(object(), pod, deadline_, stoppedSandboxes, now, preStops_.states());
    if (plan.done) {
      co_await preStops_.drain();
      co_return;
    }
    TimePoint wakeAt = plan.wakeAt.value_or(TimePoint::max());
    for (const plan::StopContainer& stop : plan.preStop) beginPreStop(stop, pod);
    for (const plan::StopContainer& stop : plan.stop) wakeAt = std::min(wakeAt, beginStop(stop, now));
    bool progressed = false;
    for (const std::string& id : plan.stopSandboxes) {
      // The exit is known before the runtime has answered the stop; a second stop would get in the way of the first.
      if (stopsUnderWay()) break;
      Result<void> stopped = co_await context_.runtime.stopPodSandbox(id);
      if (!stopped) {
        failedToKill(stopped.error());
        wakeAt = std::min(wakeAt, context_.clock.now() + kRetryStop);
        continue;
      }
      progressed = true;
      stoppedSandboxes.insert(id);
      context_.observer.ownSandboxStopped(state_.uid(), id);
    }
    // Rung by exits, by the ends of our own calls and by the runtime's return.
    if (!progressed) co_await wake_.waitUntil(wakeAt);
  }
}

const core::Pod* PodStopper::object() const {
  return state_.objectKnown ? &state_.pod : nullptr;
}

void PodStopper::beginPreStop(const plan::StopContainer& stop, const observe::ObservedPod& pod) {
  announce(stop.name, stop.id, stop.message);
  for (const observe::ObservedContainer& instance : pod.containers) {
    if (instance.id != stop.id) continue;
    core::Container container = plan::containerOf(object(), instance);
    core::LifecycleHandler handler = container.lifecycle().prestop();
    preStopping_[stop.id] = stop.name;
    preStops_.begin(stop.id, std::move(handler), std::move(container));
  }
}

// Events of the hooks that have ended since, and a note on disk about them.
void PodStopper::reportPreStops() {
  bool any = false;
  for (auto it = preStopping_.begin(); it != preStopping_.end();) {
    const std::optional<Result<void>> result = preStops_.result(it->first);
    if (!result) {
      ++it;
      continue;
    }
    any = true;
    // Given up at the end of the grace period is no failure of its own (TRM-3).
    if (!*result && result->error().code != Code::kCancelled) {
      log::warning("a preStop hook has failed",
                   {{"pod", state_.ref()}, {"container", it->second}, {"error", result->error().message}});
      // What the handler said may be a secret.
      context_.events.warning(events::containerRef(state_.pod, it->second), "FailedPreStopHook", "PreStopHook failed");
    }
    it = preStopping_.erase(it);
  }
  if (any) hookEnded_();
}

// Returns when the hook has ended, the container has ended, or time is up.
Task<void> PodStopper::preStopUntil(plan::KillContainer kill, TimePoint end) {
  const observe::ObservedPod pod = have();
  const bool due = std::any_of(pod.containers.begin(), pod.containers.end(), [&](const auto& instance) {
    return instance.id == kill.id && plan::hasPreStop(object(), instance);
  });
  if (!due) co_return;
  if (!preStops_.states().contains(kill.id)) {
    plan::StopContainer stop;
    stop.id = kill.id;
    stop.name = kill.name;
    stop.message = kill.message;
    beginPreStop(stop, pod);
  }
  co_await preStops_.waitFor(kill.id, end);
  reportPreStops();
}

bool PodStopper::stopsUnderWay() const {
  return std::any_of(notBefore_.begin(), notBefore_.end(),
                     [](const auto& entry) { return entry.second == TimePoint::max(); });
}

// Answers when this container must be looked at again.
TimePoint PodStopper::beginStop(const plan::StopContainer& stop, TimePoint now) {
  auto [entry, isNew] = notBefore_.try_emplace(stop.id, TimePoint::max());
  if (!isNew && entry->second > now) return entry->second;
  entry->second = TimePoint::max();
  calls_.spawn("stop container " + stop.name, stopContainer(stop));
  return TimePoint::max();
}

Task<void> PodStopper::stopContainer(plan::StopContainer stop) {
  announce(stop.name, stop.id, stop.message);
  Result<void> stopped = co_await context_.runtime.stopContainer(stop.id, wholeSeconds(stop.grace));
  if (stopped)
    context_.observer.ownContainerStopped(state_.uid(), stop.id);
  else
    failedToKill(stopped.error());
  notBefore_[stop.id] = context_.clock.now() + kRetryStop;
  wake_.ring();
}

Task<bool> PodStopper::stopOne(plan::KillContainer kill) {
  announce(kill.name, kill.id, kill.message);
  const TimePoint end = context_.clock.now() + kill.grace.value_or(plan::terminationGrace(object(), have()));
  const bool atOnce = kill.grace && *kill.grace <= Duration::zero();  // no hook then, and no grace
  if (!atOnce) co_await preStopUntil(kill, end);
  const Duration left = std::max<Duration>(end - context_.clock.now(), plan::kMinimumStopGrace);
  const Duration sent = atOnce ? Duration::zero() : wholeSeconds(left);
  Result<void> stopped = co_await context_.runtime.stopContainer(kill.id, sent);
  if (!stopped) {
    failedToKill(stopped.error());
    co_return false;
  }
  context_.observer.ownContainerStopped(state_.uid(), kill.id);
  // The next plan must not find it running any more, or it would be stopped again.
  const TimePoint patience = context_.clock.now() + kRetryStop;
  while (runs(have(), kill.id)) {
    const bool rung = co_await wake_.waitUntil(patience);
    if (!rung) co_return false;
  }
  co_return true;
}

Task<bool> PodStopper::removeContainer(std::string id, bool keepLog) {
  const bool started = co_await lostStarts_.hasStartedLate(id);
  if (started) co_return false;
  const observe::ObservedPod pod = have();
  Result<void> removed = co_await context_.runtime.removeContainer(id);
  if (!removed && removed.error().code == Code::kInternal && hasExited(pod, id))
    removed = co_await lostStarts_.endAndRemove(id, removed);
  if (!removed) {
    failedToCollect("container", id, removed.error());
    co_return false;
  }
  for (const observe::ObservedContainer& container : pod.containers)
    if (container.id == id) removeFiles(container, pod, keepLog);
  context_.observer.ownContainerRemoved(state_.uid(), id);
  preStops_.forget(id);
  co_return true;
}

Task<bool> PodStopper::removeSandbox(std::string id) {
  Result<void> removed = co_await context_.runtime.stopPodSandbox(id);
  if (removed) removed = co_await context_.runtime.removePodSandbox(id);
  if (!removed) {
    failedToCollect("sandbox", id, removed.error());
    co_return false;
  }
  context_.observer.ownSandboxRemoved(state_.uid(), id);
  co_return true;
}

Task<void> PodStopper::stopAndRemove(TimePoint deadline) {
  for (Duration pause = kRetryStop;; pause = nextBackoff(pause, kRetryStop, kRetryRemovalCap)) {
    co_await stopAll(deadline);
    deadline = deadline_;
    const bool removed = co_await tryRemoveAll();
    if (removed) co_return;
    const TimePoint again = context_.clock.now() + pause;
    co_await wake_.waitUntil(again);
  }
}

Task<bool> PodStopper::tryRemoveAll() {
  Result<void> torn = co_await context_.volumes.tearDown(state_.uid());
  if (!torn) {
    log::warning("cannot remove the pod's directory",
                 {{"pod", state_.ref()}, {"uid", state_.uid()}, {"error", torn.error().message}});
    co_await context_.cgroups.slowDown(state_.uid());
    co_return false;
  }
  // What the runtime has now, not what was last heard: a call that was given up may have worked after all.
  Result<void> read = co_await context_.observer.refresh(state_.uid());
  if (!read) co_return false;
  const observe::ObservedPod pod = have();
  for (const observe::ObservedContainer& container : pod.containers) {
    const bool removed = co_await removeContainer(container.id);
    if (!removed) co_return false;
  }
  for (const observe::ObservedSandbox& sandbox : pod.sandboxes) {
    if (sandbox.ready) co_return false;  // it came up late: stop it first
    Result<void> removed = co_await context_.runtime.removePodSandbox(sandbox.id);
    if (!removed) {
      log::warning("cannot remove a sandbox",
                   {{"pod", state_.ref()}, {"id", sandbox.id}, {"error", removed.error().message}});
      co_return false;
    }
    context_.observer.ownSandboxRemoved(state_.uid(), sandbox.id);
  }
  // After the volumes: what a memory-backed one held would be charged to the class above (RES-21).
  Result<void> uncontained = co_await context_.cgroups.remove(state_.uid());
  if (!uncontained) {
    log::warning("cannot remove the pod's cgroup",
                 {{"pod", state_.ref()}, {"uid", state_.uid()}, {"error", uncontained.error().message}});
    co_return false;
  }
  const k8s::meta::v1::ObjectMeta& meta = state_.pod.metadata();
  Result<void> logs =
      removeTree(layout::podLogDirectory(context_.node.dirs, meta.namespace_(), meta.name(), meta.uid()));
  if (!logs) log::warning("cannot remove the pod's logs", {{"pod", state_.ref()}, {"error", logs.error().message}});
  co_return true;
}

void PodStopper::announce(const std::string& container, const std::string& id, const std::string& message) {
  if (!announced_.insert(id).second) return;
  context_.events.normal(events::containerRef(state_.pod, container), "Killing", message);
}

void PodStopper::failedToKill(const Error& error) {
  context_.events.warning(events::podRef(state_.pod), "FailedKillPod", "error killing pod: " + error.message);
}

// GC-3: an event of the node, since the pod itself lacks nothing.
void PodStopper::failedToCollect(const char* what, const std::string& id, const Error& error) {
  const std::string message =
      std::string("cannot remove dead ") + what + " " + id + " of pod " + state_.ref() + ": " + error.message;
  const std::string& node = context_.node.nodeName;
  context_.events.warning(events::nodeRef(node, node), "ContainerGCFailed", message);
}

void PodStopper::removeFiles(const observe::ObservedContainer& container, const observe::ObservedPod& pod,
                             bool keepLog) {
  const std::string link = layout::containerLogLink(context_.node.dirs, pod.name, pod.ns, container.name, container.id);
  const auto logOf = [&](std::uint32_t attempt) {
    return joinPath(layout::podLogDirectory(context_.node.dirs, pod.ns, pod.name, pod.uid),
                    layout::containerLogFile(container.name, attempt));
  };
  const std::string message = ownTerminationMessageFile(context_.node.dirs, pod.uid, container);
  std::vector<Result<void>> removals = {removeFile(link)};
  if (!keepLog)
    removals.push_back(logs::removeLog(logOf(container.attempt)));
  else if (container.attempt > 0)  // the one that was kept before
    removals.push_back(logs::removeLog(logOf(container.attempt - 1)));
  if (!message.empty()) removals.push_back(removeFile(message));
  for (const Result<void>& removed : removals)
    if (!removed)
      log::warning("cannot remove a file of a dead container",
                   {{"pod", state_.ref()}, {"error", removed.error().message}});
}

}  // namespace cubelet::sync
