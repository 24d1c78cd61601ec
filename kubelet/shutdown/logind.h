// Logind: what is asked of the login manager, which is told first when the machine is to go down.
#pragma once

#include <functional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet::shutdown {

// Loop thread only.
class Logind {
 public:
  virtual ~Logind() = default;
  // Connects, giving up an older connection, and begins to listen: `announced` is called with true when a shutdown
  // begins and with false when it was called off. Then serve() has to run. kUnavailable: there is no message bus.
  virtual Result<void> open(std::function<void(bool shutdown)> announced) = 0;
  // Until cancelled, or until the connection is lost: then why.
  virtual Task<Error> serve() = 0;

  // A shutdown has been announced and not called off.
  virtual Task<Result<bool>> isPreparing() = 0;
  // How long it waits for those who delay a shutdown: InhibitDelayMaxSec.
  virtual Task<Result<Duration>> longestDelay() = 0;
  // Sets that by a file of its configuration, and lets it read that: longestDelay() answers it soon.
  virtual Task<Result<void>> setLongestDelay(Duration delay) = 0;
  // From now on a shutdown waits until the descriptor is closed. Refused while one is under way.
  virtual Task<Result<Fd>> delayShutdown() = 0;
};

}  // namespace cubelet::shutdown
