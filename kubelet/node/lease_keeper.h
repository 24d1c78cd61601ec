// LeaseKeeper: renews the node's lease. NOD-15.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/node/heartbeat_path.h"
#include "kubelet/node/lease_rules.h"

namespace cubelet::node {

// Renews whether or not the node is ready. A lease that is missing is made once the Node's UID is known. Loop thread
// only; what is given by reference must outlive this object.
class LeaseKeeper {
 public:
  struct Options {
    std::string nodeName;
    std::chrono::seconds duration{40};
    Duration timeout;                      // of one request
    std::function<std::string()> nodeUid;  // "": not known yet
    std::function<double()> random;        // uniform in [0, 1)
  };
  LeaseKeeper(Clock& clock, apiserver::ApiClient& client, HeartbeatPath& path, Options options);

  // Until cancelled.
  Task<void> run();
  // The server can be reached again, or the UID is known now: ends a pause that follows a failure.
  void retryNow() {
    if (failing_) wake_.ring();
  }
  // Somebody else got no answer: renews soon, to find out. Not at once: the other nodes have seen the same.
  void checkSoon();
  // When the server last confirmed a renewal, by our clock; nothing: never.
  std::optional<TimePoint> renewedAt() const { return renewedAt_; }

 private:
  Task<Result<void>> renewOnce();
  Task<Result<void>> learn();
  Task<Result<void>> write(Lease lease, bool create);

  Clock& clock_;
  apiserver::ApiClient& client_;
  HeartbeatPath& path_;
  Options options_;
  std::optional<Lease> lease_;  // as the server last had it
  std::optional<TimePoint> renewedAt_;
  bool failing_ = false;
  Backoff backoff_;
  Wake wake_;
  Timer check_;
};

}  // namespace cubelet::node
