// ObjectSet<T>: the single ConfigMaps, Secrets or RuntimeClasses that pods use, one watch each.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/result.h"
#include "kubelet/objects/watched.h"

namespace cubelet::objects {

// A node may only read what its pods refer to, by name (surface 4.11), so there is no watch of all of them. An object
// is watched from the first question for it until no pod uses it, one that is immutable only until it was read (CMS-8).
// Loop thread only.
template <class T>
class ObjectSet {
 public:
  using Ptr = std::shared_ptr<const T>;
  struct Setup {
    Loop& loop;
    apiserver::ApiClient& client;
    apiserver::Resource resource;
    std::string kind;                // "configmap", for messages
    std::function<double()> random;  // uniform in [0, 1)
    std::function<void(const std::string& ns, const std::string& name)> changed;
  };

  explicit ObjectSet(Setup setup) : setup_(std::move(setup)), ending_(setup_.loop) {}

  void addUser(const std::string& ns, const std::string& name, const std::string& podUid) {
    entries_[Key(ns, name)].users.insert(podUid);
  }
  void dropUser(const std::string& ns, const std::string& name, const std::string& podUid) {
    auto entry = entries_.find(Key(ns, name));
    if (entry == entries_.end()) return;
    entry->second.users.erase(podUid);
    if (entry->second.users.empty()) drop(entry);
  }

  Task<Result<Ptr>> get(std::string ns, std::string name) {
    const Key key(ns, name);
    for (;;) {
      // Looked up again after each wait: the last user may have gone, and another one come.
      auto found = entries_.find(key);
      if (found == entries_.end()) co_return notRegistered(key);
      Entry& entry = found->second;
      if (entry.known) {
        if (!entry.object) co_return notFound(key);
        co_return entry.object;
      }
      if (!entry.watch) entry.watch = watch(key);
      if (entry.watch->overdue()) {
        entry.missed = true;
        co_return neverRead(*entry.watch);
      }
      std::shared_ptr<Watched<T>> watch = entry.watch;
      co_await watch->firstRead();
    }
  }

  void retryNow() {
    for (auto& [key, entry] : entries_)
      if (entry.watch) entry.watch->retryNow();
  }
  // How many watches are open.
  std::size_t watching() const {
    std::size_t count = 0;
    for (const auto& [key, entry] : entries_)
      if (entry.watch && !entry.settled) ++count;
    return count;
  }
  Task<void> close() {
    while (!entries_.empty()) drop(entries_.begin());
    // Not cancelled: each still has to see its watch end.
    co_await ending_.join();
  }

 private:
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    std::set<std::string> users;  // UIDs of pods
    std::shared_ptr<Watched<T>> watch;
    bool known = false;    // it was read: `object` is what the server has, null when it has none
    bool missed = false;   // a question was answered before that
    bool settled = false;  // it cannot change any more
    Ptr object;
  };
  using Entries = std::map<Key, Entry>;

  std::shared_ptr<Watched<T>> watch(const Key& key) {
    apiserver::ReflectorOptions options;
    options.resource = setup_.resource;
    options.ns = key.first;
    options.fieldSelector = "metadata.name=" + key.second;
    options.watchMin = std::chrono::minutes(30);
    options.watchMax = std::chrono::minutes(60);
    options.random = setup_.random;
    auto news = [this, key] { heard(key); };
    return std::make_shared<Watched<T>>(setup_.loop, setup_.client, std::move(options), std::move(news));
  }

  void heard(const Key& key) {
    auto found = entries_.find(key);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    // The last word of a watch that is being ended may come when another one of the same object has begun.
    if (!entry.watch || !entry.watch->read() || entry.settled) return;
    Ptr now = entry.watch->objects().get(key.first, key.second);
    const bool tell = entry.known ? now != entry.object : entry.missed;
    entry.known = true;
    entry.object = std::move(now);
    if (entry.object && isImmutable(*entry.object)) {
      entry.settled = true;
      entry.watch->halt();
    }
    // Last: whoever hears it may use and release pods.
    if (tell) setup_.changed(key.first, key.second);
  }

  static bool isImmutable(const T& object) {
    if constexpr (requires { object.immutable(); })
      return object.immutable();
    else
      return false;
  }

  void drop(typename Entries::iterator entry) {
    if (entry->second.watch) ending_.spawn("end of a watch", end(std::move(entry->second.watch)));
    entries_.erase(entry);
  }
  static Task<void> end(std::shared_ptr<Watched<T>> watch) { co_await watch->stop(); }

  std::unexpected<Error> notRegistered(const Key& key) const {
    return fail(Code::kInvalid, "", "object \"" + key.first + "\"/\"" + key.second + "\" not registered");
  }
  std::unexpected<Error> notFound(const Key& key) const {
    return fail(Code::kNotFound, "NotFound", setup_.kind + " \"" + key.second + "\" not found");
  }
  std::unexpected<Error> neverRead(const Watched<T>& watch) const {
    std::string message = "failed to sync " + setup_.kind + " cache: timed out waiting for the condition";
    if (const Error* error = watch.lastError()) message += ": " + error->message;
    return fail(Code::kTimedOut, "", std::move(message));
  }

  Setup setup_;
  Entries entries_;
  TaskGroup ending_;
};

}  // namespace cubelet::objects
