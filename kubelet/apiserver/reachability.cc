#include "kubelet/apiserver/reachability.h"

#include <utility>

namespace cubelet::apiserver {

void Reachability::answered(Lane lane, int status) {
  const bool unable = status == 429 || status >= 500;
  if (unable) {
    // Other requests may fail for what they ask: a webhook that is gone, an object that cannot be stored.
    if (lane == Lane::kHeartbeat)
      goAway(Error(Code::kUnavailable, "", "the API server answers heartbeats with status " + std::to_string(status)));
    return;
  }
  lastAnswer_ = clock_.wallNow();
  if (!std::exchange(away_, std::nullopt)) return;
  for (const auto& back : back_) back();
}

void Reachability::unanswered(const Error& error) {
  // Credentials or certificates that cannot be used: no matter of the way there.
  if (error.code != Code::kUnavailable && error.code != Code::kTimedOut) return;
  goAway(error);
}

void Reachability::goAway(Error why) {
  const bool isNews = !away_;
  away_ = std::move(why);
  if (!isNews) return;
  const Error told = *away_;
  for (const auto& lost : lost_) lost(told);
}

}  // namespace cubelet::apiserver
