// VolumeUpkeep: the volumes of a pod that runs follow what they show, and what their claims ask for.
#pragma once

#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/task_group.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Loop thread only.
class VolumeUpkeep {
 public:
  // `calls` runs what takes its time; `wake` is called when that has ended.
  VolumeUpkeep(Context& context, PodState& state, TaskGroup& calls, std::function<void()> wake)
      : context_(context), state_(state), calls_(calls), wake_(std::move(wake)) {}

  // The pod is looked at for the first time: of one that is up already everything may be out of date.
  void adopted(bool isUp) { filesStale_ = claimsStale_ = isUp; }
  // What files show may have changed: objects of the API server, the pod's own metadata.
  void filesChanged() { filesStale_ = true; }
  // What claims promise may have changed, or a volume can grow now that could not before.
  void claimsChanged() { claimsStale_ = true; }

  // Brings files up to date when that is due, tokens too. Answers when it is due again, if ever.
  Task<std::optional<WallTime>> refreshFiles();
  // Beside the worker, when it is due: a file system that grows takes its time. Answers when it is due again, if ever.
  std::optional<WallTime> growIfDue();

 private:
  Task<void> grow(core::Pod pod);

  Context& context_;
  PodState& state_;
  TaskGroup& calls_;
  std::function<void()> wake_;
  bool filesStale_ = false;
  bool claimsStale_ = false;
  bool growing_ = false;
};

}  // namespace cubelet::sync
