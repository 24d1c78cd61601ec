// HookTasks: the hooks of a pod's containers that are under way or have ended, one kind of them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/plan/termination.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Each hook is a task of its own, so that whoever waits for it can also listen to other news. Loop thread only.
class HookTasks {
 public:
  // `wake` is rung when a hook has ended.
  HookTasks(Context& context, PodState& state, Wake& wake)
      : context_(context), state_(state), wake_(wake), tasks_(context.loop) {}

  // Once for each instance. `container` carries name and ports.
  void begin(const std::string& id, core::LifecycleHandler handler, core::Container container);
  // An earlier run of the agent has seen its end.
  void noteEnded(const std::string& id) { states_[id] = plan::HookState::kEnded; }
  const plan::HookStates& states() const { return states_; }
  bool runs(const std::string& id) const;
  // How it went; kCancelled when it was given up, nothing before it has ended.
  std::optional<Result<void>> result(const std::string& id) const;

  void forget(const std::string& id);
  // Returns once the hook has ended; when its container ends before, or the time comes, the hook is given up.
  Task<void> waitFor(std::string id, TimePoint until);
  // Somebody is in waitFor(): cancelling that task leaves the hook running.
  bool awaited() const { return awaited_; }

  // Gives up all that run. They count as ended at once.
  void cancel();
  Task<void> drain() { return tasks_.drain(); }
  Task<void> close() { return tasks_.close(); }

 private:
  bool containerLives(const std::string& id) const;
  Task<void> run(std::string id, core::LifecycleHandler handler, hooks::HookTarget target);

  Context& context_;
  PodState& state_;
  Wake& wake_;
  TaskGroup tasks_;
  bool awaited_ = false;
  plan::HookStates states_;
  std::map<std::string, Result<void>> results_;
};

}  // namespace cubelet::sync
