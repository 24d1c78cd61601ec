// What the agent tells its service manager (sd_notify(3)): ready, status text, watchdog pings, stopping.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace cubelet {

// Sends never block. Loop thread only.
class NotifySocket {
 public:
  // `address` as in $NOTIFY_SOCKET: a path, or "@name" in the abstract namespace. Empty: nobody wants to know, and
  // every call does nothing and succeeds.
  explicit NotifySocket(std::string address) : address_(std::move(address)) {}
  static NotifySocket fromEnvironment();

  bool wanted() const { return !address_.empty(); }

  Result<void> ready() { return send("READY=1"); }
  Result<void> stopping() { return send("STOPPING=1"); }
  Result<void> ping() { return send("WATCHDOG=1"); }
  // One line for people ("3 pods run, 1 waits"). Sent only when it differs from the one before.
  Result<void> status(std::string_view text);

 private:
  Result<void> send(std::string_view state);

  std::string address_;
  std::string status_;
};

// How often the service manager wants a ping at least, from $WATCHDOG_USEC and $WATCHDOG_PID. Empty: not at all, or
// that wish is meant for another process.
std::optional<Duration> watchdogInterval();

// Pings from the loop at half the interval: a loop that is stuck lets the service manager restart the agent.
class Watchdog {
 public:
  // Pings at once. While `healthy` answers false no ping is sent; empty stands for always true. `clock` and `socket`
  // must outlive this object.
  Watchdog(Clock& clock, NotifySocket& socket, Duration interval, std::function<bool()> healthy = nullptr);

 private:
  void ping();

  Clock& clock_;
  NotifySocket& socket_;
  Duration period_;
  std::function<bool()> healthy_;
  bool failed_ = false;
  Timer timer_;
};

}  // namespace cubelet
