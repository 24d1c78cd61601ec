// PodTermination: that a pod is to end, by when, and what a restart of the agent must know of it.
#pragma once

#include <optional>

#include "base/clock.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/hook_tasks.h"
#include "kubelet/sync/pod_state.h"
#include "kubelet/sync/termination_record.h"

namespace cubelet::sync {

// Asked for, then begun, then over; there is no way back. From its begin to its end it is on disk, so that a restart of
// the agent neither forgets it, nor grants a new grace period, nor runs a preStop hook again (REC-2). Who stops what is
// the business of PodStopper. Loop thread only.
class PodTermination {
 public:
  // `preStops`: the pod's hooks; those that have ended are noted.
  PodTermination(Context& context, const TerminationRecords& records, const PodState& state, const HookTasks& preStops)
      : context_(context), records_(records), state_(state), preStops_(preStops) {}

  // Once. `deadline`: end of the grace period when that is known already; otherwise the pod's own begins with begin().
  void ask(std::optional<WallTime> deadline);
  bool asked() const { return askedAt_.has_value(); }
  std::optional<WallTime> askedAt() const { return askedAt_; }
  // After ask(): the pod is to end earlier, since grace may shrink (TRM-1). False: that is no earlier deadline.
  bool shorten(WallTime deadline);

  // On disk when it answers, and before the first call to the runtime. The end of the grace period; `grace` is the
  // pod's own.
  WallTime begin(Duration grace);
  // A preStop hook has ended. On disk, too, once the termination has begun.
  void hookEnded();
  // Nothing is left of the pod.
  void end();

 private:
  void save();

  Context& context_;
  const TerminationRecords& records_;
  const PodState& state_;
  const HookTasks& preStops_;
  std::optional<WallTime> askedAt_;
  std::optional<WallTime> deadline_;
  bool recorded_ = false;
};

}  // namespace cubelet::sync
