// PodWorker: the life of one pod, from the first sandbox to the last byte of its directory.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/device_step.h"
#include "kubelet/sync/hook_tasks.h"
#include "kubelet/sync/image_step.h"
#include "kubelet/sync/pod_adoption.h"
#include "kubelet/sync/pod_probes.h"
#include "kubelet/sync/pod_resizer.h"
#include "kubelet/sync/pod_starter.h"
#include "kubelet/sync/pod_state.h"
#include "kubelet/sync/pod_stopper.h"
#include "kubelet/sync/pod_termination.h"
#include "kubelet/sync/termination_message.h"
#include "kubelet/sync/termination_record.h"
#include "kubelet/sync/volume_step.h"
#include "kubelet/sync/volume_upkeep.h"

namespace cubelet::sync {

// One coroutine per pod UID. It wakes when its pod's runtime state changes, a pull ends, the pod is updated or to be
// stopped, or a time has come that its own plan asked for; then it plans and carries the plan out, step by step.
// Nothing else starts or stops a container of the pod. Loop thread only.
class PodWorker {
 public:
  struct Callbacks {
    std::function<bool(const PodWorker&)> mayStart;  // false while another pod of the same name winds down
    std::function<void()> askIn;                     // it could start now: admit() or fail() follows, now or later
    std::function<void()> askResize;                 // judgeResize() and heedResize() may follow, now or later
    std::function<void(PodWorker&)> finished;        // termination is complete; close() and destroy the worker
    std::function<void()> volumesReleased;           // of a pod that has come to its end
    // The status is another one, or final (see terminated()).
    std::function<void(const PodWorker&)> statusChanged;
  };

  // `pod` is complete, or (objectKnown false) only says uid, name and namespace of something found in the runtime.
  PodWorker(Context& context, const TerminationRecords& records, core::Pod pod, bool objectKnown, Callbacks callbacks);
  PodWorker(const PodWorker&) = delete;
  PodWorker& operator=(const PodWorker&) = delete;

  void start();
  // The same pod with other content (same UID).
  void update(core::Pod pod);
  // Terminates the pod for good. `deadline`: end of its grace period, when that began earlier (before a restart of the
  // agent); otherwise the pod's own grace begins now. Repeating it changes nothing, but for an earlier deadline: grace
  // may shrink (TRM-1).
  void stop(std::optional<WallTime> deadline = std::nullopt);
  // Before start(): preStop hooks that an earlier run of the agent has seen to end.
  void notePreStopsEnded(const std::vector<std::string>& containerIds);
  // The node takes the pod (ADM-1). Before that nothing of it starts, and no status is told.
  void admit();
  // Whatever runs of the pod is stopped, nothing starts any more, and its phase is Failed for good. `grace`: less time
  // to end than the pod asks for.
  void fail(status::FailedBy why, std::optional<Duration> grace = std::nullopt);
  // An in-place resize is asked for and nobody has granted it, nor refused it for good (RSZ-2).
  bool wantsResize() const;
  const PodResizer& resizer() const { return resizer_; }
  void heedResize(resize::Verdict verdict);
  // Something about the pod or the world changed: look again.
  void ring();
  void runtimeSynced();
  // Dead containers that the node has no room for (GC-1): all of them, those named before are forgotten.
  void removeDead(std::set<std::string> ids);
  // A ConfigMap or Secret that the pod refers to has changed, appeared or gone.
  void objectChanged();
  // A container that waits for its devices is due at once.
  void devicesChanged();
  // Volumes that have failed are due at once, and so is their end.
  void retryVolumes();
  // The agent ends: stops working and leaves the pod as it is. After finished() too.
  Task<void> close();

  const core::Pod& pod() const { return state_.pod; }
  const std::string& uid() const { return state_.uid(); }
  std::string fullName() const { return state_.ref(); }
  bool stopping() const { return termination_.asked(); }
  // Admitted or rejected.
  bool decided() const { return decided_; }
  // Why it is to end, or never to start, and stays Failed.
  const std::optional<status::FailedBy>& failedBy() const { return failedBy_; }
  // Everything has been stopped and removed, and the status is the pod's last one.
  bool terminated() const { return terminated_; }
  // The pod has come to its end and has given its volumes back.
  bool volumesReleased() const { return volumesReleased_; }
  bool objectKnown() const { return state_.objectKnown; }
  const core::PodStatus& status() const { return status_; }
  // For people who ask why a pod waits.
  const PodState& state() const { return state_; }
  const plan::PodPlan& plan() const { return plan_; }
  bool waitsForName() const { return waitsForName_; }
  // The pod with its current status; with a deletionTimestamp while it is being stopped.
  core::Pod view() const;

 private:
  Task<void> run();
  Task<void> syncPod();
  Task<void> resize();
  Task<bool> carryOut(plan::PodPlan plan);
  Task<bool> stopForPlan(plan::PodPlan plan);
  Task<void> terminate();
  void replan();
  void applyUpdate();
  void adopt();
  Task<void> moveIntoCgroup();
  void failWhenOverdue();
  std::optional<WallTime> activeDeadline() const;
  void announceBackoff();
  Task<void> keepVolumes();
  Task<void> releaseVolumes();
  void publish(bool terminated);
  TimePoint steady(WallTime when) const;
  observe::ObservedPod have() const;

  Context& context_;
  Callbacks callbacks_;
  PodState state_;
  Wake wake_;
  TaskGroup main_;   // run()
  TaskGroup sync_;   // syncPod(), at most one; run() waits for it
  TaskGroup calls_;  // pulls, StopContainer calls and volumes that grow
  HookTasks postStarts_;
  HookTasks preStops_;
  ImageStep images_;
  VolumeStep volumes_;
  VolumeUpkeep upkeep_;
  DeviceStep devices_;
  PodResizer resizer_;
  PodStarter starter_;
  PodAdoption adoption_;
  PodTermination termination_;
  PodStopper stopper_;
  PodProbes probes_;
  TerminationMessages messages_;

  bool decided_ = false;
  bool terminated_ = false;
  bool volumesReleased_ = false;  // of a pod that has come to its end
  bool told_ = false;             // statusChanged was called
  bool waitsForName_ = false;
  std::optional<status::FailedBy> failedBy_;  // decided by the agent, whatever the containers do
  std::optional<Duration> failedGrace_;       // how long the pod has to end then, when not as long as it asks for
  std::optional<core::Pod> pendingUpdate_;
  Timer giveUp_;
  plan::PodPlan plan_;
  TimePoint nextWake_ = TimePoint::max();
  WallTime startTime_;
  core::PodStatus status_;
  std::map<std::string, WallTime> announcedBackoff_;  // container -> the end that a BackOff event has told
};

}  // namespace cubelet::sync
