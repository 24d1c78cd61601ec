// PodAdmitter: which pods the node takes (ADM). The rules stand in kubelet/admission; here is when they are asked, and
// who makes room.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task_group.h"
#include "kubelet/admission/admit.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_worker.h"

namespace cubelet::sync {

// Each pod is decided on once, as soon as its name is free and the runtime is known; what it takes of the node counts
// until it is forgotten, has come to its end, or its object is gone. Loop thread only.
class PodAdmitter {
 public:
  struct Hooks {
    std::function<std::vector<PodWorker*>()> workers;  // of all wanted pods
    std::function<bool(const PodWorker&)> mayStart;    // false while another pod of the same name winds down
  };
  // `context` must outlive this object.
  PodAdmitter(Context& context, Hooks hooks);

  // Decides on all pods that wait for it, in the order in which they have a claim: first those that run already, for
  // that is how it was before the agent's start; then the older ones (SRC-7, REC-2).
  void decide();
  // Decides on all resizes that wait for it (RSZ-2, RSZ-3). Those that are put off are looked at again when a pod has
  // gone or has shrunk, and from time to time.
  void decideResizes();
  // The pod has other content under the same UID.
  void updated(const PodWorker& worker, const core::Pod& pod);
  // The pod is deleted already when the agent hears of it: nothing is decided, but what runs of it counts.
  void foundDeleted(PodWorker& worker, const core::Pod& pod);
  // Devices have come or are free again: whoever waits for them is decided on.
  void devicesChanged();
  // Somebody may wait for the end of this pod.
  void statusChanged(const PodWorker& worker);
  void forget(const std::string& uid);

  Task<void> close();

 private:
  struct Admitted {
    PodWorker* worker;
    admission::PodClaims claims;
    bool deleted = false;  // as the API server has it; its object remains
  };

  void decideOn(PodWorker& worker);
  void takeIn(PodWorker& worker);
  Task<void> reserveDevices(std::string uid);
  bool devicesMayGetFree(const std::string& uid) const;
  bool roomIsMade(const std::string& uid);
  bool looksAgain(const PodWorker& worker, const admission::Decision& decision);
  Task<void> readNodeAgain(std::string uid);
  bool decideResize(PodWorker& worker);
  void retryResizes();
  void retryResizesAfter(Duration delay);
  void reject(PodWorker& worker, admission::Rejection rejection);
  void preempt(const std::string& uid, const PodWorker& by);
  bool runsAlready(const PodWorker& worker) const;
  std::vector<const admission::PodClaims*> others(const std::string& except = "") const;

  Context& context_;
  Hooks hooks_;
  std::map<std::string, Admitted> admitted_;                  // by UID
  std::map<std::string, std::set<std::string>> roomAwaited_;  // UID -> those that make room for it
  std::set<std::string> reserving_;                           // UIDs: their devices are being chosen
  std::set<std::string> devicesAwaited_;                      // UIDs: pods that end have their devices still
  std::map<std::string, bool> nodeReread_;                    // UID -> true once the node was read again for it
  bool decidingResizes_ = false;
  Timer resizeRetry_;           // set while any is put off
  bool resizeRetried_ = false;  // the first retry comes sooner than the others
  TaskGroup tasks_;
};

}  // namespace cubelet::sync
