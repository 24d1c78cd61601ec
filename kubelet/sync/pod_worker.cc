#include "kubelet/sync/pod_worker.h"

#include <algorithm>
#include <google/protobuf/util/message_differencer.h>
#include <utility>

#include "base/log.h"
#include "kubelet/api/pod.h"
#include "kubelet/devices/health.h"
#include "kubelet/status/pod_status.h"

namespace cubelet::sync {
namespace {

// A pod that is to be stopped lets the call that is under way end, since its outcome would be unknown otherwise; a
// runtime that takes longer than this is not waited for.
constexpr Duration kLetCallEnd = std::chrono::seconds(10);
// Net for a plan that could not be carried out and left no time of its own.
constexpr Duration kLookAgain = std::chrono::seconds(10);

// Of volumes that have failed; those that are merely on their way are not worth a word.
std::string waitingText(const PodState& state) {
  for (const status::WaitingVolume& volume : waitingVolumes(state))
    if (!volume.failure.empty()) return unmountedVolumes(state, volume.failure);
  return "";
}

}  // namespace

PodWorker::PodWorker(Context& context, const TerminationRecords& records, core::Pod pod, bool objectKnown,
                     Callbacks callbacks)
    : context_(context),
      callbacks_(std::move(callbacks)),
      wake_(context.clock),
      main_(context.loop),
      sync_(context.loop),
      calls_(context.loop),
      postStarts_(context, state_, wake_),
      preStops_(context, state_, wake_),
      images_(context, state_, calls_, [this] { wake_.ring(); }),
      volumes_(
          context, state_, calls_, [this] { wake_.ring(); }, [this](status::FailedBy why) { fail(std::move(why)); }),
      upkeep_(context, state_, calls_, [this] { wake_.ring(); }),
      devices_(context, state_),
      resizer_(context, state_),
      starter_(
          context, state_, images_, volumes_, devices_, postStarts_, [this] { return stopping(); },
          [this](plan::KillContainer kill) { return stopper_.stopOne(std::move(kill)); }),
      adoption_(context, state_),
      termination_(context, records, state_, preStops_),
      stopper_(context, state_, calls_, preStops_, wake_, [this] { termination_.hookEnded(); }),
      probes_(context, state_, adoption_, {.stopping = [this] { return stopping(); }, .changed = [this] { ring(); }}),
      messages_(context.node.dirs),
      startTime_(context.clock.wallNow()) {
  state_.pod = std::move(pod);
  state_.objectKnown = objectKnown;
  resizer_.adopt();
  status_ = state_.pod.status();  // what an earlier run of the agent has told the API server
  // A pod that has come to its end needs no place.
  decided_ = !status::isStaticPod(state_.pod) && status::isTerminalPhase(status_.phase());
}

void PodWorker::start() {
  if (context_.objects != nullptr && state_.objectKnown) context_.objects->use(state_.pod);
  if (!stopping()) publish(false);
  main_.spawn("pod " + state_.ref(), run());
}

void PodWorker::update(core::Pod pod) {
  pendingUpdate_ = std::move(pod);
  ring();
}

void PodWorker::stop(std::optional<WallTime> deadline) {
  if (stopping()) {
    if (deadline && termination_.shorten(*deadline)) stopper_.hurry(steady(*deadline));
    return;
  }
  termination_.ask(deadline);
  if (postStarts_.awaited() || preStops_.awaited())
    sync_.cancel();  // a hook may take forever; a preStop hook that runs already goes on
  else if (sync_.size() > 0)
    giveUp_ = context_.clock.after(kLetCallEnd, [this] { sync_.cancel(); });
  ring();
}

void PodWorker::notePreStopsEnded(const std::vector<std::string>& containerIds) {
  for (const std::string& id : containerIds) preStops_.noteEnded(id);
}

void PodWorker::admit() {
  decided_ = true;
  resizer_.admitted();
  wake_.ring();
}

void PodWorker::fail(status::FailedBy why, std::optional<Duration> grace) {
  if (failedBy_) return;
  failedGrace_ = grace;
  // What would have been told of a pod that was about to start is not true of one that never does.
  if (!std::exchange(decided_, true)) status_ = state_.pod.status();
  failedBy_ = std::move(why);
  ring();
}

bool PodWorker::wantsResize() const {
  const bool over = stopping() || failedBy_ || status::isTerminalPhase(status_.phase());
  return decided_ && !over && resizer_.waits();
}

void PodWorker::heedResize(resize::Verdict verdict) {
  if (resizer_.judged(std::move(verdict))) ring();
}

void PodWorker::ring() {
  // While a step is under way, and while the pod is being stopped, nobody plans; the status must not wait for that.
  if ((sync_.size() > 0 || stopping()) && state_.objectKnown) publish(false);
  wake_.ring();
}

void PodWorker::runtimeSynced() {
  state_.memory.sandboxRetryAt = {};
  ring();
}

void PodWorker::removeDead(std::set<std::string> ids) {
  if (ids == state_.memory.superfluous) return;
  state_.memory.superfluous = std::move(ids);
  ring();
}

void PodWorker::objectChanged() {
  ++state_.objectChanges;
  upkeep_.filesChanged();
  upkeep_.claimsChanged();
  if (!state_.handler) state_.memory.sandboxRetryAt = {};
  volumes_.retryNow();
  for (auto& [name, memory] : state_.memory.containers)
    if (memory.failureReason == "CreateContainerConfigError") memory.retryAt = {};
  ring();
}

void PodWorker::devicesChanged() {
  const bool waited = devices_.retryNow();
  // Its status tells how they are.
  if (waited || devices_.hasAny()) ring();
}

void PodWorker::retryVolumes() {
  volumes_.retryNow();
  upkeep_.claimsChanged();  // one that could not grow for want of its driver is due, too
  ring();
}

Task<void> PodWorker::close() {
  giveUp_.cancel();
  co_await main_.close();
  co_await sync_.close();
  co_await calls_.close();
  co_await postStarts_.close();
  co_await preStops_.close();
  co_await probes_.close();
}

core::Pod PodWorker::view() const {
  core::Pod pod = resizer_.desired();
  *pod.mutable_status() = status_;
  const std::optional<WallTime> askedAt = termination_.askedAt();
  if (askedAt && !pod.metadata().has_deletiontimestamp())
    pod.mutable_metadata()->mutable_deletiontimestamp()->set_seconds(
        std::chrono::duration_cast<std::chrono::seconds>(askedAt->time_since_epoch()).count());
  return pod;
}

Task<void> PodWorker::run() {
  while (!stopping()) {
    sync_.spawn("sync " + state_.ref(), syncPod());
    co_await sync_.join();
    if (!stopping()) co_await wake_.waitUntil(nextWake_);
  }
  co_await terminate();
}

// Plans and acts until there is nothing to do for now; sets nextWake_.
Task<void> PodWorker::syncPod() {
  for (;;) {
    nextWake_ = TimePoint::max();
    applyUpdate();
    wake_.clear();  // what has rung so far is seen by this plan
    waitsForName_ = context_.observer.synced() && !callbacks_.mayStart(*this);
    if (stopping() || !context_.observer.synced() || waitsForName_) {
      publish(false);
      co_return;
    }
    if (!decided_) callbacks_.askIn();
    if (!decided_) {
      publish(false);
      co_return;
    }
    adopt();
    co_await moveIntoCgroup();
    if (stopping()) continue;
    co_await resize();
    if (stopping()) continue;
    replan();
    if (!plan_.idle()) {
      plan::PodPlan plan = plan_;
      const std::string operation = plan.createSandbox ? "create" : "sync";
      const TimePoint began = context_.clock.now();
      const bool progressed = co_await carryOut(std::move(plan));
      context_.milestones.worked(operation, context_.clock.now() - began);
      if (progressed && !stopping()) continue;
      if (stopping()) co_return;
      replan();
    }
    if (plan_.wakeAt) nextWake_ = steady(*plan_.wakeAt);
    if (std::optional<WallTime> due = resizer_.dueAt()) nextWake_ = std::min(nextWake_, steady(*due));
    if (std::optional<WallTime> due = activeDeadline()) nextWake_ = std::min(nextWake_, steady(*due));
    if (std::optional<WallTime> due = volumes_.nextTry()) nextWake_ = std::min(nextWake_, steady(*due));
    co_await keepVolumes();
    co_await releaseVolumes();
    const bool pulling =
        std::any_of(state_.images.begin(), state_.images.end(), [](const auto& entry) { return entry.second.pulling; });
    if (!plan_.idle() && !pulling) nextWake_ = std::min(nextWake_, context_.clock.now() + kLookAgain);
    co_return;
  }
}

// What was granted comes before anything is started: a new instance shall have it from the beginning.
Task<void> PodWorker::resize() {
  // One that was put off is looked at again when there may be room.
  if (wantsResize() && !resizer_.pending()) callbacks_.askResize();
  resizer_.applyGrant();
  observe::ObservedPod pod = have();
  co_await resizer_.carryOut(std::move(pod));
}

Task<void> PodWorker::keepVolumes() {
  if (plan_.finished || have().sandboxes.empty()) co_return;
  const std::optional<WallTime> stale = co_await upkeep_.refreshFiles();
  if (stale) nextWake_ = std::min(nextWake_, steady(*stale));
  if (stopping()) co_return;
  if (const std::optional<WallTime> due = upkeep_.growIfDue()) nextWake_ = std::min(nextWake_, steady(*due));
}

// What others may wait for is not kept until somebody removes the pod.
Task<void> PodWorker::releaseVolumes() {
  const observe::ObservedPod pod = have();
  const bool inUse =
      std::ranges::any_of(pod.containers,
                          [](const auto& one) { return one.state != observe::ContainerState::kExited; }) ||
      std::ranges::any_of(state_.volumeStates, [](const auto& volume) { return volume.second.trying; });
  if (!plan_.finished || inUse || volumesReleased_ || stopping()) co_return;
  devices_.release();
  Result<void> released = co_await context_.volumes.release(uid());
  volumesReleased_ = released.has_value();
  if (volumesReleased_) {
    callbacks_.volumesReleased();
    co_return;
  }
  log::warning("the volumes of a pod that has ended cannot be taken back yet",
               {{"pod", state_.ref()}, {"error", released.error().message}});
  nextWake_ = std::min(nextWake_, context_.clock.now() + kLookAgain);
}

void PodWorker::replan() {
  failWhenOverdue();
  const bool over = !status::isStaticPod(state_.pod) && status::isTerminalPhase(status_.phase());
  state_.memory.ended = over || failedBy_.has_value();
  plan_ = plan::planPod(state_.pod, have(), state_.memory, context_.planOptions, context_.clock.wallNow());
  if (plan_.finished) context_.cgroups.release(uid());
  publish(false);
  announceBackoff();
}

// In the order that PodPlan promises. True when anything was done.
Task<bool> PodWorker::carryOut(plan::PodPlan plan) {
  bool progressed = false;
  if (plan.killPod || !plan.kill.empty() || !plan.prune.empty()) {
    const bool stopped = co_await stopForPlan(plan);
    if (!stopped || stopping()) co_return false;
    progressed = true;
  }
  if (plan.createSandbox) {
    const bool created = co_await starter_.startSandbox(plan.sandboxAttempt);
    co_return created || progressed;  // what to start in it is the next plan's business
  }
  for (const plan::StartContainer& start : plan.start) {
    if (stopping()) co_return false;
    resizer_.starting(start.name);
    const bool started = co_await starter_.startContainer(start);
    progressed = progressed || started;
  }
  if (plan.stopSandbox && !stopping()) {
    const observe::ObservedPod pod = have();
    for (const observe::ObservedSandbox& sandbox : pod.sandboxes) {
      if (!sandbox.ready) continue;
      Result<void> stopped = co_await context_.runtime.stopPodSandbox(sandbox.id);
      if (!stopped) co_return progressed;
      context_.observer.ownSandboxStopped(uid(), sandbox.id);
      progressed = true;
    }
  }
  for (const std::string& id : plan.removeSandboxes) {
    if (stopping()) co_return false;
    const bool removed = co_await stopper_.removeSandbox(id);
    progressed = progressed || removed;
  }
  co_return progressed;
}

// False when something could not be stopped or removed: a start relies on it, so the rest of the plan is left.
Task<bool> PodWorker::stopForPlan(plan::PodPlan plan) {
  if (plan.killPod) {
    log::info("stopping the pod's containers and sandboxes", {{"pod", state_.ref()}, {"reason", plan.killReason}});
    if (plan.createSandbox && plan.sandboxAttempt > 0)
      context_.events.normal(events::podRef(state_.pod), "SandboxChanged",
                             "Pod sandbox changed, it will be killed and re-created.");
    const Duration own = plan::terminationGrace(&state_.pod, have());
    const Duration grace = std::min(own, failedGrace_.value_or(own));
    co_await stopper_.stopAll(context_.clock.now() + grace);
  }
  if (plan.startOver) {
    log::info("all containers of the pod start over",
              {{"pod", state_.ref()}, {"because", plan.startOver->because + " has ended"}});
    plan::noteStartOver(state_.memory, state_.pod, *plan.startOver);
  }
  for (const plan::KillContainer& kill : plan.kill) {
    const bool stopped = co_await stopper_.stopOne(kill);
    if (!stopped) co_return false;
  }
  for (const std::string& id : plan.prune) {
    const bool removed = co_await stopper_.removeContainer(id, plan.startOver.has_value());
    if (!removed) co_return false;
  }
  co_return true;
}

Task<void> PodWorker::terminate() {
  giveUp_.cancel();
  co_await calls_.drain();
  co_await postStarts_.drain();
  if (state_.objectKnown) publish(false);  // that it is being stopped, whatever the runtime does
  while (!context_.observer.synced()) co_await wake_.wait();
  if (state_.objectKnown) {
    adopt();
    publish(false);
  }
  log::info("stopping the pod", {{"pod", state_.ref()}, {"uid", uid()}});
  const WallTime deadline =
      termination_.begin(plan::terminationGrace(state_.objectKnown ? &state_.pod : nullptr, have()));
  const TimePoint began = context_.clock.now();
  co_await stopper_.stopAndRemove(steady(deadline));
  context_.milestones.worked("kill", context_.clock.now() - began);
  termination_.end();
  if (context_.objects != nullptr) context_.objects->release(uid());
  devices_.release();
  if (state_.objectKnown) publish(true);
  log::info("the pod is gone", {{"pod", state_.ref()}, {"uid", uid()}});
  callbacks_.finished(*this);
}

void PodWorker::applyUpdate() {
  if (!pendingUpdate_) return;
  resizer_.applyGrant();
  for (auto& [name, image] : state_.images) {
    const std::optional<core::Container> before = containerNamed(state_.pod, name);
    const std::optional<core::Container> after = containerNamed(*pendingUpdate_, name);
    const bool same = before && after && before->image() == after->image();
    if (!same && !image.pulling) image = ImageState();
  }
  state_.pod = resizer_.received(std::move(*std::exchange(pendingUpdate_, std::nullopt)));
  upkeep_.filesChanged();
  if (context_.objects != nullptr) context_.objects->use(state_.pod);
  volumes_.forget();
}

// What an earlier run of the agent has left: how old the pod is, and how often its containers have run.
void PodWorker::adopt() {
  if (adoption_.adopted()) return;
  const PodAdoption::Found found = adoption_.adopt();
  upkeep_.adopted(found.isUp);
  if (found.since >= startTime_) return;
  startTime_ = found.since;
  status_.clear_starttime();
}

Task<void> PodWorker::moveIntoCgroup() {
  const bool outside = co_await adoption_.runsOutsideItsCgroup();
  if (!outside || stopping()) co_return;
  log::notice("the pod runs outside of its cgroup and is started again in it", {{"pod", state_.ref()}});
  const Duration grace = plan::terminationGrace(&state_.pod, have());
  co_await stopper_.stopAll(context_.clock.now() + grace);
}

// Nothing while it does not matter: without the field, and once the pod has come to an end anyway.
std::optional<WallTime> PodWorker::activeDeadline() const {
  if (failedBy_ || status::isTerminalPhase(status_.phase())) return std::nullopt;
  const WallTime start =
      status_.has_starttime() ? WallTime(std::chrono::seconds(status_.starttime().seconds())) : startTime_;
  return plan::activeDeadline(state_.pod, start);
}

void PodWorker::failWhenOverdue() {
  const std::optional<WallTime> due = activeDeadline();
  if (!due || *due > context_.clock.wallNow()) return;
  failedBy_ = status::FailedBy{"DeadlineExceeded", "Pod was active on the node longer than the specified deadline"};
  context_.events.normal(events::podRef(state_.pod), failedBy_->reason, failedBy_->message);
}

void PodWorker::announceBackoff() {
  for (const plan::BackingOff& waiting : plan_.backingOff) {
    WallTime& announced = announcedBackoff_[waiting.name];
    if (announced == waiting.until) continue;
    announced = waiting.until;
    context_.events.warning(
        events::containerRef(state_.pod, waiting.name), "BackOff",
        "Back-off restarting failed container " + waiting.name + " in pod " + api::podFullName(state_.pod));
  }
}

void PodWorker::publish(bool terminated) {
  // Without a picture of the runtime, what was told last is worth more than what would be computed now.
  const bool synced = context_.observer.synced();
  if (!synced && !status_.phase().empty()) return;
  status::StatusInputs inputs;
  inputs.now = context_.clock.wallNow();
  inputs.startTime = startTime_;
  inputs.nodeIps = context_.node.hostIps;
  inputs.previous = &status_;
  inputs.backingOff = plan_.backingOff;
  inputs.startsOver = plan_.startOver.has_value();
  inputs.terminating = stopping();
  inputs.terminated = terminated;
  inputs.failed = failedBy_;
  inputs.resizePending = resizer_.pending();
  inputs.resizeInProgress = resizer_.inProgress();
  inputs.runtimeName = context_.runtimeName;
  inputs.waitingVolumes = waitingText(state_);
  inputs.runtimeMakesRecursiveReadOnly = state_.handler && state_.handler->recursiveReadOnlyMounts;
  observe::ObservedPod pod = have();
  const core::PodSpec& spec = state_.pod.spec();
  const int containers = spec.containers_size() + spec.initcontainers_size() + spec.ephemeralcontainers_size();
  messages_.addTo(pod, static_cast<std::size_t>(containers));
  const bool mayRun = std::any_of(pod.containers.begin(), pod.containers.end(), [](const auto& container) {
    return container.state == observe::ContainerState::kRunning || container.state == observe::ContainerState::kUnknown;
  });
  core::PodStatus computed = status::computeStatus(state_.pod, pod, state_.memory, inputs);
  if (context_.devices != nullptr && context_.tellsDeviceHealth)
    devices::addHealth(uid(), context_.devices->allocations(), context_.devices->inventory(), computed);
  computed = status::holdBackTerminalPhase(std::move(computed), status_, mayRun);
  terminated_ = terminated;
  const bool same = google::protobuf::util::MessageDifferencer::Equals(computed, status_);
  status_ = std::move(computed);
  if (synced) probes_.sync();
  if (!decided_ && !stopping()) return;
  if (synced && (terminated || !same || !std::exchange(told_, true))) callbacks_.statusChanged(*this);
}

TimePoint PodWorker::steady(WallTime when) const {
  const WallTime now = context_.clock.wallNow();
  if (when <= now) return context_.clock.now();
  return context_.clock.now() + std::chrono::duration_cast<Duration>(when - now);
}

observe::ObservedPod PodWorker::have() const {
  if (const observe::ObservedPod* pod = context_.observer.find(uid())) return *pod;
  observe::ObservedPod none;
  none.uid = uid();
  none.name = state_.pod.metadata().name();
  none.ns = state_.pod.metadata().namespace_();
  return none;
}

}  // namespace cubelet::sync
