#include "kubelet/sync/pod_admitter.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "kubelet/status/pod_status.h"

namespace cubelet::sync {
namespace {

constexpr char kPreempted[] = "Preempted in order to admit critical pod";

// RSZ-3.
constexpr Duration kFirstResizeRetry = std::chrono::seconds(30);
constexpr Duration kResizeRetry = std::chrono::minutes(3);

bool hasEnded(const PodWorker& worker) {
  return worker.failedBy() || (!worker.stopping() && status::isTerminalPhase(worker.status().phase()));
}

}  // namespace

PodAdmitter::PodAdmitter(Context& context, Hooks hooks)
    : context_(context), hooks_(std::move(hooks)), tasks_(context.loop) {}

void PodAdmitter::decide() {
  if (!context_.observer.synced()) return;
  std::vector<PodWorker*> waiting = hooks_.workers();
  std::erase_if(waiting, [&](const PodWorker* worker) {
    return worker->decided() || worker->stopping() || !hooks_.mayStart(*worker);
  });
  auto claim = [&](const PodWorker* worker) {
    return std::tuple(!runsAlready(*worker), worker->pod().metadata().creationtimestamp().seconds(),
                      worker->fullName());
  };
  std::ranges::sort(waiting, [&](const auto* one, const auto* other) { return claim(one) < claim(other); });
  for (PodWorker* worker : waiting)
    if (!worker->decided()) decideOn(*worker);  // what is decided on one may be heard of, and decide on another
}

void PodAdmitter::decideOn(PodWorker& worker) {
  if (context_.admissionNode == nullptr) return worker.admit();
  if (reserving_.contains(worker.uid())) return;
  if (devicesAwaited_.contains(worker.uid())) return takeIn(worker);
  if (roomAwaited_.contains(worker.uid())) {
    if (roomIsMade(worker.uid())) takeIn(worker);
    return;
  }
  const admission::NodeView& node = *context_.admissionNode;
  admission::PodClaims claims = admission::claimsOf(worker.pod());
  // What ran before the agent started is no newcomer: if something has to go, eviction says who, or the shutdown.
  if (!runsAlready(worker)) {
    std::optional<admission::Rejection> refused = admission::refusedByShutdown(node);
    if (!refused) refused = admission::refusedUnderPressure(worker.pod(), claims, node);
    if (refused) return reject(worker, std::move(*refused));
  }
  admission::Decision decision = admission::admit(worker.pod(), claims, others(), node);
  if (looksAgain(worker, decision)) return;
  // As long as the API server has not shown our labels, they speak against nothing that runs.
  const bool mayBeMistaken = decision.onlyLabels && !node.fromServer && runsAlready(worker);
  if (decision.rejection && !mayBeMistaken) return reject(worker, std::move(*decision.rejection));

  admitted_[worker.uid()] = {&worker, std::move(claims), false};
  if (decision.victims.empty()) return takeIn(worker);
  roomAwaited_[worker.uid()] = {decision.victims.begin(), decision.victims.end()};
  for (const std::string& victim : decision.victims) preempt(victim, worker);
  if (roomAwaited_.contains(worker.uid()) && roomIsMade(worker.uid())) takeIn(worker);
}

// All is decided but which devices it gets (SRV-14).
void PodAdmitter::takeIn(PodWorker& worker) {
  if (context_.devices == nullptr) return worker.admit();
  const observe::ObservedPod* have = context_.observer.find(worker.uid());
  const bool isUp = have != nullptr && std::ranges::any_of(have->sandboxes, &observe::ObservedSandbox::ready);
  if (!isUp) context_.devices->askAgain(worker.uid());
  // What runs without devices that anybody knows of goes on; its next containers get some.
  if (isUp || !context_.devices->isLacking(worker.pod())) return worker.admit();
  reserving_.insert(worker.uid());
  tasks_.spawn("devices for " + worker.fullName(), reserveDevices(worker.uid()));
}

Task<void> PodAdmitter::reserveDevices(std::string uid) {
  Result<void> reserved;
  if (const auto begun = admitted_.find(uid); begun != admitted_.end()) {
    core::Pod pod = begun->second.worker->pod();
    reserved = co_await context_.devices->reserve(std::move(pod));
  }
  reserving_.erase(uid);
  const auto found = admitted_.find(uid);
  // It may have come to an end meanwhile, and was asked then for what it did not have yet.
  if (found == admitted_.end() || found->second.worker->stopping() || hasEnded(*found->second.worker)) {
    context_.devices->release(uid);
    decide();  // the pod may have come again meanwhile
    co_return;
  }
  PodWorker& worker = *found->second.worker;
  if (!reserved && devicesMayGetFree(uid)) {
    devicesAwaited_.insert(uid);
    co_return;
  }
  devicesAwaited_.erase(uid);
  if (reserved) co_return worker.admit();
  reject(worker, {.reason = "UnexpectedAdmissionError",
                  .message = "Allocate failed due to " + reserved.error().message + ", which is unexpected"});
}

bool PodAdmitter::devicesMayGetFree(const std::string& uid) const {
  return std::ranges::any_of(context_.devices->allocations(), [&](const auto& one) {
    if (one.first.pod == uid) return false;
    const auto holder = admitted_.find(one.first.pod);
    return holder == admitted_.end() || holder->second.worker->stopping() || hasEnded(*holder->second.worker);
  });
}

void PodAdmitter::devicesChanged() {
  if (!devicesAwaited_.empty()) decide();
}

bool PodAdmitter::roomIsMade(const std::string& uid) {
  const bool waits = std::ranges::any_of(roomAwaited_.at(uid), [&](const std::string& victim) {
    const auto found = admitted_.find(victim);
    return found != admitted_.end() && !status::isTerminalPhase(found->second.worker->status().phase());
  });
  if (!waits) roomAwaited_.erase(uid);
  return !waits;
}

// The scheduler may know of labels that our own copy of the Node does not have yet (ADM-3).
bool PodAdmitter::looksAgain(const PodWorker& worker, const admission::Decision& decision) {
  if (!decision.onlyLabels || !context_.readNodeAgain) return false;
  const auto [entry, isFirst] = nodeReread_.try_emplace(worker.uid(), false);
  if (isFirst) tasks_.spawn("read the node again for " + worker.fullName(), readNodeAgain(worker.uid()));
  return !entry->second;
}

Task<void> PodAdmitter::readNodeAgain(std::string uid) {
  co_await context_.readNodeAgain();
  auto entry = nodeReread_.find(uid);
  if (entry == nodeReread_.end()) co_return;
  entry->second = true;
  decide();
}

void PodAdmitter::reject(PodWorker& worker, admission::Rejection rejection) {
  log::warning("the pod is rejected", {{"pod", worker.fullName()},
                                       {"uid", worker.uid()},
                                       {"reason", rejection.reason},
                                       {"message", rejection.message}});
  context_.events.warning(events::podRef(worker.pod()), rejection.reason, rejection.message);
  worker.fail({.reason = std::move(rejection.reason), .message = "Pod was rejected: " + rejection.message});
}

void PodAdmitter::preempt(const std::string& uid, const PodWorker& by) {
  PodWorker& victim = *admitted_.at(uid).worker;
  log::warning("the pod makes room for a critical one", {{"pod", victim.fullName()}, {"critical", by.fullName()}});
  context_.events.warning(events::podRef(victim.pod()), "Preempting", kPreempted);
  victim.fail({.reason = "Preempting", .message = kPreempted, .disruption = true});
}

bool PodAdmitter::runsAlready(const PodWorker& worker) const {
  const observe::ObservedPod* have = context_.observer.find(worker.uid());
  return have != nullptr && !have->empty();
}

// One after the other, for each grant changes what is left for the next.
void PodAdmitter::decideResizes() {
  if (decidingResizes_ || !context_.observer.synced()) return;  // what is decided on one may be heard of
  decidingResizes_ = true;
  std::vector<PodWorker*> waiting = hooks_.workers();
  std::erase_if(waiting, [](const PodWorker* worker) { return !worker->wantsResize(); });
  std::ranges::sort(waiting, [](const PodWorker* one, const PodWorker* other) {
    return resize::comesBefore(one->resizer().waiting(), other->resizer().waiting());
  });
  bool allGranted = true;
  for (PodWorker* worker : waiting) allGranted &= decideResize(*worker);
  decidingResizes_ = false;
  if (allGranted) {
    resizeRetry_.cancel();
    resizeRetried_ = false;
  } else if (!resizeRetry_) {
    retryResizesAfter(std::exchange(resizeRetried_, true) ? kResizeRetry : kFirstResizeRetry);
  }
}

void PodAdmitter::retryResizesAfter(Duration delay) {
  resizeRetry_ = context_.clock.after(delay, [this] {
    resizeRetry_.cancel();
    decideResizes();
  });
}

// False: it is put off.
bool PodAdmitter::decideResize(PodWorker& worker) {
  resize::Verdict verdict;
  if (context_.admissionNode != nullptr)
    verdict = worker.resizer().judge(others(worker.uid()), *context_.admissionNode);
  const resize::Outcome outcome = verdict.outcome;
  worker.heedResize(std::move(verdict));
  if (auto found = admitted_.find(worker.uid()); found != admitted_.end())
    found->second.claims = admission::claimsOf(worker.resizer().claimed(worker.pod()));
  return outcome != resize::Outcome::kDeferred;
}

// Not where we are: whoever calls may be in the middle of its own business.
void PodAdmitter::retryResizes() {
  if (resizeRetry_) retryResizesAfter(Duration::zero());
}

Task<void> PodAdmitter::close() {
  resizeRetry_.cancel();
  co_await tasks_.close();
}

std::vector<const admission::PodClaims*> PodAdmitter::others(const std::string& except) const {
  std::vector<const admission::PodClaims*> out;
  for (const auto& [uid, one] : admitted_) {
    if (uid == except) continue;
    // Its object is gone, what is left of it goes: nobody would count it who looks at the API.
    const bool leaves = one.worker->stopping() && !one.deleted;
    if (!leaves && !hasEnded(*one.worker)) out.push_back(&one.claims);
  }
  return out;
}

void PodAdmitter::updated(const PodWorker& worker, const core::Pod& pod) {
  auto found = admitted_.find(worker.uid());
  if (found == admitted_.end()) return;
  found->second.claims = admission::claimsOf(worker.resizer().claimed(pod));
  found->second.deleted = pod.metadata().has_deletiontimestamp();
}

void PodAdmitter::foundDeleted(PodWorker& worker, const core::Pod& pod) {
  admitted_[worker.uid()] = {&worker, admission::claimsOf(pod), true};
}

void PodAdmitter::statusChanged(const PodWorker& worker) {
  if (!roomAwaited_.empty()) decide();
  if (hasEnded(worker)) retryResizes();
}

void PodAdmitter::forget(const std::string& uid) {
  admitted_.erase(uid);
  roomAwaited_.erase(uid);
  devicesAwaited_.erase(uid);
  nodeReread_.erase(uid);
  retryResizes();
}

}  // namespace cubelet::sync
