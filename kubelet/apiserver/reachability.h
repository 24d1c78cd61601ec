// Reachability: whether the API server answers, as learned from every request of a client.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/apiserver/transport.h"

namespace cubelet::apiserver {

// One request that gets through tells all others that waiting is over: whoever has been refused and waits for its turn
// tries again at once. So nobody needs a short pause of its own, and a server that is away is asked by the heartbeats
// only. Listeners are called from the loop, each time anew; they must not destroy this object. Loop thread only.
class Reachability {
 public:
  explicit Reachability(Clock& clock) : clock_(clock) {}
  Reachability(const Reachability&) = delete;
  Reachability& operator=(const Reachability&) = delete;

  // What became of a request. An answer of any kind shows that the server is there; a heartbeat's that was refused for
  // the server's own trouble (429, 5xx) shows that it is in no state to serve.
  void answered(Lane lane, int status);
  void unanswered(const Error& error);

  // The last heartbeat, or the last request that came to an end, got no answer that counts.
  bool isAway() const { return away_.has_value(); }
  // And nobody said why: what is sent vanishes, or the server hangs.
  bool isSilent() const { return away_ && away_->code == Code::kTimedOut; }
  // Why it is away; null while it is not.
  const Error* problem() const { return away_ ? &*away_ : nullptr; }
  std::optional<WallTime> lastAnswer() const { return lastAnswer_; }

  void onLoss(std::function<void(const Error&)> lost) { lost_.push_back(std::move(lost)); }
  void onReturn(std::function<void()> back) { back_.push_back(std::move(back)); }

 private:
  void goAway(Error why);

  Clock& clock_;
  std::optional<Error> away_;
  std::optional<WallTime> lastAnswer_;
  std::vector<std::function<void(const Error&)>> lost_;
  std::vector<std::function<void()>> back_;
};

}  // namespace cubelet::apiserver
