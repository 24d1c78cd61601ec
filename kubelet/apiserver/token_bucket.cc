#include "kubelet/apiserver/token_bucket.h"

#include <algorithm>
#include <chrono>

namespace cubelet::apiserver {

TokenBucket::TokenBucket(double perSecond, int burst) {
  if (perSecond <= 0) return;
  interval_ = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / perSecond));
  depth_ = interval_ * std::max(burst, 1);
}

Duration TokenBucket::take(TimePoint now) {
  if (interval_ == Duration(0)) return Duration(0);
  filled_ = std::max(filled_, now) + interval_;
  return std::max(filled_ - now - depth_, Duration(0));
}

bool TokenBucket::tryTake(TimePoint now) {
  const TimePoint before = filled_;
  if (take(now) == Duration(0)) return true;
  filled_ = before;
  return false;
}

}  // namespace cubelet::apiserver
