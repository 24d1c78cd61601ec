#include "kubelet/sync/sync_loop.h"

#include <algorithm>

#include "base/log.h"
#include "kubelet/objects/pod_references.h"
#include "kubelet/plan/dead_containers.h"
#include "kubelet/plan/termination.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/sync/left_on_disk.h"

namespace cubelet::sync {
namespace {

std::string fullNameOf(const core::Pod& pod) {
  return pod.metadata().namespace_() + "/" + pod.metadata().name();
}

core::Pod onlyIdentity(const std::string& uid, const std::string& name, const std::string& ns) {
  core::Pod pod;
  pod.mutable_metadata()->set_uid(uid);
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_namespace_(ns);
  return pod;
}

bool anyRuns(const observe::ObservedPod& pod) {
  return std::ranges::any_of(
      pod.containers, [](const auto& container) { return container.state == observe::ContainerState::kRunning; });
}

bool isOfFile(const observe::ObservedPod& pod) {
  return std::ranges::any_of(
      pod.sandboxes, [](const auto& sandbox) { return !sandbox.podSource.empty() && sandbox.podSource != kApiSource; });
}

Task<void> closeImages(std::unique_ptr<SuccessorImages> images) {
  co_await images->close();
}

void addImages(const core::Pod& pod, std::set<std::string>& names) {
  const core::PodSpec& spec = pod.spec();
  for (const core::Container& container : spec.containers()) names.insert(container.image());
  for (const core::Container& container : spec.initcontainers()) names.insert(container.image());
  for (const core::EphemeralContainer& container : spec.ephemeralcontainers())
    names.insert(container.ephemeralcontainercommon().image());
  for (const core::Volume& volume : spec.volumes())
    if (volume.volumesource().has_image()) names.insert(volume.volumesource().image().reference());
}

}  // namespace

SyncLoop::SyncLoop(Context& context, const TerminationRecords& records, Listener listener)
    : context_(context),
      records_(records),
      listener_(std::move(listener)),
      admitter_(context, {.workers = [this] { return wantedWorkers(); },
                          .mayStart = [this](const PodWorker& worker) { return mayStart(worker); }}),
      reaping_(context.loop) {
  for (TerminationRecord& record : records_.load()) resumed_.insert_or_assign(record.uid, record);
}

void SyncLoop::expectSource(std::string source) {
  sources_.push_back(std::move(source));
}

bool SyncLoop::allSourcesReported() const {
  return std::all_of(sources_.begin(), sources_.end(), [&](const auto& source) { return bySource_.contains(source); });
}

void SyncLoop::setPods(const std::string& source, std::vector<PodPtr> pods) {
  bySource_[source] = std::move(pods);
  reconcile();
}

void SyncLoop::setPods(const std::string& source, std::vector<core::Pod> pods) {
  std::vector<PodPtr> shared;
  shared.reserve(pods.size());
  for (core::Pod& pod : pods) shared.push_back(std::make_shared<const core::Pod>(std::move(pod)));
  setPods(source, std::move(shared));
}

// One pod for each name; the source that was named first wins.
std::map<std::string, SyncLoop::PodPtr> SyncLoop::wanted() {
  std::map<std::string, PodPtr> wanted;
  std::set<std::string> refused;
  for (const std::string& source : sources_) {
    auto pods = bySource_.find(source);
    if (pods == bySource_.end()) continue;
    for (const PodPtr& pod : pods->second) {
      const auto [first, isNew] = wanted.try_emplace(fullNameOf(*pod), pod);
      if (isNew || first->second == pod) continue;
      const std::string loser = source + " " + fullNameOf(*pod) + " " + pod->metadata().uid();
      refused.insert(loser);
      if (refused_.contains(loser)) continue;
      const bool sameSource = std::ranges::find(pods->second, first->second) != pods->second.end();
      context_.events.warning(
          events::podRef(*pod), "FailedValidation",
          sameSource ? "a pod of this name comes from " + source + " already, this one is not run"
                     : "a pod of this name comes from another source already, the one from " + source + " is not run");
    }
  }
  refused_ = std::move(refused);
  return wanted;
}

void SyncLoop::reconcile() {
  const std::map<std::string, PodPtr> wanted = this->wanted();
  forgetEnded(wanted);
  for (auto& [fullName, slot] : slots_) {
    if (wanted.contains(fullName)) continue;
    slot.next.reset();
    dropSuccessor(slot);
    slot.worker->stop();
  }
  for (const auto& [fullName, pod] : wanted)
    if (!ended_.contains(pod->metadata().uid())) want(fullName, pod);
  terminateStrays();
  listener_.setChanged();
  listener_.changed();
}

void SyncLoop::forgetEnded(const std::map<std::string, PodPtr>& wanted) {
  if (ended_.empty()) return;
  std::set<std::string> stillThere;
  for (const auto& [fullName, pod] : wanted)
    if (ended_.contains(pod->metadata().uid())) stillThere.insert(pod->metadata().uid());
  ended_ = std::move(stillThere);
}

void SyncLoop::want(const std::string& fullName, const PodPtr& pod) {
  Slot& slot = slots_[fullName];
  if (!slot.worker) {
    startWorker(slot, pod);
    return;
  }
  PodWorker& worker = *slot.worker;
  const bool same = worker.uid() == pod->metadata().uid();
  if (same && !status::isStaticPod(*pod) && worker.objectKnown()) {
    forgetNext(slot);
    if (slot.given == pod) return;
    slot.given = pod;
    admitter_.updated(worker, *pod);
    worker.update(*pod);
    stopDeleted(worker, *pod);
    return;
  }
  if (same && !worker.stopping()) {
    forgetNext(slot);
    if (slot.given != pod) {
      admitter_.updated(worker, *pod);
      worker.update(*pod);
    }
    slot.given = pod;
    return;
  }
  replace(fullName, slot, pod);
}

// Another identity, or the same one come back while it winds down: one after the other, and only the latest (STA-12).
void SyncLoop::replace(const std::string& fullName, Slot& slot, const PodPtr& pod) {
  PodWorker& worker = *slot.worker;
  const observe::ObservedPod* running = context_.observer.find(worker.uid());
  const bool goesOn = !worker.stopping() && status::isStaticPod(worker.pod()) && status::isStaticPod(*pod) &&
                      running != nullptr && anyRuns(*running);
  if (!goesOn) {
    forgetNext(slot);
    slot.next = pod;
    worker.stop();
    return;
  }
  slot.next = pod;
  expectImages(fullName, slot, *pod);
}

void SyncLoop::expectImages(const std::string& fullName, Slot& slot, const core::Pod& pod) {
  if (slot.successor && slot.successor->uid() == pod.metadata().uid()) return;
  dropSuccessor(slot);
  slot.successor = std::make_unique<SuccessorImages>(context_, pod, [this, fullName] { imagesArrived(fullName); });
}

void SyncLoop::imagesArrived(const std::string& fullName) {
  const auto slot = slots_.find(fullName);
  if (slot == slots_.end()) return;
  if (slot->second.next) slot->second.worker->stop();
  terminateStrays();
}

// The old version of a static pod that was edited while the agent was away, or before it was killed.
bool SyncLoop::waitsForSuccessor(const observe::ObservedPod& stray) {
  const auto found = slots_.find(stray.ns + "/" + stray.name);
  if (found == slots_.end() || !anyRuns(stray) || resumed_.contains(stray.uid)) return false;
  Slot& slot = found->second;
  const PodPtr successor = slot.next ? slot.next : slot.worker->stopping() ? nullptr : slot.given;
  if (!successor || !status::isStaticPod(*successor) || !isOfFile(stray)) return false;
  expectImages(found->first, slot, *successor);
  return !slot.successor->arrived();
}

void SyncLoop::forgetNext(Slot& slot) {
  if (std::exchange(slot.next, nullptr)) dropSuccessor(slot);
}

void SyncLoop::dropSuccessor(Slot& slot) {
  if (slot.successor) reaping_.spawn("images that are no longer waited for", closeImages(std::move(slot.successor)));
}

// The grace of a deletion counts from the moment that we hear of it: the server's clock may be another one.
void SyncLoop::stopDeleted(PodWorker& worker, const core::Pod& pod) {
  if (!pod.metadata().has_deletiontimestamp()) return;
  const Duration grace = plan::terminationGrace(&pod, observe::ObservedPod());
  worker.stop(context_.clock.wallNow() + std::chrono::duration_cast<WallTime::duration>(grace));
}

void SyncLoop::startWorker(Slot& slot, PodPtr pod) {
  if (auto stray = strays_.find(pod->metadata().uid()); stray != strays_.end()) {
    // Wanted again while it is being stopped: one worker per UID.
    slot.worker = std::move(stray->second);
    slot.next = std::move(pod);
    strays_.erase(stray);
    return;
  }
  slot.worker = makeWorker(*pod, true);
  slot.given = pod;
  PodWorker& worker = *slot.worker;
  if (auto begun = resumed_.find(worker.uid()); begun != resumed_.end()) {
    // Its termination had begun before the agent restarted: finish that first, then start it afresh.
    if (status::isStaticPod(*pod)) slot.next = pod;
    worker.notePreStopsEnded(begun->second.preStopsEnded);
    worker.stop(begun->second.deadline);
    resumed_.erase(begun);
  }
  if (pod->metadata().has_deletiontimestamp()) admitter_.foundDeleted(worker, *pod);
  stopDeleted(worker, *pod);
  worker.start();
}

std::unique_ptr<PodWorker> SyncLoop::makeWorker(core::Pod pod, bool objectKnown) {
  PodWorker::Callbacks callbacks;
  callbacks.mayStart = [this](const PodWorker& worker) { return mayStart(worker); };
  callbacks.askIn = [this] { admitter_.decide(); };
  callbacks.askResize = [this] { admitter_.decideResizes(); };
  callbacks.finished = [this](PodWorker& worker) { finished(worker); };
  callbacks.volumesReleased = [this] { listener_.changed(); };
  callbacks.statusChanged = [this](const PodWorker& worker) {
    listener_.statusChanged(worker);
    listener_.changed();
    admitter_.statusChanged(worker);
  };
  auto worker = std::make_unique<PodWorker>(context_, records_, std::move(pod), objectKnown, std::move(callbacks));
  byUid_[worker->uid()] = worker.get();
  return worker;
}

void SyncLoop::terminateStrays() {
  if (!context_.observer.synced()) return;
  for (const std::string& uid : context_.observer.uids()) {
    if (byUid_.contains(uid)) continue;
    const observe::ObservedPod* found = context_.observer.find(uid);
    if (mayBeWanted(*found) || waitsForSuccessor(*found)) continue;
    log::notice("nobody wants this pod of the runtime, stopping it",
                {{"pod", found->ns + "/" + found->name}, {"uid", uid}});
    std::optional<WallTime> deadline;
    std::vector<std::string> preStopsEnded;
    if (auto begun = resumed_.find(uid); begun != resumed_.end()) {
      deadline = begun->second.deadline;
      preStopsEnded = begun->second.preStopsEnded;
    }
    terminate(onlyIdentity(found->uid, found->name, found->ns), deadline, std::move(preStopsEnded));
  }
  if (!allSourcesReported()) return;
  // What an earlier run had begun to terminate and the runtime no longer has is done.
  for (const auto& [uid, record] : resumed_)
    if (!byUid_.contains(uid))
      if (Result<void> removed = records_.remove(uid); !removed)
        log::warning("cannot remove a termination record", {{"uid", uid}, {"error", removed.error().message}});
  resumed_.clear();
  if (!std::exchange(sweptAtStart_, true)) {
    sweepDisk();
    removeOrphanCgroups();
    listener_.podsKnown();
  }
}

void SyncLoop::terminate(core::Pod identity, std::optional<WallTime> deadline, std::vector<std::string> preStopsEnded) {
  std::unique_ptr<PodWorker> worker = makeWorker(std::move(identity), false);
  worker->notePreStopsEnded(preStopsEnded);
  worker->stop(deadline);
  worker->start();
  const std::string uid = worker->uid();
  strays_[uid] = std::move(worker);
}

// Directories and links without a pod: of one that had them before it had anything in the runtime, or whose last step
// was cut off. They go the way of all pods, through a worker: one that is wanted again meanwhile waits for its end, and
// nothing behind a mount is removed.
void SyncLoop::sweepDisk() {
  if (!context_.observer.synced() || !allSourcesReported()) return;
  const std::map<std::string, LeftPod> onDisk = podsOnDisk(context_.node.dirs);
  std::erase_if(swept_, [&](const std::string& uid) { return !onDisk.contains(uid); });
  for (const auto& [uid, left] : onDisk) {
    if (isKnown(uid) || !swept_.insert(uid).second) continue;
    log::notice("removing what a pod has left on disk",
                {{"pod", left.name.empty() ? "unknown" : left.ns + "/" + left.name}, {"uid", uid}});
    terminate(onlyIdentity(uid, left.name, left.ns), context_.clock.wallNow());
  }
  std::set<std::string> running;
  for (const std::string& uid : context_.observer.uids())
    for (const observe::ObservedContainer& container : context_.observer.find(uid)->containers)
      if (container.state != observe::ContainerState::kExited) running.insert(container.id);
  removeDanglingLinks(context_.node.dirs, running);
}

// Wanted, waiting for its turn, winding down, or in the runtime.
bool SyncLoop::isKnown(const std::string& uid) const {
  if (byUid_.contains(uid) || context_.observer.find(uid) != nullptr) return true;
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const auto& slot) { return slot.second.next && slot.second.next->metadata().uid() == uid; });
}

void SyncLoop::enforceNodeLimit() {
  if (!context_.maximumDeadContainers || !context_.observer.synced()) return;
  auto beyond = deadBeyond(*context_.maximumDeadContainers);
  forEachWorker([&](PodWorker& worker) { worker.removeDead(std::move(beyond[worker.uid()])); });
}

bool SyncLoop::removeAllDead() {
  if (!context_.observer.synced()) return false;
  auto beyond = deadBeyond(0);
  if (beyond.empty()) return false;
  forEachWorker([&](PodWorker& worker) { worker.removeDead(std::move(beyond[worker.uid()])); });
  return true;
}

std::map<std::string, std::set<std::string>> SyncLoop::deadBeyond(std::size_t most) const {
  std::vector<const observe::ObservedPod*> pods;
  for (const std::string& uid : context_.observer.uids()) pods.push_back(context_.observer.find(uid));
  return plan::beyondNodeLimit(pods, most);
}

// Once: later ones are the business of each worker. All pods that run have a worker by now.
void SyncLoop::removeOrphanCgroups() {
  reaping_.spawn("left-over cgroups",
                 context_.cgroups.removeOrphans([this](const std::string& uid) { return isKnown(uid); }));
}

// A source tells of all its pods at once: what one has reported without, nobody else will ask for. So the predecessor
// of a static pod that was edited while the agent was away does not wait for an API server that is away, too (REC-5).
bool SyncLoop::mayBeWanted(const observe::ObservedPod& stray) const {
  if (allSourcesReported()) return false;
  const auto known =
      std::ranges::find_if(stray.sandboxes, [](const auto& sandbox) { return !sandbox.podSource.empty(); });
  return known == stray.sandboxes.end() || !bySource_.contains(known->podSource);
}

// A pod whose name is still in use in the runtime, under another UID, waits until that one is gone.
bool SyncLoop::mayStart(const PodWorker& worker) const {
  for (const std::string& uid : context_.observer.uids()) {
    if (uid == worker.uid()) continue;
    const observe::ObservedPod* other = context_.observer.find(uid);
    if (other->name == worker.pod().metadata().name() && other->ns == worker.pod().metadata().namespace_())
      return false;
  }
  return true;
}

std::vector<PodWorker*> SyncLoop::wantedWorkers() const {
  std::vector<PodWorker*> workers;
  workers.reserve(slots_.size());
  for (const auto& [fullName, slot] : slots_) workers.push_back(slot.worker.get());
  return workers;
}

void SyncLoop::podChanged(const std::string& uid) {
  auto worker = byUid_.find(uid);
  if (worker != byUid_.end())
    worker->second->ring();
  else
    terminateStrays();
  enforceNodeLimit();
}

template <class Fn>
void SyncLoop::forEachWorker(Fn fn) {
  for (auto& [fullName, slot] : slots_) fn(*slot.worker);
  for (auto& [uid, worker] : strays_) fn(*worker);
}

void SyncLoop::tellAll() {
  if (!context_.observer.synced()) return;  // it is told as soon as it is known
  for (const auto& [fullName, slot] : slots_)
    if (slot.worker->decided() || slot.worker->stopping()) listener_.statusChanged(*slot.worker);
}

void SyncLoop::runtimeSynced() {
  terminateStrays();
  forEachWorker([](PodWorker& worker) { worker.runtimeSynced(); });
}

void SyncLoop::runtimeLost() {
  listener_.changed();
}

void SyncLoop::objectChanged(const std::string& ns, const std::string& name) {
  forEachWorker([&](PodWorker& worker) {
    if (objects::refersTo(worker.pod(), ns, name)) worker.objectChanged();
  });
}

void SyncLoop::retryVolumes() {
  forEachWorker([](PodWorker& worker) { worker.retryVolumes(); });
}

void SyncLoop::devicesChanged() {
  admitter_.devicesChanged();
  forEachWorker([](PodWorker& worker) { worker.devicesChanged(); });
}

void SyncLoop::finished(PodWorker& worker) {
  reaping_.spawn("reap " + worker.fullName(), reap(&worker));
}

// The worker's own coroutine has called finished(); it must have ended before the worker is destroyed.
Task<void> SyncLoop::reap(PodWorker* worker) {
  co_await worker->close();
  if (!closing_) reaped(worker);
}

void SyncLoop::reaped(PodWorker* worker) {
  const std::string fullName = worker->fullName();
  byUid_.erase(worker->uid());
  admitter_.forget(worker->uid());
  // Not by its name: one that was found on disk may not know it.
  auto slot =
      std::find_if(slots_.begin(), slots_.end(), [&](const auto& s) { return s.second.worker.get() == worker; });
  if (slot != slots_.end()) {
    if (worker->objectKnown() && !status::isStaticPod(worker->pod())) ended_.insert(worker->uid());
    PodPtr next = std::exchange(slot->second.next, nullptr);
    dropSuccessor(slot->second);
    slot->second.worker.reset();
    if (next) {
      startWorker(slot->second, std::move(next));
      terminateStrays();
    } else {
      slots_.erase(slot);
    }
  } else {
    strays_.erase(worker->uid());
    if (auto waiting = slots_.find(fullName); waiting != slots_.end()) {
      if (!waiting->second.next) dropSuccessor(waiting->second);
      waiting->second.worker->ring();
    }
  }
  sweepDisk();
  listener_.setChanged();
  listener_.changed();
}

std::vector<core::Pod> SyncLoop::activePods() const {
  std::vector<core::Pod> pods;
  if (!context_.observer.synced()) return pods;
  for (const auto& [fullName, slot] : slots_)
    if (isActive(*slot.worker)) pods.push_back(slot.worker->pod());
  return pods;
}

bool SyncLoop::isActive(const PodWorker& worker) {
  return worker.decided() && !worker.stopping() && !worker.failedBy() &&
         !status::isTerminalPhase(worker.status().phase());
}

void SyncLoop::evict(const std::string& uid, status::FailedBy why, Duration grace,
                     const std::map<std::string, std::string>& annotations) {
  const auto worker = byUid_.find(uid);
  if (worker == byUid_.end() || !isActive(*worker->second)) return;
  context_.events.warning(events::podRef(worker->second->pod()), why.reason, why.message, annotations);
  worker->second->fail(std::move(why), grace);
}

bool SyncLoop::isEnding(const std::string& uid) const {
  const auto worker = byUid_.find(uid);
  if (worker == byUid_.end()) return false;
  return worker->second->stopping() || !status::isTerminalPhase(worker->second->status().phase());
}

std::vector<core::Pod> SyncLoop::unendedPods() const {
  std::vector<core::Pod> pods;
  for (const auto& [fullName, slot] : slots_)
    if (slot.worker->decided() && isEnding(slot.worker->uid())) pods.push_back(slot.worker->pod());
  return pods;
}

void SyncLoop::shutDown(const std::string& uid, status::FailedBy why, Duration grace) {
  const auto worker = byUid_.find(uid);
  if (worker == byUid_.end()) return;
  if (isActive(*worker->second)) return worker->second->fail(std::move(why), grace);
  if (worker->second->stopping())
    worker->second->stop(context_.clock.wallNow() + std::chrono::duration_cast<WallTime::duration>(grace));
}

bool SyncLoop::hasLetGo(const std::string& uid) const {
  const auto worker = byUid_.find(uid);
  return worker == byUid_.end() || (!isEnding(uid) && worker->second->volumesReleased());
}

Task<void> SyncLoop::close() {
  closing_ = true;
  std::vector<Task<void>> closing;
  forEachWorker([&](PodWorker& worker) { closing.push_back(worker.close()); });
  for (auto& [fullName, slot] : slots_)
    if (slot.successor) closing.push_back(slot.successor->close());
  co_await runAll(context_.loop, "close pod worker", std::move(closing));
  co_await admitter_.close();
  co_await reaping_.close();
}

std::vector<core::Pod> SyncLoop::pods() const {
  std::vector<core::Pod> pods;
  pods.reserve(slots_.size());
  for (const auto& [fullName, slot] : slots_) pods.push_back(slot.worker->view());
  return pods;
}

std::optional<std::vector<SyncLoop::PodPtr>> SyncLoop::staticPods() const {
  for (const std::string& source : sources_)
    if (source != kApiSource && !bySource_.contains(source)) return std::nullopt;
  std::vector<PodPtr> pods;
  for (const auto& [fullName, slot] : slots_)
    for (const PodPtr& pod : {slot.given, slot.next})
      if (pod && status::isStaticPod(*pod)) pods.push_back(pod);
  return pods;
}

std::optional<std::set<std::string>> SyncLoop::uids() const {
  if (!sweptAtStart_) return std::nullopt;
  std::set<std::string> uids;
  for (const auto& [uid, worker] : byUid_) uids.insert(uid);
  for (const auto& [fullName, slot] : slots_)
    if (slot.next) uids.insert(slot.next->metadata().uid());
  return uids;
}

std::optional<std::set<std::string>> SyncLoop::imageNames() const {
  if (!allSourcesReported()) return std::nullopt;
  std::set<std::string> names;
  for (const auto& [fullName, slot] : slots_) {
    if (slot.worker) addImages(slot.worker->pod(), names);
    if (slot.given) addImages(*slot.given, names);
    if (slot.next) addImages(*slot.next, names);
  }
  return names;
}

const PodWorker* SyncLoop::find(const std::string& fullName) const {
  auto slot = slots_.find(fullName);
  return slot == slots_.end() ? nullptr : slot->second.worker.get();
}

}  // namespace cubelet::sync
