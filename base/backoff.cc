#include "base/backoff.h"

#include <algorithm>

namespace cubelet {

Duration nextBackoff(Duration last, Duration initial, Duration cap) {
  if (last <= Duration(0)) return std::min(initial, cap);
  if (last > cap / 2) return cap;  // also keeps the doubling from overflowing
  return std::min(last * 2, cap);
}

Duration Backoff::next() {
  last_ = nextBackoff(last_, options_.initial, options_.cap);
  if (options_.jitter == 0) return last_;
  const double stretch = 1 + options_.jitter * options_.random();
  return std::chrono::duration_cast<Duration>(last_ * stretch);
}

}  // namespace cubelet
