// CPU at the moment, from what two samples say of all time. Pure.
#pragma once

#include "kubelet/stats/figures.h"

namespace cubelet::stats {

// Two samples that are further apart say nothing about the moment, and those that are closer not enough.
inline constexpr Duration kShortestRate = std::chrono::milliseconds(500);
inline constexpr Duration kLongestRate = std::chrono::minutes(2);

// Sets nanoCores of every sample of `now` that `before` has an older one of, of the same cgroup.
void addRates(const Summary& before, Summary& now);

}  // namespace cubelet::stats
