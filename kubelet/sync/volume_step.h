// The volumes of a pod that is to start: every one on its own (VOL-1 to VOL-3).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/status/explain.h"
#include "kubelet/status/pod_status.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// A volume that hangs or fails is tried again beside the worker, less and less often, and holds up neither the other
// volumes nor the worker. Loop thread only.
class VolumeStep {
 public:
  using Reject = std::function<void(status::FailedBy)>;
  // `tries` runs the tries; `wake` is called when one has ended, `reject` when the node cannot have one of the volumes.
  VolumeStep(Context& context, PodState& state, TaskGroup& tries, std::function<void()> wake, Reject reject)
      : context_(context),
        state_(state),
        tries_(tries),
        wake_(std::move(wake)),
        reject_(std::move(reject)),
        ended_(context.clock) {}

  // True when all are ready: state.volumes is set. Otherwise what is missing is under way, or its next try is due at
  // nextTry(). Waits for a moment, so that the usual case needs no second look.
  Task<bool> prepare();
  // When a volume that has failed is to be tried again; nothing when none waits for that.
  std::optional<WallTime> nextTry() const;
  // Something that a volume refers to has changed: what has failed is due at once.
  void retryNow();
  // The pod has changed: what is ready is looked at again before the next start.
  void forget();

 private:
  void begin();
  bool isReady() const;
  bool isWorthWaiting() const;
  Task<void> tryOne(core::Pod pod, core::Volume volume);
  void failed(const std::string& name, const Error& error);
  void reportIn(Duration delay, const std::string& name, bool first);
  void report(const std::string& name, bool first);

  Context& context_;
  PodState& state_;
  TaskGroup& tries_;
  std::function<void()> wake_;
  Reject reject_;
  Wake ended_;                            // rung at the end of each try
  std::map<std::string, Timer> reports_;  // by volume: when to tell how far its walk has come
};

// "unmounted volumes=[a b], unattached volumes=[], failed to process volumes=[b]: `why`", as upstream words it.
std::string unmountedVolumes(const PodState& state, const std::string& why);

// What status and `cubelet explain` tell of them, in the order of the pod's volumes.
std::vector<status::WaitingVolume> waitingVolumes(const PodState& state);

}  // namespace cubelet::sync
