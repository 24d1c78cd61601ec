// ClaimSet: the claims that pods use, and the volumes behind them.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/objects/objects.h"

namespace cubelet::objects {

// Nothing stands between the claim and its use any more, as far as the claim itself can tell.
bool isUsable(const core::PersistentVolumeClaim& claim);

// A node may get claims and volumes by their names, but may not watch them (surface 4.11). So each question goes to the
// server, and a claim that is missing, unbound or being deleted is asked for again, after 100 ms and then at growing
// intervals up to 2 s, for as long as a pod uses it and has not got a usable one. Loop thread only.
class ClaimSet {
 public:
  // References must outlive this object. `random` is uniform in [0, 1). `changed` hears of a claim that is another one
  // than in the last answer.
  ClaimSet(Loop& loop, apiserver::ApiClient& client, std::function<double()> random,
           std::function<void(const std::string& ns, const std::string& name)> changed)
      : client_(client), random_(std::move(random)), changed_(std::move(changed)), tasks_(loop) {}

  void addUser(const std::string& ns, const std::string& name, const std::string& podUid);
  void dropUser(const std::string& ns, const std::string& name, const std::string& podUid);

  Task<Result<ClaimPtr>> get(std::string ns, std::string name);
  // The server learns late that a pod of this node has a right to the volume: its first refusals are followed by quick
  // tries.
  Task<Result<PersistentVolumePtr>> volume(std::string name);

  // The server can be reached again.
  void retryNow();
  Task<void> close();
  // How many claims are asked for again.
  std::size_t awaited() const;

 private:
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    std::set<std::string> users;  // UIDs of pods
    std::string answer;           // what the last answer came to
    Duration delay{0};            // before the next question
    Timer next;
  };

  Task<Result<ClaimPtr>> ask(Key key);
  Task<void> askAgain(Key key);
  void note(const Key& key, Entry& entry, const Result<ClaimPtr>& answer);

  apiserver::ApiClient& client_;
  std::function<double()> random_;
  std::function<void(const std::string& ns, const std::string& name)> changed_;
  std::map<Key, Entry> entries_;
  TaskGroup tasks_;
};

}  // namespace cubelet::objects
