// How long the calls of the CRI clients may take.
#pragma once

#include "base/clock.h"

namespace cubelet::cri {

// The numbers are those of a kubelet (runtimeRequestTimeout and what hangs on it).
struct ClientOptions {
  Duration runtimeRequestTimeout = std::chrono::minutes(2);  // every call that is not named below
  // RunPodSandbox: twice the above, since the runtime may have to pull its pause image and call the network plugin.
  // StopContainer: the above plus the grace. ExecSync: the above plus its own timeout, none without one.
  // PullImage and event streams: none.
};

}  // namespace cubelet::cri
