// What starts of a pod have failed for: remembered for the planner, told as events.
#pragma once

#include <functional>
#include <string>

#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// The memory says why the sandbox or the container does not run and when it is tried again; no event is told of a pod
// that is being stopped meanwhile (SBX-3). Loop thread only.
class StartFailures {
 public:
  StartFailures(Context& context, PodState& state, std::function<bool()> stopping)
      : context_(context), state_(state), stopping_(std::move(stopping)) {}

  void sandboxFailed(const Error& error);
  // An error without a reason has `defaultReason`.
  void containerFailed(const std::string& container, const Error& error, const char* defaultReason);
  // The container runs, its hook has failed: `error` has the hook's reason.
  void postStartFailed(const std::string& container, const Error& error);

  // SBX-6: a runtime without its network refuses every sandbox that needs it, so it is only asked about it then. It
  // tells nobody when the network comes: while it is away, the sandbox is tried again every second.
  Task<bool> networkIsDown();
  // What networkIsDown() has answered last.
  bool networkWasDown() const { return networkDown_; }

 private:
  void remember(const std::string& container, const Error& error, std::string reason, std::string message);

  Context& context_;
  PodState& state_;
  std::function<bool()> stopping_;
  bool networkDown_ = false;
};

}  // namespace cubelet::sync
