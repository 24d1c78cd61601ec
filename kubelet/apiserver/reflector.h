// Reflector: the objects of one resource, as the API server has them, kept up to date by list and watch (surface 4.3).
#pragma once

#include <chrono>
#include <functional>
#include <google/protobuf/message.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/reflector_rules.h"
#include "kubelet/apiserver/resource.h"

namespace cubelet::apiserver {

struct ReflectorOptions {
  Resource resource;
  std::string ns;             // "": all namespaces
  std::string fieldSelector;  // "spec.nodeName=n1"
  // The server is asked to end each watch after a random time between these. Those of single Secrets and ConfigMaps
  // use 30 to 60 minutes.
  std::chrono::seconds watchMin = std::chrono::minutes(5);
  std::chrono::seconds watchMax = std::chrono::minutes(10);
  // A watch without any data, bookmarks included (one a minute), for so long is dead and opened again.
  Duration silence = std::chrono::seconds(150);
  Duration listTimeout = std::chrono::seconds(60);
  std::function<double()> random;  // uniform in [0, 1)
};

enum class ChangeKind { kAdded, kModified, kDeleted };

// The untyped core; use Reflector<T> below.
class ReflectorCore {
 public:
  using Object = std::shared_ptr<const google::protobuf::Message>;
  struct Listener {
    std::function<void()> synced;
    // `now` is null for deleted, `before` for added objects.
    std::function<void(ChangeKind kind, const Object& now, const Object& before)> changed;
    std::function<void(const Error&)> failed;
  };

  ReflectorCore(Loop& loop, ApiClient& client, const google::protobuf::Message& prototype, ReflectorOptions options,
                Listener listener);

  Task<void> run();
  void retryNow();
  bool synced() const { return synced_; }
  const std::string& version() const { return version_; }
  // By "namespace/name", or "name" for resources without namespace.
  const std::map<std::string, Object>& objects() const { return objects_; }

 private:
  using Objects = std::map<std::string, Object>;
  struct Stream;

  Next howToList() const;
  std::string listVersion(Next how) const;
  Task<Step> list();
  Task<Result<void>> listPages(std::string version);
  Task<Step> watch(bool initialObjects);
  Task<void> pump(Request request, Stream* stream);
  Task<void> pause();

  void take(Stream& stream, std::string_view data);
  Result<void> takeFrame(Stream& stream, const WatchFrame& frame);
  void apply(WatchType type, const std::string& key, Object object);
  void replace(Objects all, std::string version);
  Result<Object> decode(const WatchFrame& frame) const;

  Loop& loop_;
  ApiClient& client_;
  const google::protobuf::Message& prototype_;
  const google::protobuf::Message& listPrototype_;
  ReflectorOptions options_;
  Listener listener_;

  Objects objects_;
  std::string version_;  // of what objects_ shows; "" before the first list
  bool latest_ = false;  // the server no longer knows version_: ask for its latest state
  bool synced_ = false;

  TaskGroup streams_;
  Backoff backoff_;
  TimePoint lastPause_;
  Wake wake_;
};

// Keeps the latest T of the resource, each as the server last told, without managedFields and without fields that our
// schema does not have (so never PUT one of these objects: patch). A list counts only when it was complete; until the
// first one the set is empty and synced() false. During an outage the last known set stays. Loop thread only.
template <class T>
class Reflector {
 public:
  using Ptr = std::shared_ptr<const T>;
  struct Listener {
    // After each complete list: objects() shows everything, what vanished meanwhile is gone. Objects that did not
    // change keep their pointer. Changes found by a list are not told one by one.
    std::function<void()> synced = [] {};
    // One change after that. `now` is null for kDeleted, `before` for kAdded. objects() shows it already. An object
    // that was deleted and created again under its name may show as kModified: compare the UIDs.
    std::function<void(ChangeKind kind, Ptr now, Ptr before)> changed = [](ChangeKind, Ptr, Ptr) {};
    // A list or watch failed and is tried again after a pause. Not for watches that ended as they should.
    std::function<void(const Error&)> failed = [](const Error&) {};
  };

  // `loop` and `client` must outlive this object. The listener's functions run on the loop; they must not destroy it.
  Reflector(Loop& loop, ApiClient& client, ReflectorOptions options, Listener listener)
      : core_(loop, client, T::default_instance(), std::move(options), untyped(std::move(listener))) {}

  // Runs until cancelled; once at a time. May be started again: it goes on from the last known version.
  Task<void> run() { return core_.run(); }
  // The server can be reached again: ends a pause.
  void retryNow() { core_.retryNow(); }

  bool synced() const { return core_.synced(); }
  // Null when there is none.
  Ptr get(const std::string& ns, const std::string& name) const {
    auto it = core_.objects().find(ns.empty() ? name : ns + "/" + name);
    return it == core_.objects().end() ? nullptr : typed(it->second);
  }
  // Sorted by namespace and name.
  std::vector<Ptr> objects() const {
    std::vector<Ptr> all;
    all.reserve(core_.objects().size());
    for (const auto& [key, object] : core_.objects()) all.push_back(typed(object));
    return all;
  }
  const std::string& version() const { return core_.version(); }

 private:
  static Ptr typed(const ReflectorCore::Object& object) { return std::static_pointer_cast<const T>(object); }
  static ReflectorCore::Listener untyped(Listener listener) {
    ReflectorCore::Listener core;
    core.synced = std::move(listener.synced);
    core.failed = std::move(listener.failed);
    core.changed = [changed = std::move(listener.changed)](ChangeKind kind, const ReflectorCore::Object& now,
                                                           const ReflectorCore::Object& before) {
      changed(kind, typed(now), typed(before));
    };
    return core;
  }

  ReflectorCore core_;
};

}  // namespace cubelet::apiserver
