// StatusPublisher: what the agent knows of its pods, written to the API server. Surface 4.7; behaviours PLC, PCO,
// STA-16.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::cluster {

namespace core = ::k8s::core::v1;

// `wanted` with the times of `stored` where both say the same: what was true before the agent's start has not become
// true just now (PCO-3), and a pod starts once (PLC-10). Pure.
core::PodStatus withStoredTimes(core::PodStatus wanted, const core::PodStatus& stored);

// Whether nobody misses this status for a second: the pod is on its way to its first container, and nothing has gone
// wrong. Pure.
bool isUsualStart(const core::PodStatus& status);

// Writes each pod's status to its object, or to the mirror of a static pod, as a patch of what is ours; at most one
// request per pod at a time, and always the newest status: what changed while one was under way is one write. After a
// pod's last status its deleted object is removed. Loop thread only.
class StatusPublisher {
 public:
  using PodPtr = std::shared_ptr<const core::Pod>;
  struct Options {
    // The newest object of that name that the API server has shown; null when there is none, or nothing is known yet.
    std::function<PodPtr(const std::string& ns, const std::string& name)> stored;
    std::function<double()> random;  // uniform in [0, 1)
    // So long a status waits for the next change: one write for what belongs together.
    Duration gather = std::chrono::milliseconds(10);
    // And so long a usual start waits to become one write with "Running": what the API server does for a pod that
    // starts, it does while programs of the same node want the processor for their own starts.
    Duration hold = std::chrono::seconds(1);
  };
  StatusPublisher(Loop& loop, Clock& clock, apiserver::ApiClient& client, Options options);

  // `pod` with its status. `over`: everything of it has been stopped and removed, the status is its last one.
  void statusChanged(const core::Pod& pod, bool over);
  // What stored() answers for this name has changed.
  void storedChanged(const std::string& ns, const std::string& name);
  // Everything may have changed, or the server can be reached again: nothing waits any longer.
  void allChanged();

  Task<void> close() { return tasks_.close(); }

  // Pods whose status the API server does not have yet.
  std::size_t unsent() const;
  std::uint64_t writes() const { return writes_; }

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  struct Entry {
    Entry(Clock& clock, Backoff::Options backoff) : wake(clock), failures(std::move(backoff)) {}
    std::string uid;
    bool isStatic = false;
    core::PodStatus wanted;
    bool over = false;
    // The last write that was answered: what of ours was in it, what the answer had of it (a server leaves out what it
    // does not know), and the answer.
    std::string sent;
    std::string kept;
    std::string sentTo;  // UID of the object
    PodPtr answer;
    bool deleted = false;  // the server has taken our DELETE
    bool working = false;
    Wake wake;
    Backoff failures;
  };
  enum class Step { kSettled, kAgain, kFailed, kForget };

  void poke(const Key& key);
  Task<void> work(Key key);
  Task<void> gather(Key key);
  Task<Step> writeOnce(Key key);
  Task<Step> removeObject(Key key, std::string uid);
  PodPtr newest(const Key& key, const Entry& entry) const;
  void complain(const Key& key, const std::string& doing, const Error& error);

  Clock& clock_;
  apiserver::ApiClient& client_;
  Options options_;
  std::map<Key, std::unique_ptr<Entry>> entries_;
  std::uint64_t writes_ = 0;
  TaskGroup tasks_;
};

}  // namespace cubelet::cluster
