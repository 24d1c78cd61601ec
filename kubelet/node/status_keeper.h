// StatusKeeper: keeps the Node at the API server as it should be. NOD-14.
#pragma once

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
#include "kubelet/node/node_copy.h"
#include "kubelet/node/node_patch.h"

namespace cubelet::node {

// When a status that has not changed is told again. Pure.
class ReportRhythm {
 public:
  explicit ReportRhythm(Duration every) : every_(every) {}
  bool isDue(TimePoint now) const { return !last_ || now >= *last_ + every_ + shift_; }
  // After a change the next report is shifted by up to half the period, either way: nodes that saw the same event do
  // not report together ever after. `random` in [0, 1).
  void reported(TimePoint now, bool changed, double random) {
    last_ = now;
    shift_ = changed ? std::chrono::duration_cast<Duration>(every_ * (random - 0.5)) : Duration(0);
  }

 private:
  Duration every_;
  Duration shift_{0};
  std::optional<TimePoint> last_;
};

// Loop thread only; what is given by reference must outlive this object.
class StatusKeeper {
 public:
  static constexpr int kAttempts = 5;

  struct Options {
    std::string nodeName;
    Duration computeEvery = std::chrono::seconds(10);
    Duration reportEvery = std::chrono::minutes(5);
    Duration timeout;                // of one request
    std::function<double()> random;  // uniform in [0, 1)
  };
  struct Hooks {
    // The Node as it should be, from the server's copy.
    std::function<core::Node(const core::Node& stored)> build;
    // The server has shown a newer copy; it stands in `copy` already.
    std::function<void()> stored;
  };
  // `copy` holds the registered Node; others may put newer ones into it.
  StatusKeeper(Clock& clock, apiserver::ApiClient& client, HeartbeatPath& path, NodeCopy& copy, Options options,
               Hooks hooks);

  // Until cancelled.
  Task<void> run();
  // The server has got the whole status just now, by the creation of the Node.
  void justReported() { rhythm_.reported(clock_.now(), true, options_.random()); }
  // Something that the status shows has changed, or the server can be reached again: looks at once.
  void lookNow() { wake_.ring(); }

 private:
  // Nothing: it worked.
  Task<std::optional<Error>> round();
  Duration pauseAfter(const std::optional<Error>& error);
  Task<Result<void>> tryOnce(bool reread);
  Task<Result<void>> reread();
  void take(core::Node answer);

  Clock& clock_;
  apiserver::ApiClient& client_;
  HeartbeatPath& path_;
  NodeCopy& copy_;
  Options options_;
  Hooks hooks_;
  NodePatcher patcher_;
  ReportRhythm rhythm_;
  Backoff backoff_;
  Wake wake_;
};

}  // namespace cubelet::node
