#include "kubelet/cluster/mirror_pods.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace cubelet::cluster {
namespace {

// A pod that needed nothing for so long starts from the first pause again.
constexpr Duration kQuiet = 2 * MirrorPods::kMaxPause;

// The server said nothing at all: its answers have a reason (apiserver::statusError).
bool isSilence(const Error& error) {
  return isRetryable(error.code) && error.reason.empty();
}

// Somebody else was quicker: what we wanted gone is gone.
bool isGone(const Error& error) {
  return error.code == Code::kNotFound || error.reason == "Conflict";
}

std::vector<std::string> hashesOf(const std::vector<PodPtr>& pods) {
  std::vector<std::string> hashes;
  hashes.reserve(pods.size());
  for (const PodPtr& pod : pods) hashes.push_back(staticPodHash(*pod));
  return hashes;
}

}  // namespace

MirrorPods::MirrorPods(Loop& loop, Clock& clock, apiserver::ApiClient& client, Appeared appeared)
    : clock_(clock), client_(client), appeared_(std::move(appeared)), wake_(clock), tasks_(loop) {}

std::string MirrorPods::keyOf(const core::Pod& pod) {
  return pod.metadata().namespace_() + "/" + pod.metadata().name();
}

Task<void> MirrorPods::run() {
  while (!closed_) {
    const TimePoint next = startDue();
    co_await wake_.waitUntil(next);
  }
}

Task<void> MirrorPods::close() {
  closed_ = true;
  wake_.ring();
  return tasks_.close();
}

TimePoint MirrorPods::startDue() {
  TimePoint next = TimePoint::max();
  if (!wantedKnown_ || !mirrorsKnown_) return next;
  dropEmpty();
  for (auto& [key, entry] : entries_) {
    if (entry.busy) continue;
    MirrorStep step = nextMirrorStep(entry.wanted, entry.mirror.get(), node_);
    if (step.kind == MirrorStep::Kind::kNothing) continue;
    if (entry.notBefore > clock_.now()) {
      next = std::min(next, entry.notBefore);
      continue;
    }
    entry.busy = true;
    tasks_.spawn("mirror pod " + key, carryOut(key, std::move(step), node_));
  }
  return next;
}

void MirrorPods::dropEmpty() {
  std::erase_if(entries_, [](const auto& item) {
    const Entry& entry = item.second;
    return entry.wanted.empty() && !entry.mirror && !entry.busy;
  });
}

// While an entry is busy it stays where it is.
Task<void> MirrorPods::carryOut(std::string key, MirrorStep step, NodeIdentity node) {
  Result<void> done;
  if (step.kind == MirrorStep::Kind::kCreate)
    done = co_await create(key, step.pod, node);
  else
    done = co_await remove(key, step.uid);
  Entry& entry = entries_.at(key);
  entry.busy = false;
  // Also after a creation that worked: the next one within the pause means that somebody undoes our work. A deletion
  // that worked makes room for a creation, which shall follow at once.
  if (step.kind == MirrorStep::Kind::kCreate || !done) pause(entry);
  note(key, entry, step, done);
  wake_.ring();
}

Task<Result<void>> MirrorPods::create(std::string key, PodPtr pod, NodeIdentity node) {
  const core::Pod mirror = makeMirror(*pod, node);
  std::string path = apiserver::kPods.collection(mirror.metadata().namespace_());
  const apiserver::CallOptions call;
  Result<core::Pod> created = co_await client_.create(std::move(path), mirror, call);
  // One that we did not know of: the watch will show it.
  if (!created && created.error().code == Code::kAlreadyExists) co_return Result<void>();
  if (!created) co_return fail(std::move(created.error()));
  Entry& entry = entries_.at(key);
  // The watch may have been quicker, even with the end of it.
  if (created->metadata().uid() != entry.goneUid) take(entry, std::make_shared<const core::Pod>(std::move(*created)));
  co_return Result<void>();
}

Task<Result<void>> MirrorPods::remove(std::string key, std::string uid) {
  const auto slash = key.find('/');
  std::string path = apiserver::kPods.object(key.substr(0, slash), key.substr(slash + 1));
  apiserver::RemoveOptions how;
  how.gracePeriodSeconds = 0;
  how.uid = uid;
  const apiserver::CallOptions call;
  Result<void> removed = co_await client_.remove(std::move(path), how, call);
  if (!removed && !isGone(removed.error())) co_return removed;
  Entry& entry = entries_.at(key);
  if (entry.mirror && entry.mirror->metadata().uid() == uid) forget(entry);
  co_return Result<void>();
}

void MirrorPods::take(Entry& entry, PodPtr mirror) {
  // Late word of a predecessor, or of an earlier state.
  if (entry.mirror && isOlder(*mirror, *entry.mirror)) return;
  const bool another = !entry.mirror || entry.mirror->metadata().uid() != mirror->metadata().uid();
  entry.mirror = std::move(mirror);
  if (another) appeared_(entry.mirror);
}

void MirrorPods::forget(Entry& entry) {
  entry.goneUid = entry.mirror->metadata().uid();
  entry.mirror = nullptr;
}

void MirrorPods::pause(Entry& entry) {
  if (clock_.now() - entry.tried > kQuiet) entry.backoff.reset();
  entry.tried = clock_.now();
  entry.notBefore = entry.tried + entry.backoff.next();
}

void MirrorPods::endPause(Entry& entry) {
  entry.backoff.reset();
  entry.notBefore = TimePoint();
}

void MirrorPods::note(const std::string& key, Entry& entry, const MirrorStep& step, const Result<void>& done) {
  const bool creating = step.kind == MirrorStep::Kind::kCreate;
  if (done) {
    entry.logged.clear();
    silenceLogged_ = false;
    log::debug(1, creating ? "mirror pod created" : "mirror pod deleted", {{"pod", key}});
    return;
  }
  const Error& error = done.error();
  // An outage hits all pods alike: one line is enough.
  if (isSilence(error) && std::exchange(silenceLogged_, true)) return;
  if (!isSilence(error) && std::exchange(entry.logged, error.message) == error.message) return;
  log::warning(creating ? "cannot create a mirror pod, trying again" : "cannot delete a mirror pod, trying again",
               {{"pod", key}, {"error", error.message}});
}

void MirrorPods::setStaticPods(std::vector<PodPtr> wanted) {
  std::map<std::string, std::vector<PodPtr>> byKey;
  for (PodPtr& pod : wanted) byKey[keyOf(*pod)].push_back(std::move(pod));
  for (const auto& [key, pods] : byKey) entries_.try_emplace(key);
  for (auto& [key, entry] : entries_) {
    std::vector<PodPtr> now = std::move(byKey[key]);
    if (hashesOf(now) != hashesOf(entry.wanted)) endPause(entry);
    entry.wanted = std::move(now);
  }
  wantedKnown_ = true;
  wake_.ring();
}

void MirrorPods::nodeKnown(std::string name, std::string uid) {
  NodeIdentity node{std::move(name), std::move(uid)};
  if (node == node_) return;
  node_ = std::move(node);
  serverIsBack();  // refused before because of the Node, maybe
}

void MirrorPods::mirrorsSynced(const std::vector<PodPtr>& all) {
  std::map<std::string, PodPtr> byKey;
  for (const PodPtr& mirror : all)
    if (isMirrorPod(*mirror)) byKey[keyOf(*mirror)] = mirror;
  for (auto& [key, entry] : entries_)
    if (entry.mirror && !byKey.contains(key)) forget(entry);
  for (auto& [key, mirror] : byKey) take(entries_[key], std::move(mirror));
  mirrorsKnown_ = true;
  wake_.ring();
}

void MirrorPods::mirrorSeen(PodPtr mirror) {
  if (!isMirrorPod(*mirror)) return;
  Entry& entry = entries_[keyOf(*mirror)];
  take(entry, std::move(mirror));
  wake_.ring();
}

void MirrorPods::mirrorGone(const std::string& ns, const std::string& name, const std::string& uid) {
  const auto found = entries_.find(ns + "/" + name);
  if (found == entries_.end() || !found->second.mirror) return;
  if (!uid.empty() && found->second.mirror->metadata().uid() != uid) return;
  forget(found->second);
  wake_.ring();
}

PodPtr MirrorPods::mirrorOf(const std::string& ns, const std::string& name) const {
  const auto found = entries_.find(ns + "/" + name);
  return found == entries_.end() ? nullptr : found->second.mirror;
}

void MirrorPods::serverIsBack() {
  for (auto& [key, entry] : entries_) endPause(entry);
  wake_.ring();
}

}  // namespace cubelet::cluster
