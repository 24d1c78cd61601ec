// Exponential back-off, as data: no clock, no timer.
#pragma once

#include <functional>

#include "base/clock.h"

namespace cubelet {

class Backoff {
 public:
  struct Options {
    Duration initial;
    Duration cap;
    // Each delay is stretched by up to this share: 0.1 makes 10 s into 10 to 11 s. The cap bounds the delay before
    // that.
    double jitter = 0;
    // Uniform in [0, 1); needed when jitter is not zero.
    std::function<double()> random = nullptr;
  };
  explicit Backoff(Options options) : options_(std::move(options)) {}

  // The delay before the next try: initial, then twice the one before, at most cap.
  Duration next();
  // After a success: the next delay is the initial one again.
  void reset() { last_ = Duration(0); }

 private:
  Options options_;
  Duration last_{0};  // without jitter; zero before the first
};

// The delay that follows `last` (zero: the first one): doubling from `initial` up to `cap`.
Duration nextBackoff(Duration last, Duration initial, Duration cap);

}  // namespace cubelet
