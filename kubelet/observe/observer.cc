#include "kubelet/observe/observer.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "kubelet/observe/from_cri.h"

namespace cubelet::observe {
namespace {

constexpr std::size_t kEarlyExitsKept = 256;
// After an exit event the runtime's own status is right 60 to 160 ms later.
constexpr Duration kSettleAfterEvent = std::chrono::milliseconds(200);
// Where no event has told of the exit, the first look comes early.
constexpr Duration kSettleAtOnce = std::chrono::milliseconds(20);
constexpr int kSettleTries = 8;
// An exit shortly before the subscription told us nothing, and the list may still show the program running. The same
// goes for a container's removal, which is announced before the runtime's lists forget it.
constexpr Duration kLookAgain[] = {std::chrono::milliseconds(300), std::chrono::seconds(3)};
constexpr std::size_t kPodsReadAtOnce = 8;

template <class T>
T* byId(std::vector<T>& all, const std::string& id) {
  auto it = std::find_if(all.begin(), all.end(), [&](const T& one) { return one.id == id; });
  return it == all.end() ? nullptr : &*it;
}

template <class T>
void upsert(std::vector<T>& all, T one) {
  if (T* known = byId(all, one.id))
    *known = std::move(one);
  else
    all.push_back(std::move(one));
}

template <class T>
bool eraseById(std::vector<T>& all, const std::string& id) {
  return std::erase_if(all, [&](const T& one) { return one.id == id; }) > 0;
}

// Keeps what an earlier status or event told of an instance when its list entry brings nothing new; answers the ids
// whose status must be read.
template <class T>
void keepKnown(std::vector<T>& listed, const std::vector<T>* known, std::vector<std::string>& needStatus) {
  for (T& one : listed) {
    const T* before = nullptr;
    if (known != nullptr) {
      auto it = std::find_if(known->begin(), known->end(), [&](const T& k) { return k.id == one.id; });
      if (it != known->end()) before = &*it;
    }
    if (before != nullptr && !differs(*before, one))
      one = *before;
    else
      needStatus.push_back(one.id);
  }
}

std::string labelOf(const google::protobuf::Map<std::string, std::string>& labels, const char* key) {
  auto it = labels.find(key);
  return it == labels.end() ? std::string() : it->second;
}

template <class Object>
ObservedPod& podOf(std::unordered_map<std::string, ObservedPod>& pods, const std::string& uid, const Object& object) {
  ObservedPod& pod = pods[uid];
  pod.uid = uid;
  if (pod.name.empty()) {
    pod.name = labelOf(object.labels(), kPodNameLabel);
    pod.ns = labelOf(object.labels(), kPodNamespaceLabel);
  }
  return pod;
}

// Groups two lists by the pod UID label; what carries none was not made by a kubelet and is left alone.
std::unordered_map<std::string, ObservedPod> group(const std::vector<cri::v1::PodSandbox>& sandboxes,
                                                   const std::vector<cri::v1::Container>& containers) {
  std::unordered_map<std::string, ObservedPod> pods;
  for (const auto& sandbox : sandboxes)
    if (std::string uid = podUidOf(sandbox); !uid.empty())
      podOf(pods, uid, sandbox).sandboxes.push_back(fromList(sandbox));
  for (const auto& container : containers)
    if (std::string uid = podUidOf(container); !uid.empty())
      podOf(pods, uid, container).containers.push_back(fromList(container));
  return pods;
}

bool sameState(const ObservedPod& a, const ObservedPod& b) {
  auto sandboxKey = [](const ObservedSandbox& s) { return s.id + (s.ready ? "+" : "-"); };
  auto containerKey = [](const ObservedContainer& c) { return c.id + std::to_string(static_cast<int>(c.state)); };
  std::set<std::string> left;
  std::set<std::string> right;
  for (const auto& s : a.sandboxes) left.insert(sandboxKey(s));
  for (const auto& c : a.containers) left.insert(containerKey(c));
  for (const auto& s : b.sandboxes) right.insert(sandboxKey(s));
  for (const auto& c : b.containers) right.insert(containerKey(c));
  return left == right;
}

bool sameDetails(const ObservedContainer& a, const ObservedContainer& b) {
  return a.id == b.id && a.state == b.state && a.exitCode == b.exitCode && a.startedAt == b.startedAt &&
         a.finishedAt == b.finishedAt && a.reason == b.reason && a.message == b.message && a.imageRef == b.imageRef;
}

bool sameDetails(const ObservedPod& a, const ObservedPod& b) {
  auto sameSandbox = [](const ObservedSandbox& x, const ObservedSandbox& y) {
    return x.id == y.id && x.ready == y.ready && x.ips == y.ips;
  };
  auto sameContainer = [](const ObservedContainer& x, const ObservedContainer& y) { return sameDetails(x, y); };
  return std::equal(a.sandboxes.begin(), a.sandboxes.end(), b.sandboxes.begin(), b.sandboxes.end(), sameSandbox) &&
         std::equal(a.containers.begin(), a.containers.end(), b.containers.begin(), b.containers.end(), sameContainer);
}

}  // namespace

Observer::Observer(Loop& loop, Clock& clock, cri::RuntimeService& runtime, Options options, Listener listener)
    : loop_(loop), clock_(clock), runtime_(runtime), options_(options), listener_(std::move(listener)), tasks_(loop) {}

Task<void> Observer::run() {
  Duration delay = options_.reconnectFirst;
  bool reported = false;
  for (;;) {
    const std::uint64_t listsBefore = fullLists_;
    Result<void> ended = co_await follow();
    synced_ = false;
    auditTimer_.cancel();
    co_await tasks_.drain();
    // containerd 1.6 refuses CRI's stream so late that it seemed to work; the client has taken note and offers the
    // other.
    if (ended.error().code == Code::kUnimplemented) continue;
    if (fullLists_ != listsBefore) {  // it worked for a while: start over with short delays and say it again
      delay = options_.reconnectFirst;
      reported = false;
    }
    if (!reported) {
      log::warning("the container runtime does not answer, trying again until it does",
                   {{"error", ended.error().message}});
      if (listener_.lost) listener_.lost(ended.error());
      reported = true;
    }
    // A short pause for a runtime that is there but not well; one that is away is awaited without any timer.
    co_await clock_.sleep(delay);
    delay = std::min(delay * 2, options_.reconnectMax);
    Result<void> reachable = co_await runtime_.waitReady();
    if (!reachable) log::debug(2, "the container runtime came and went", {{"error", reachable.error().message}});
  }
}

// One life of the event stream; ends with an error. Subscribe first, then list: nothing can fall between.
Task<Result<void>> Observer::follow() {
  Result<std::unique_ptr<cri::EventStream>> stream = co_await runtime_.openEvents();
  polling_ = !stream && stream.error().code == Code::kUnimplemented;
  if (!stream && !polling_) co_return fail(stream.error());

  Result<void> listed = co_await listAll();
  if (!listed) co_return fail(listed.error());
  synced_ = true;
  log::info("following the container runtime",
            {{"pods", std::to_string(pods_.size())}, {"by", polling_ ? "a list every second" : "events"}});
  armAudit();
  if (!pods_.empty()) tasks_.spawn("list again", listAgain());
  if (listener_.synced) listener_.synced();

  while (polling_) {
    co_await clock_.sleep(options_.pollEvery);
    listed = co_await listAll();
    if (!listed) co_return fail(listed.error());
  }
  for (;;) {
    Result<cri::RuntimeEvent> event = co_await (*stream)->next();
    if (!event) co_return fail(event.error());
    handle(std::move(*event));
  }
}

Task<void> Observer::listAgain() {
  for (Duration delay : kLookAgain) {
    co_await clock_.sleep(delay);
    Result<void> listed = co_await listAll();
    if (!listed) log::debug(1, "listing again failed", {{"error", listed.error().message}});
  }
}

Task<Result<void>> Observer::listAll() {
  const TimePoint began = clock_.now();
  const std::uint64_t asked = changes_;
  ++readsUnderWay_;
  cri::v1::PodSandboxFilter everySandbox;
  Result<std::vector<cri::v1::PodSandbox>> sandboxes = co_await runtime_.listPodSandbox(everySandbox);
  cri::v1::ContainerFilter everyContainer;
  Result<std::vector<cri::v1::Container>> containers = co_await runtime_.listContainers(everyContainer);
  if (!sandboxes || !containers) {
    --readsUnderWay_;
    co_return fail((sandboxes ? containers.error() : sandboxes.error()).within("list pods of the container runtime"));
  }
  std::unordered_map<std::string, ObservedPod> found = group(*sandboxes, *containers);
  for (const auto& [uid, pod] : pods_)
    if (!found.contains(uid)) found[uid].uid = uid;  // vanished

  std::vector<Task<void>> reads;
  for (auto& [uid, pod] : found) {
    auto known = pods_.find(uid);
    std::vector<std::string> needStatus;
    keepKnown(pod.sandboxes, known == pods_.end() ? nullptr : &known->second.sandboxes, needStatus);
    keepKnown(pod.containers, known == pods_.end() ? nullptr : &known->second.containers, needStatus);
    if (!needStatus.empty()) reads.push_back(completeStatuses(&pod, std::move(needStatus)));
  }
  for (std::size_t first = 0; first < reads.size(); first += kPodsReadAtOnce) {
    auto begin = reads.begin() + static_cast<std::ptrdiff_t>(first);
    auto end = reads.begin() + static_cast<std::ptrdiff_t>(std::min(first + kPodsReadAtOnce, reads.size()));
    std::vector<Task<void>> some(std::make_move_iterator(begin), std::make_move_iterator(end));
    co_await runAll(loop_, "read status", std::move(some));
  }
  --readsUnderWay_;
  for (auto& [uid, pod] : found) {
    if (auto changed = lastChange_.find(uid); changed != lastChange_.end() && changed->second > asked) {
      hint(uid);  // changed meanwhile: this answer is old
      continue;
    }
    auto known = pods_.find(uid);
    if (auditing_ && (known == pods_.end() ? !pod.empty() : !sameState(known->second, pod))) ++auditDifferences_;
    replace(uid, std::move(pod));
  }
  ++fullLists_;
  if (listener_.listed) listener_.listed(began, clock_.now() - began);
  forgetUnread();
  co_return Result<void>();
}

// Reads the status of the named sandboxes and containers into `pod`, which the caller keeps alive. What is gone is
// erased.
Task<void> Observer::completeStatuses(ObservedPod* pod, std::vector<std::string> ids) {
  for (const std::string& id : ids) {
    if (byId(pod->sandboxes, id) != nullptr) {
      Result<cri::v1::PodSandboxStatusResponse> status = co_await runtime_.podSandboxStatus(id);
      if (status)
        addStatus(status->status(), *byId(pod->sandboxes, id));
      else if (status.error().code == Code::kNotFound)
        eraseById(pod->sandboxes, id);
    } else {
      Result<cri::v1::ContainerStatusResponse> status = co_await runtime_.containerStatus(id);
      if (status)
        addStatus(status->status(), *byId(pod->containers, id));
      else if (status.error().code == Code::kNotFound)
        eraseById(pod->containers, id);
    }
  }
}

Task<Result<void>> Observer::refresh(std::string uid) {
  for (;;) {
    Result<bool> applied = co_await readPod(uid);
    if (!applied) co_return fail(applied.error());
    if (*applied) co_return Result<void>();
  }
}

// False: the pod changed while the runtime was asked, and the answer was dropped.
Task<Result<bool>> Observer::readPod(std::string uid) {
  const std::uint64_t asked = changes_;
  ++readsUnderWay_;
  cri::v1::PodSandboxFilter ofPod;
  (*ofPod.mutable_label_selector())[kPodUidLabel] = uid;
  Result<std::vector<cri::v1::PodSandbox>> sandboxes = co_await runtime_.listPodSandbox(ofPod);
  cri::v1::ContainerFilter containersOfPod;
  (*containersOfPod.mutable_label_selector())[kPodUidLabel] = uid;
  Result<std::vector<cri::v1::Container>> containers = co_await runtime_.listContainers(containersOfPod);
  if (!sandboxes || !containers) {
    --readsUnderWay_;
    co_return fail((sandboxes ? containers.error() : sandboxes.error()).within("read pod " + uid));
  }
  ObservedPod pod = std::move(group(*sandboxes, *containers)[uid]);
  pod.uid = uid;
  const ObservedPod* known = find(uid);
  std::vector<std::string> needStatus;
  keepKnown(pod.sandboxes, known != nullptr ? &known->sandboxes : nullptr, needStatus);
  keepKnown(pod.containers, known != nullptr ? &known->containers : nullptr, needStatus);
  co_await completeStatuses(&pod, std::move(needStatus));
  --readsUnderWay_;
  auto changed = lastChange_.find(uid);
  const bool current = changed == lastChange_.end() || changed->second <= asked;
  if (current) replace(uid, std::move(pod));
  forgetUnread();
  co_return current;
}

void Observer::replace(const std::string& uid, ObservedPod pod) {
  auto known = pods_.find(uid);
  if (known != pods_.end()) {
    // Containers only ever move from created to running to exited: an older state in an answer is a stale answer.
    for (ObservedContainer& c : pod.containers)
      if (const ObservedContainer* before = byId(known->second.containers, c.id);
          before != nullptr && before->state == ContainerState::kExited && c.state != ContainerState::kExited)
        c = *before;
    for (const auto& s : known->second.sandboxes) owner_.erase(s.id);
    for (const auto& c : known->second.containers) owner_.erase(c.id);
  } else if (pod.empty()) {
    return;
  }
  sortNewestFirst(pod);
  const bool changed = known == pods_.end() || !sameDetails(known->second, pod);
  for (const auto& s : pod.sandboxes) owner_[s.id] = uid;
  for (const auto& c : pod.containers) owner_[c.id] = uid;
  if (!changed) return;
  pods_[uid] = std::move(pod);
  touched(uid);
}

// One refresh at a time per pod; hints that come meanwhile make one more.
void Observer::hint(const std::string& uid) {
  auto [entry, isNew] = hinted_.try_emplace(uid, false);
  if (isNew)
    tasks_.spawn("refresh pod", refreshSoon(uid));
  else
    entry->second = true;
}

Task<void> Observer::refreshSoon(std::string uid) {
  for (bool again = true; again;) {
    Result<void> read = co_await refresh(uid);
    // The stream's end or the audit will list again; nothing is concluded from a failed read.
    if (!read) log::debug(1, "reading a pod failed", {{"uid", uid}, {"error", read.error().message}});
    again = std::exchange(hinted_[uid], false) && read.has_value();
  }
  hinted_.erase(uid);
}

Task<void> Observer::refreshRepeatedly(std::string uid) {
  hint(uid);
  for (Duration delay : kLookAgain) {
    co_await clock_.sleep(delay);
    hint(uid);
  }
}

void Observer::handle(cri::RuntimeEvent event) {
  auto owner = owner_.find(event.id);
  if (owner == owner_.end()) {
    // Ours, but the reply that names it is still under way; or not a pod's at all.
    if (event.kind == cri::RuntimeEvent::Kind::kExited) {
      earlyExits_.push_back(std::move(event));
      if (earlyExits_.size() > kEarlyExitsKept) earlyExits_.pop_front();
    }
    return;
  }
  const std::string uid = owner->second;
  switch (event.kind) {
    case cri::RuntimeEvent::Kind::kExited:
      applyExit(uid, event);
      break;
    case cri::RuntimeEvent::Kind::kOom:
      oomKilled_.insert(event.id);
      break;
    case cri::RuntimeEvent::Kind::kDeleted:
      tasks_.spawn("read after removal", refreshRepeatedly(uid));
      break;
    case cri::RuntimeEvent::Kind::kCreated:
      break;
    case cri::RuntimeEvent::Kind::kStarted:
      // Our own start is known from its reply; a container that somebody else started is read.
      if (const ObservedContainer* c = byId(pods_[uid].containers, event.id);
          c != nullptr && c->state == ContainerState::kUnknown)
        hint(uid);
      break;
  }
}

void Observer::applyExit(const std::string& uid, const cri::RuntimeEvent& event) {
  ObservedPod& pod = pods_[uid];
  if (ObservedSandbox* sandbox = byId(pod.sandboxes, event.id)) {
    if (!sandbox->ready) return;
    sandbox->ready = false;
    touched(uid);
    return;
  }
  ObservedContainer* container = byId(pod.containers, event.id);
  if (container == nullptr || container->state == ContainerState::kExited) return;
  for (const cri::v1::ContainerStatus& status : event.containers)
    if (status.id() == event.id && status.state() == cri::v1::CONTAINER_EXITED) addStatus(status, *container);
  if (container->state != ContainerState::kExited) {
    if (!event.exitCode) {  // a bare hint: the status will tell, once it is right
      tasks_.spawn("settle exit", settleExit(uid, event.id, kSettleAtOnce));
      return;
    }
    container->state = ContainerState::kExited;
    container->exitCode = *event.exitCode;
    container->finishedAt = event.at.value_or(clock_.wallNow());
    container->reason = *event.exitCode == 0 ? "Completed" : "Error";
    if (oomKilled_.erase(event.id) > 0 && *event.exitCode == 137) container->reason = "OOMKilled";
  }
  tasks_.spawn("settle exit", settleExit(uid, event.id, kSettleAfterEvent));
  touched(uid);
}

void Observer::applyEarlyExit(const std::string& uid, const std::string& id) {
  auto it = std::find_if(earlyExits_.begin(), earlyExits_.end(), [&](const auto& event) { return event.id == id; });
  if (it == earlyExits_.end()) return;
  const cri::RuntimeEvent event = std::move(*it);
  earlyExits_.erase(it);
  applyExit(uid, event);
}

// Reads reason, message and exact times once the runtime has caught up with the exit that its event announced.
Task<void> Observer::settleExit(std::string uid, std::string id, Duration first) {
  Duration delay = first;
  for (int left = kSettleTries; left > 0; --left, delay *= 2) {
    co_await clock_.sleep(delay);
    Result<cri::v1::ContainerStatusResponse> status = co_await runtime_.containerStatus(id);
    if (!status) {
      // When the runtime is away a full list will follow.
      if (status.error().code == Code::kNotFound) hint(uid);
      co_return;
    }
    if (status->status().state() != cri::v1::CONTAINER_EXITED) continue;
    auto pod = pods_.find(uid);
    ObservedContainer* container = pod == pods_.end() ? nullptr : byId(pod->second.containers, id);
    if (container == nullptr) co_return;
    ObservedContainer before = *container;
    addStatus(status->status(), *container);
    if (!sameDetails(before, *container)) touched(uid);
    co_return;
  }
}

void Observer::ownSandboxRun(const ObservedPod& identity, ObservedSandbox sandbox) {
  ObservedPod& pod = pods_[identity.uid];
  pod.uid = identity.uid;
  pod.name = identity.name;
  pod.ns = identity.ns;
  const std::string id = sandbox.id;
  owner_[id] = pod.uid;
  upsert(pod.sandboxes, std::move(sandbox));
  sortNewestFirst(pod);
  armAudit();
  touched(identity.uid);
  applyEarlyExit(identity.uid, id);
}

void Observer::ownSandboxStopped(const std::string& uid, const std::string& id) {
  auto pod = pods_.find(uid);
  ObservedSandbox* sandbox = pod == pods_.end() ? nullptr : byId(pod->second.sandboxes, id);
  if (sandbox == nullptr || !sandbox->ready) return;
  sandbox->ready = false;
  touched(uid);
}

void Observer::ownSandboxRemoved(const std::string& uid, const std::string& id) {
  auto pod = pods_.find(uid);
  if (pod == pods_.end() || !eraseById(pod->second.sandboxes, id)) return;
  owner_.erase(id);
  touched(uid);
}

void Observer::ownContainerCreated(const std::string& uid, ObservedContainer container) {
  ObservedPod& pod = pods_[uid];
  const std::string id = container.id;
  owner_[id] = uid;
  upsert(pod.containers, std::move(container));
  sortNewestFirst(pod);
  touched(uid);
}

void Observer::ownContainerStarted(const std::string& uid, const std::string& id) {
  auto pod = pods_.find(uid);
  ObservedContainer* container = pod == pods_.end() ? nullptr : byId(pod->second.containers, id);
  if (container == nullptr || container->state == ContainerState::kExited) return;
  container->state = ContainerState::kRunning;
  container->startedAt = clock_.wallNow();
  touched(uid);
  applyEarlyExit(uid, id);
}

void Observer::ownContainerUser(const std::string& uid, const std::string& id, ObservedUser user) {
  auto pod = pods_.find(uid);
  ObservedContainer* container = pod == pods_.end() ? nullptr : byId(pod->second.containers, id);
  if (container == nullptr) return;
  container->user = std::move(user);
  touched(uid);
}

void Observer::ownContainerStopped(const std::string& uid, const std::string& id) {
  auto pod = pods_.find(uid);
  const ObservedContainer* container = pod == pods_.end() ? nullptr : byId(pod->second.containers, id);
  if (container == nullptr || container->state == ContainerState::kExited) return;
  tasks_.spawn("settle exit", settleExit(uid, id, kSettleAtOnce));
}

void Observer::ownContainerRemoved(const std::string& uid, const std::string& id) {
  auto pod = pods_.find(uid);
  if (pod == pods_.end() || !eraseById(pod->second.containers, id)) return;
  owner_.erase(id);
  touched(uid);
}

const ObservedPod* Observer::find(const std::string& uid) const {
  auto it = pods_.find(uid);
  return it == pods_.end() ? nullptr : &it->second;
}

std::vector<std::string> Observer::uids() const {
  std::vector<std::string> out;
  out.reserve(pods_.size());
  for (const auto& [uid, pod] : pods_) out.push_back(uid);
  return out;
}

void Observer::touched(const std::string& uid) {
  lastChange_[uid] = ++changes_;
  auto pod = pods_.find(uid);
  if (pod != pods_.end()) {
    pod->second.generation = changes_;
    if (pod->second.empty()) pods_.erase(pod);
  }
  forgetUnread();
  if (listener_.podChanged) listener_.podChanged(uid);
}

// Change counts of vanished pods matter only to reads that are under way.
void Observer::forgetUnread() {
  if (readsUnderWay_ > 0) return;
  std::erase_if(lastChange_, [&](const auto& entry) { return !pods_.contains(entry.first); });
}

// The slow re-list should find nothing new. It is due only while there are pods.
void Observer::armAudit() {
  if (auditTimer_ || pods_.empty() || polling_ || !synced_) return;
  auditTimer_ = clock_.after(options_.auditEvery, [this] {
    auditTimer_.cancel();
    tasks_.spawn("audit", auditOnce());
  });
}

Task<void> Observer::auditOnce() {
  const std::uint64_t before = auditDifferences_;
  auditing_ = true;
  Result<void> listed = co_await listAll();
  auditing_ = false;
  if (!listed) log::warning("the audit list failed", {{"error", listed.error().message}});
  lastAudit_ = clock_.wallNow();
  lastAuditDifferences_ = auditDifferences_ - before;
  if (lastAuditDifferences_ > 0)
    log::warning("the runtime differed from what its events had told",
                 {{"pods", std::to_string(lastAuditDifferences_)}});
  armAudit();
}

}  // namespace cubelet::observe
