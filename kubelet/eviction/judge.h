// Which thresholds are met, since when, and what follows from it (EVI-4). Pure.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kubelet/eviction/signals.h"
#include "kubelet/eviction/thresholds.h"

namespace cubelet::eviction {

// Those whose signal is below the threshold, or (`reclaimed`) has not come above it by what is to be freed at least.
std::vector<Threshold> thresholdsMet(const std::vector<Threshold>& thresholds, const Readings& readings,
                                     bool reclaimed = false);

// What one look leaves for the next.
struct History {
  std::vector<Threshold> met;                          // those that pods had to go for
  std::vector<std::pair<Threshold, TimePoint>> since;  // those that were met, since when
  std::map<Condition, TimePoint> lastSeen;
};

struct Judgement {
  Pressure pressure;
  std::vector<Threshold> toReclaim;  // met for as long as their grace; what goes first comes first
};

// A condition holds for `transition` after the last threshold behind it was met. `history` becomes that of this look.
Judgement judge(History& history, const std::vector<Threshold>& thresholds, const Readings& readings,
                Duration transition, TimePoint now);

}  // namespace cubelet::eviction
