// HeartbeatPath: whether heartbeats get through to the API server, and what is done when they do not.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "kubelet/apiserver/api_client.h"

namespace cubelet::node {

// After a failure the next try comes soon: a server that is back should hear of us within two seconds, not within the
// ten of the usual rhythm.
Backoff heartbeatBackoff(std::function<double()> random);

// True when the server has said nothing at all, so that the way to it may be broken. An answer of whatever kind has a
// reason (apiserver::statusError).
bool isUnanswered(const Error& error);

// Shared by all that sends heartbeats. From the second heartbeat in a row on that got no answer, all connections are
// closed: a dead path or a load balancer that has moved must not hold the node NotReady (surface 4.1). Logs the begin
// and the end of trouble, not each try. Loop thread only.
class HeartbeatPath {
 public:
  explicit HeartbeatPath(apiserver::Transport& transport) : transport_(transport) {}

  void worked(const std::string& what);
  void failed(const std::string& what, const Error& error);

 private:
  apiserver::Transport& transport_;
  int unanswered_ = 0;
  std::map<std::string, std::string> troubles_;  // what -> the kind of failure that was logged
};

// "unavailable", "invalid Forbidden": what kind of failure this is. Messages of the network tell of milliseconds and
// the like, so that no two are alike.
std::string kindOf(const Error& error);

// Options of a heartbeat: charged to no budget, over within `atMost`.
apiserver::CallOptions heartbeatCall(Duration atMost);

}  // namespace cubelet::node
