// How long the calls of the CRI clients may take.
#pragma once

#include <functional>
#include <string_view>

#include "base/clock.h"

namespace cubelet::cri {

// The numbers are those of a kubelet (runtimeRequestTimeout and what hangs on it).
struct ClientOptions {
  Duration runtimeRequestTimeout = std::chrono::minutes(2);  // every call that is not named below
  // RunPodSandbox: twice the above, since the runtime may have to pull its pause image and call the network plugin.
  // StopContainer: the above plus the grace. ExecSync: the above plus its own timeout, none without one.
  // CheckpointContainer: its own timeout where that is longer.
  // PullImage and event streams: none.

  // Told of every call that has ended, with the method's name; a call that was given up is not told. For whoever
  // counts: must not take long. May be empty.
  using Called = std::function<void(std::string_view method, Duration took, bool failed)>;
  Called called = nullptr;
};

}  // namespace cubelet::cri
