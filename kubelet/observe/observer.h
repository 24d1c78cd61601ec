// Observer: the pod lifecycle event generator (PLEG). What is really running, kept up to date by runtime events.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "cri/client/runtime_service.h"
#include "kubelet/observe/observed_pod.h"

namespace cubelet::observe {

// An event is a hint: it makes the observer look at that one pod again. Three kinds of news change a pod here:
//   - an exit event, which carries its own code and time (the runtime's status lags behind by up to 160 ms);
//   - the reply to one of our own calls, reported by the pod's worker through the own... functions;
//   - a read of the runtime (one pod after a hint; everything after each (re)connect and as an audit).
// Each change bumps the pod's generation; a read that was asked for under an older one is dropped and asked again, so
// no late answer can undo a newer fact (the cause of duplicate containers in kubernetes/kubernetes#120942, #121003).
// Loop thread only.
class Observer {
 public:
  struct Options {
    Duration auditEvery = std::chrono::minutes(5);  // full re-list that counts what events had missed
    Duration pollEvery = std::chrono::seconds(1);   // only for runtimes without any event stream
    Duration reconnectFirst = std::chrono::milliseconds(100);
    Duration reconnectMax = std::chrono::seconds(5);  // REC-9
  };
  struct Listener {
    std::function<void(const std::string& uid)> podChanged;
    // After each full list: everything is known again. Also the first time.
    std::function<void()> synced;
    // The runtime went away. Nothing is concluded about containers until the next synced().
    std::function<void(const Error&)> lost;
    // A full list was made; it took that long. For whoever counts; may be empty.
    std::function<void(TimePoint began, Duration took)> listed = nullptr;
  };

  Observer(Loop& loop, Clock& clock, cri::RuntimeService& runtime, Options options, Listener listener);

  // Until cancelled; then close().
  Task<void> run();
  Task<void> close() { return tasks_.close(); }

  // True between a full list and the loss of the event stream.
  bool synced() const { return synced_; }
  // Null: the runtime has nothing with that UID.
  const ObservedPod* find(const std::string& uid) const;
  std::vector<std::string> uids() const;
  // Pods that the audits so far found different from what events had told, in all and in the last one.
  std::uint64_t auditDifferences() const { return auditDifferences_; }
  std::uint64_t lastAuditDifferences() const { return lastAuditDifferences_; }
  std::optional<WallTime> lastAudit() const { return lastAudit_; }
  std::uint64_t fullLists() const { return fullLists_; }

  // Replies to our own calls.
  void ownSandboxRun(const ObservedPod& identity, ObservedSandbox sandbox);
  void ownSandboxStopped(const std::string& uid, const std::string& id);
  void ownSandboxRemoved(const std::string& uid, const std::string& id);
  void ownContainerCreated(const std::string& uid, ObservedContainer container);
  void ownContainerStarted(const std::string& uid, const std::string& id);
  // What a status says that was read because of the start.
  void ownContainerUser(const std::string& uid, const std::string& id, ObservedUser user);
  // StopContainer has answered. The exit event usually came before; otherwise the status is read until it says so.
  void ownContainerStopped(const std::string& uid, const std::string& id);
  void ownContainerRemoved(const std::string& uid, const std::string& id);

  // Reads the pod from the runtime now; when it answers without error, find(uid) is what the runtime had at some moment
  // after this call began. Concurrent reads of one pod join.
  Task<Result<void>> refresh(std::string uid);

 private:
  Task<Result<void>> follow();
  Task<Result<void>> listAll();
  Task<void> listAgain();
  Task<Result<bool>> readPod(std::string uid);
  Task<void> completeStatuses(ObservedPod* pod, std::vector<std::string> ids);
  Task<void> auditOnce();
  Task<void> refreshSoon(std::string uid);
  Task<void> refreshRepeatedly(std::string uid);
  Task<void> settleExit(std::string uid, std::string id, Duration first);

  void handle(cri::RuntimeEvent event);
  void applyExit(const std::string& uid, const cri::RuntimeEvent& event);
  void applyEarlyExit(const std::string& uid, const std::string& id);
  void replace(const std::string& uid, ObservedPod pod);
  void hint(const std::string& uid);
  void touched(const std::string& uid);
  void forgetUnread();
  void armAudit();

  Loop& loop_;
  Clock& clock_;
  cri::RuntimeService& runtime_;
  Options options_;
  Listener listener_;
  TaskGroup tasks_;
  Timer auditTimer_;

  bool synced_ = false;
  bool polling_ = false;
  bool auditing_ = false;
  std::unordered_map<std::string, ObservedPod> pods_;
  std::unordered_map<std::string, std::string> owner_;  // sandbox or container id -> pod UID
  // One counter for all pods: a read compares the pod's last change with the count at the moment it was asked.
  std::uint64_t changes_ = 0;
  std::unordered_map<std::string, std::uint64_t> lastChange_;  // kept for vanished pods while a read is under way
  std::size_t readsUnderWay_ = 0;
  std::unordered_map<std::string, bool> hinted_;  // UID -> another hint came while its read was under way
  // Exits of ids nobody has told us yet: the exit of a short program can overtake the reply that names it.
  std::deque<cri::RuntimeEvent> earlyExits_;
  std::set<std::string> oomKilled_;  // container ids between their OOM event and their exit
  std::uint64_t auditDifferences_ = 0;
  std::uint64_t lastAuditDifferences_ = 0;
  std::optional<WallTime> lastAudit_;
  std::uint64_t fullLists_ = 0;
};

}  // namespace cubelet::observe
