// Carries the stopping half out: containers in their order, sandboxes, and everything that the pod leaves behind.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/plan/termination.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/hook_tasks.h"
#include "kubelet/sync/lost_starts.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

class PodStopper {
 public:
  // `wake` is rung whenever something about the pod changes; stopAll() waits on it. `calls` runs the StopContainer
  // calls, `preStops` the hooks; `hookEnded` is called after each of these.
  PodStopper(Context& context, PodState& state, TaskGroup& calls, HookTasks& preStops, Wake& wake,
             std::function<void()> hookEnded)
      : context_(context),
        state_(state),
        lostStarts_(context, state),
        calls_(calls),
        preStops_(preStops),
        wake_(wake),
        hookEnded_(std::move(hookEnded)) {}

  // Stops every container (regular ones at once, sidecars after them in reverse order, each after its preStop hook) and
  // then every sandbox, all of it by `deadline`, or by an earlier one that hurry() names. Returns when the runtime has
  // confirmed all of it; what fails is reported as FailedKillPod and tried again.
  Task<void> stopAll(TimePoint deadline);
  // Less time than was granted: stops that are under way are asked for again, with what is left (TRM-1).
  void hurry(TimePoint deadline);
  // One container, after its preStop hook. The error has been reported.
  Task<bool> stopOne(plan::KillContainer kill);
  // Removes one dead container with its log file, link and termination message. The error has been logged. False, too,
  // when it was thought never to have run and has started meanwhile.
  Task<bool> removeContainer(std::string id, bool keepLog = false);
  // One dead sandbox, with the network that may still be set up for it. The error has been reported.
  Task<bool> removeSandbox(std::string id);
  // stopAll(), then removes containers, sandboxes, volumes, the pod's directory and its logs. Returns when the runtime
  // has nothing of the pod any more; what fails is tried again.
  Task<void> stopAndRemove(TimePoint deadline);

 private:
  const core::Pod* object() const;  // null when it is unknown
  bool stopsUnderWay() const;
  void beginPreStop(const plan::StopContainer& stop, const observe::ObservedPod& pod);
  void reportPreStops();
  Task<void> preStopUntil(plan::KillContainer kill, TimePoint end);
  TimePoint beginStop(const plan::StopContainer& stop, TimePoint now);
  Task<void> stopContainer(plan::StopContainer stop);
  Task<bool> tryRemoveAll();
  Task<void> waitForRuntime();
  void announce(const std::string& container, const std::string& id, const std::string& message);
  void failedToKill(const Error& error);
  void failedToCollect(const char* what, const std::string& id, const Error& error);
  void removeFiles(const observe::ObservedContainer& container, const observe::ObservedPod& pod, bool keepLog);
  observe::ObservedPod have() const;

  Context& context_;
  PodState& state_;
  LostStarts lostStarts_;
  TaskGroup& calls_;
  HookTasks& preStops_;
  Wake& wake_;
  std::function<void()> hookEnded_;
  std::map<std::string, std::string> preStopping_;  // ids whose hook has not been seen to end -> container
  TimePoint deadline_ = TimePoint::max();
  std::set<std::string> announced_;  // ids with a Killing event
  std::map<std::string, TimePoint>
      notBefore_;  // ids whose StopContainer is under way (max) or has been answered: repeat then
};

}  // namespace cubelet::sync
