#include "kubelet/cluster/status_publisher.h"

#include <algorithm>

#include "base/log.h"
#include "kubelet/cluster/mirror_rules.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/status/status_patch.h"

namespace cubelet::cluster {
namespace {

constexpr Duration kFirstRetry = std::chrono::milliseconds(200);
constexpr Duration kLastRetry = std::chrono::seconds(10);

bool isUsual(const core::ContainerState& state) {
  if (state.has_terminated()) return state.terminated().exitcode() == 0;
  const std::string& reason = state.waiting().reason();
  return reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing";
}

bool areUsual(const google::protobuf::RepeatedPtrField<core::ContainerStatus>& statuses) {
  return std::ranges::all_of(statuses, [](const core::ContainerStatus& status) {
    return status.restartcount() == 0 && isUsual(status.state());
  });
}

}  // namespace

bool isUsualStart(const core::PodStatus& status) {
  return status.phase() == "Pending" && areUsual(status.initcontainerstatuses()) &&
         areUsual(status.containerstatuses());
}

core::PodStatus withStoredTimes(core::PodStatus wanted, const core::PodStatus& stored) {
  if (stored.has_starttime()) *wanted.mutable_starttime() = stored.starttime();
  for (core::PodCondition& condition : *wanted.mutable_conditions()) {
    if (!status::isOwnCondition(condition.type())) continue;
    for (const core::PodCondition& before : stored.conditions())
      if (before.type() == condition.type() && before.status() == condition.status() && before.has_lasttransitiontime())
        *condition.mutable_lasttransitiontime() = before.lasttransitiontime();
  }
  return wanted;
}

StatusPublisher::StatusPublisher(Loop& loop, Clock& clock, apiserver::ApiClient& client, Options options)
    : clock_(clock), client_(client), options_(std::move(options)), tasks_(loop) {}

void StatusPublisher::statusChanged(const core::Pod& pod, bool over) {
  const Key key(pod.metadata().namespace_(), pod.metadata().name());
  std::unique_ptr<Entry>& entry = entries_[key];
  if (!entry)
    entry = std::make_unique<Entry>(
        clock_, Backoff::Options{.initial = kFirstRetry, .cap = kLastRetry, .jitter = 0.1, .random = options_.random});
  if (entry->uid != pod.metadata().uid()) entry->deleted = false;
  entry->uid = pod.metadata().uid();
  entry->isStatic = status::isStaticPod(pod);
  entry->wanted = pod.status();
  entry->over = over;
  poke(key);
}

void StatusPublisher::storedChanged(const std::string& ns, const std::string& name) {
  if (entries_.contains({ns, name})) poke({ns, name});
}

void StatusPublisher::allChanged() {
  for (const auto& [key, entry] : entries_) {
    entry->failures.reset();
    poke(key);
  }
}

void StatusPublisher::poke(const Key& key) {
  Entry& entry = *entries_.at(key);
  entry.wake.ring();
  if (std::exchange(entry.working, true)) return;
  tasks_.spawn("status of " + key.first + "/" + key.second, work(key));
}

// What changes together is written together.
Task<void> StatusPublisher::gather(Key key) {
  Entry& entry = *entries_.at(key);
  const TimePoint due = clock_.now() + options_.hold;
  bool changed = true;
  while (changed && !entry.over && isUsualStart(entry.wanted)) {
    entry.wake.clear();
    changed = co_await entry.wake.waitUntil(due);
  }
  co_await clock_.sleep(options_.gather);
}

// Until there is nothing left to write for now. Entries are only destroyed here, so the reference holds.
Task<void> StatusPublisher::work(Key key) {
  Entry& entry = *entries_.at(key);
  while (entry.wake.rung()) {
    co_await gather(key);
    entry.wake.clear();
    const Step step = co_await writeOnce(key);
    if (step == Step::kAgain) entry.wake.ring();
    if (step == Step::kForget && !entry.wake.rung()) {
      entries_.erase(key);
      co_return;
    }
    if (step == Step::kFailed) {
      const TimePoint again = clock_.now() + entry.failures.next();
      co_await entry.wake.waitUntil(again);
      entry.wake.ring();
    }
  }
  entry.working = false;
}

// The watch may lag behind the answer to our own write.
StatusPublisher::PodPtr StatusPublisher::newest(const Key& key, const Entry& entry) const {
  PodPtr stored = options_.stored(key.first, key.second);
  if (!stored || !entry.answer || stored->metadata().uid() != entry.answer->metadata().uid()) return stored;
  return isOlder(*stored, *entry.answer) ? entry.answer : stored;
}

Task<StatusPublisher::Step> StatusPublisher::writeOnce(Key key) {
  Entry& entry = *entries_.at(key);
  PodPtr stored = newest(key, entry);
  const bool mine =
      stored && (entry.isStatic ? mirroredHash(*stored) == entry.uid : stored->metadata().uid() == entry.uid);
  // Not seen yet (a mirror that is still to be made), gone, or somebody else's by now (SRC-10).
  if (!mine) co_return entry.over ? Step::kForget : Step::kSettled;
  const std::string uid = stored->metadata().uid();
  const core::PodStatus wanted = withStoredTimes(entry.wanted, stored->status());
  const std::string own = status::ownPart(wanted);
  std::optional<std::string> patch = status::statusPatch(uid, stored->status(), wanted);
  // What a server does not know it leaves out; that is no reason to write it again.
  const bool asWritten = entry.sentTo == uid && entry.sent == own && entry.kept == status::ownPart(stored->status());
  if (patch && !asWritten) {
    Result<core::Pod> answer =
        co_await client_.patch<core::Pod>(apiserver::kPods.object(key.first, key.second, "status"), std::move(*patch));
    if (!answer && answer.error().code == Code::kNotFound) co_return entry.over ? Step::kForget : Step::kSettled;
    if (!answer && answer.error().reason == "Conflict") co_return Step::kFailed;  // the watch will tell what is there
    if (!answer) {
      complain(key, "write the status", answer.error());
      co_return Step::kFailed;
    }
    ++writes_;
    entry.sent = own;
    entry.sentTo = uid;
    entry.kept = status::ownPart(answer->status());
    entry.answer = std::make_shared<const core::Pod>(std::move(*answer));
    stored = entry.answer;
  }
  entry.failures.reset();
  if (!entry.over || entry.wake.rung()) co_return Step::kSettled;
  if (entry.isStatic || entry.deleted || !stored->metadata().has_deletiontimestamp()) co_return Step::kSettled;
  const Step step = co_await removeObject(key, uid);
  co_return step;
}

// Grace 0: the program has ended, and so may the object.
Task<StatusPublisher::Step> StatusPublisher::removeObject(Key key, std::string uid) {
  Result<void> removed = co_await client_.remove(apiserver::kPods.object(key.first, key.second),
                                                 {.gracePeriodSeconds = 0, .uid = std::move(uid)});
  const bool gone = removed || removed.error().code == Code::kNotFound || removed.error().reason == "Conflict";
  if (!gone) {
    complain(key, "remove the object", removed.error());
    co_return Step::kFailed;
  }
  // A finalizer may hold it for long; the watch tells when it is gone.
  entries_.at(key)->deleted = true;
  co_return Step::kSettled;
}

void StatusPublisher::complain(const Key& key, const std::string& doing, const Error& error) {
  log::warning("cannot " + doing + " of a pod; trying again",
               {{"pod", key.first + "/" + key.second}, {"error", error.message}});
}

std::size_t StatusPublisher::unsent() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second->working; }));
}

}  // namespace cubelet::cluster
