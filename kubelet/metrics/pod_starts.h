// PodStarts: how long pods take until they run, told by their statuses.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace cubelet::metrics {

// Pods that ran already when they were seen first were started by an earlier run of the agent and do not count, nor do
// those that end without having run. Loop thread only.
class PodStarts {
 public:
  struct Seen {
    std::string uid;
    std::string_view phase;
    bool terminated = false;       // this status is its last one
    std::optional<WallTime> made;  // when the API server has got it; nothing: the time since then does not count
  };
  struct Started {
    Duration sinceSeen{0};
    std::optional<Duration> sinceMade;  // without the time that pulls took
  };
  // A pod's status, at each change. Something is answered once, when the pod has begun to run.
  std::optional<Started> status(const Seen& pod, WallTime now);
  // An image of the pod was pulled.
  void pulled(const std::string& uid, Duration took);

  std::size_t size() const { return pods_.size(); }

 private:
  struct Pod {
    WallTime seen;
    Duration pulls{0};
    bool over = false;  // it has run, or never will
  };
  std::map<std::string, Pod> pods_;
};

}  // namespace cubelet::metrics
