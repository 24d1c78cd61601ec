// Starts of which nobody knows how they have ended: cut off half-way, as by the death of the agent that had asked for
// them, or with their reply lost.
#pragma once

#include <string>

#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// A lost start may have gone through all the same, although the runtime says that it failed, or that the container has
// exited: the program must neither run twice nor stay behind. Loop thread only.
class LostStarts {
 public:
  LostStarts(Context& context, PodState& state) : context_(context), state_(state) {}

  // Before another instance is made: ends what may run of the last one, if its start has failed.
  Task<void> endFailed(std::string container);
  // Before a container is removed that was made and not started: it has started meanwhile, and stays. To remove it
  // would end a program that is meant to run, and start it a second time.
  Task<bool> hasStartedLate(std::string id);
  // `refused`: how the runtime has answered RemoveContainer for a container that it calls exited. Ends what runs of it
  // and removes it then; answers how that went, `refused` when nothing of it ran.
  Task<Result<void>> endAndRemove(std::string id, Result<void> refused);

 private:
  Context& context_;
  PodState& state_;
};

}  // namespace cubelet::sync
