// The last step of a source: tell the agent and the log what has changed.
#pragma once

#include <utility>

#include "base/clock.h"
#include "staticpods/source/manifest_set.h"
#include "staticpods/source/pod_set.h"
#include "staticpods/source/problem_log.h"

namespace cubelet::staticpods {

class Delivery {
 public:
  explicit Delivery(OnPodSet onChange) : onChange_(std::move(onChange)) {}

  // Settles `set` and delivers it when it has changed, and the first time in any case. Each problem is logged once, and
  // once more when it is over.
  void deliver(ManifestSet& set, WallTime now);
  bool delivered() const { return delivered_; }

 private:
  OnPodSet onChange_;
  bool delivered_ = false;
  ProblemLog log_{"manifest"};
};

}  // namespace cubelet::staticpods
