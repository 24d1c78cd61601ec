// MirrorPods: keeps one pod at the API server for each static pod of this node, so that the cluster can see it.
// STA-15 to STA-19.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/cluster/mirror_rules.h"

namespace cubelet::cluster {

// Nothing that runs a static pod waits for it: errors are logged and tried again, each pod on its own. Acts once it has
// been told the static pods and the mirrors that exist; what exists is known from the pod watch, which others run. Loop
// thread only.
class MirrorPods {
 public:
  // Between two tries for one pod: from a second, doubling to a minute. The same bounds how fast a mirror is made again
  // that somebody keeps deleting.
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kMaxPause = std::chrono::minutes(1);

  // A mirror was found or made that was not known before, or replaces another one: there is a new object to post the
  // static pod's status to. Called from the functions below and from run(); must not destroy the caller.
  using Appeared = std::function<void(const PodPtr& mirror)>;

  // What is given by reference must outlive this object.
  MirrorPods(Loop& loop, Clock& clock, apiserver::ApiClient& client, Appeared appeared = [](const PodPtr&) {});

  // Until cancelled; then close(). Ends by itself after close().
  Task<void> run();
  // Gives up what is under way; the mirrors stay. Required before destruction.
  Task<void> close();

  // ---- What is wanted

  // All static pods that run, shall run or still stop: a mirror goes when its pod is no longer among them. Of two with
  // the same namespace and name the later one is the newer. The first call says that the sources are ready: mirrors of
  // nobody go from then on (STA-18).
  void setStaticPods(std::vector<PodPtr> wanted);
  // The Node object as registered. Another UID: it was made again, and the mirrors will be, too. An empty UID: it is
  // gone.
  void nodeKnown(std::string name, std::string uid);

  // ---- What is there

  // After each complete list of this node's pods: all that carry the annotation.
  void mirrorsSynced(const std::vector<PodPtr>& all);
  void mirrorSeen(PodPtr mirror);  // added or changed
  // Deleted. With `uid` only if it is still that one: word of the deletion may come after its successor was made.
  void mirrorGone(const std::string& ns, const std::string& name, const std::string& uid = "");

  // The mirror as it was last seen, null for none. It may show another static pod than the one in question: compare
  // mirroredHash() with the UID.
  PodPtr mirrorOf(const std::string& ns, const std::string& name) const;

  // The server can be reached again: nothing waits any longer.
  void serverIsBack();

 private:
  struct Entry {
    std::vector<PodPtr> wanted;
    PodPtr mirror;
    std::string goneUid;  // of the mirror that went last
    bool busy = false;    // a request is under way
    Backoff backoff{{.initial = kFirstPause, .cap = kMaxPause}};
    TimePoint tried;      // when the last try ended
    TimePoint notBefore;  // of the next one
    std::string logged;   // the error that was logged last
  };

  static std::string keyOf(const core::Pod& pod);
  // Starts what is due; answers when something else will be.
  TimePoint startDue();
  void dropEmpty();
  Task<void> carryOut(std::string key, MirrorStep step, NodeIdentity node);
  Task<Result<void>> create(std::string key, PodPtr pod, NodeIdentity node);
  Task<Result<void>> remove(std::string key, std::string uid);
  void take(Entry& entry, PodPtr mirror);
  void forget(Entry& entry);
  void pause(Entry& entry);
  static void endPause(Entry& entry);
  void note(const std::string& key, Entry& entry, const MirrorStep& step, const Result<void>& done);

  Clock& clock_;
  apiserver::ApiClient& client_;
  Appeared appeared_;
  std::map<std::string, Entry> entries_;  // by "namespace/name"
  NodeIdentity node_;
  bool wantedKnown_ = false;
  bool mirrorsKnown_ = false;
  bool silenceLogged_ = false;  // that the server does not answer
  bool closed_ = false;
  Wake wake_;
  TaskGroup tasks_;
};

}  // namespace cubelet::cluster
