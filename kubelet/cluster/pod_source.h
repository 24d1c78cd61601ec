// PodSource: the pods that the API server has for this node, as a source of the sync loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/reflector.h"
#include "kubelet/cluster/mirror_rules.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::cluster {

namespace core = ::k8s::core::v1;

// What of a pod of the API server is handed to the sync loop: marked with its source and the moment it was first seen
// (SRC-3; a client's own values count for nothing), without what changes with every write. Of the status, what an
// earlier run of the agent had told is `first`'s, the conditions of others are the newest (PCO-7). Pure.
core::Pod podToRun(const core::Pod& stored, const core::PodStatus& first, const std::string& seen);

// Why such an object cannot be run: names that are none (they become parts of paths), no UID, no containers. A server
// in its right mind refuses these. Nothing: it can. Pure.
std::optional<std::string> whyMalformed(const core::Pod& stored);

// Objects that are malformed are left out; of a pod that was well before, the last good version stays. Loop thread
// only.
class PodSource {
 public:
  using PodPtr = std::shared_ptr<const core::Pod>;
  struct Options {
    std::string nodeName;
    std::function<double()> random;  // uniform in [0, 1)
  };
  struct Listener {
    // The complete set to run. Called for the first time once the API server has shown all pods, and then only when
    // something that concerns running them has changed; pods that did not change keep their pointer.
    std::function<void(std::vector<PodPtr>)> pods;
    // This pod's object (a mirror, too) is another one, or gone: what stored() answers for it has changed.
    std::function<void(const std::string& ns, const std::string& name)> storedChanged;
    // Every object may be another one; also the first time.
    std::function<void()> synced;
    std::function<void(const Error&)> failed = [](const Error&) {};
  };
  PodSource(Loop& loop, Clock& clock, apiserver::ApiClient& client, Options options, Listener listener);

  // Until cancelled.
  Task<void> run() { return reflector_.run(); }
  void retryNow() { reflector_.retryNow(); }

  bool synced() const { return reflector_.synced(); }
  // The newest copy that the API server has shown; null when it has none.
  PodPtr stored(const std::string& ns, const std::string& name) const { return reflector_.get(ns, name); }
  std::vector<PodPtr> mirrors() const;

 private:
  struct Known {
    std::string uid;
    std::string seen;
    core::PodStatus first;
    PodPtr given;
  };
  using Key = std::pair<std::string, std::string>;

  void allChanged();
  void oneChanged(const PodPtr& now, const PodPtr& before);
  bool take(const core::Pod& stored);
  bool isWellFormed(const core::Pod& stored);
  void deliver();

  Clock& clock_;
  Listener listener_;
  std::map<Key, Known> known_;       // by namespace and name
  std::set<std::string> malformed_;  // UIDs, said once
  apiserver::Reflector<core::Pod> reflector_;
};

}  // namespace cubelet::cluster
