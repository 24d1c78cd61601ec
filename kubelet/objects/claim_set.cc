#include "kubelet/objects/claim_set.h"

#include <algorithm>
#include <memory>

#include "kubelet/apiserver/resource.h"

namespace cubelet::objects {
namespace {

constexpr Duration kFirstDelay = std::chrono::milliseconds(100);
constexpr Duration kLongestDelay = std::chrono::seconds(2);
constexpr Duration kQuickTry = std::chrono::milliseconds(25);
constexpr int kQuickTries = 6;

// Equal for two answers that mean the same to a pod that waits.
std::string summary(const Result<ClaimPtr>& answer) {
  if (!answer) return "error " + answer.error().message;
  const core::PersistentVolumeClaim& claim = **answer;
  return claim.metadata().uid() + " " + claim.status().phase() + " " + claim.spec().volumename() +
         (claim.metadata().has_deletiontimestamp() ? " deleted" : "");
}

// An object that is not there is told in the server's words, without the request that has found it out.
Error inWords(const Error& error, const apiserver::Resource& resource, const std::string& name) {
  if (error.code != Code::kNotFound) return error;
  return Error(error.code, error.reason, std::string(resource.plural) + " \"" + name + "\" not found");
}

}  // namespace

bool isUsable(const core::PersistentVolumeClaim& claim) {
  return claim.status().phase() == "Bound" && !claim.spec().volumename().empty() &&
         !claim.metadata().has_deletiontimestamp();
}

void ClaimSet::addUser(const std::string& ns, const std::string& name, const std::string& podUid) {
  entries_[Key(ns, name)].users.insert(podUid);
}

void ClaimSet::dropUser(const std::string& ns, const std::string& name, const std::string& podUid) {
  auto entry = entries_.find(Key(ns, name));
  if (entry == entries_.end()) return;
  entry->second.users.erase(podUid);
  if (entry->second.users.empty()) entries_.erase(entry);
}

Task<Result<ClaimPtr>> ClaimSet::get(std::string ns, std::string name) {
  const Key key(std::move(ns), std::move(name));
  if (!entries_.contains(key))
    co_return fail(Code::kInvalid, "", "object \"" + key.first + "\"/\"" + key.second + "\" not registered");
  Result<ClaimPtr> answer = co_await ask(key);
  if (auto entry = entries_.find(key); entry != entries_.end()) note(key, entry->second, answer);
  co_return answer;
}

Task<Result<PersistentVolumePtr>> ClaimSet::volume(std::string name) {
  std::string path = apiserver::kPersistentVolumes.object("", name);
  for (int tries = 0;; ++tries) {
    Result<core::PersistentVolume> answer = co_await client_.get<core::PersistentVolume>(path);
    if (answer) co_return std::make_shared<const core::PersistentVolume>(std::move(*answer));
    if (answer.error().reason != "Forbidden" || tries == kQuickTries)
      co_return fail(inWords(answer.error(), apiserver::kPersistentVolumes, name));
    co_await client_.clock().sleep(kQuickTry * (1 << tries));
  }
}

Task<Result<ClaimPtr>> ClaimSet::ask(Key key) {
  std::string path = apiserver::kPersistentVolumeClaims.object(key.first, key.second);
  Result<core::PersistentVolumeClaim> answer = co_await client_.get<core::PersistentVolumeClaim>(std::move(path));
  if (!answer) co_return fail(inWords(answer.error(), apiserver::kPersistentVolumeClaims, key.second));
  co_return std::make_shared<const core::PersistentVolumeClaim>(std::move(*answer));
}

void ClaimSet::note(const Key& key, Entry& entry, const Result<ClaimPtr>& answer) {
  entry.answer = summary(answer);
  if (answer && isUsable(**answer)) {
    entry.next.cancel();
    entry.delay = Duration(0);
    return;
  }
  if (entry.next) return;
  entry.delay = std::clamp(entry.delay * 2, kFirstDelay, kLongestDelay);
  const double factor = 1.0 + 0.2 * random_();  // the pods of a node need not ask all at once
  entry.next = client_.clock().after(std::chrono::duration_cast<Duration>(entry.delay * factor), [this, key] {
    if (auto found = entries_.find(key); found != entries_.end()) found->second.next.cancel();
    tasks_.spawn("claim " + key.first + "/" + key.second, askAgain(key));
  });
}

Task<void> ClaimSet::askAgain(Key key) {
  Result<ClaimPtr> answer = co_await ask(key);
  auto entry = entries_.find(key);
  if (entry == entries_.end()) co_return;
  const bool news = entry->second.answer != summary(answer);
  note(key, entry->second, answer);
  // Last: whoever hears it may use and release pods.
  if (news) changed_(key.first, key.second);
}

void ClaimSet::retryNow() {
  for (auto& [key, entry] : entries_) {
    if (!entry.next) continue;
    entry.next.cancel();
    entry.delay = Duration(0);
    tasks_.spawn("claim " + key.first + "/" + key.second, askAgain(key));
  }
}

Task<void> ClaimSet::close() {
  entries_.clear();
  co_await tasks_.close();
}

std::size_t ClaimSet::awaited() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(entries_, [](const auto& entry) { return static_cast<bool>(entry.second.next); }));
}

}  // namespace cubelet::objects
