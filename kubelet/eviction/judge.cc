#include "kubelet/eviction/judge.h"

#include <algorithm>
#include <tuple>

namespace cubelet::eviction {
namespace {

bool contains(const std::vector<Threshold>& list, const Threshold& one) {
  return std::ranges::find(list, one) != list.end();
}

TimePoint sinceOf(const History& history, const Threshold& threshold, TimePoint now) {
  for (const auto& [known, since] : history.since)
    if (known == threshold) return since;
  return now;
}

}  // namespace

std::vector<Threshold> thresholdsMet(const std::vector<Threshold>& thresholds, const Readings& readings,
                                     bool reclaimed) {
  std::vector<Threshold> met;
  for (const Threshold& threshold : thresholds) {
    const auto reading = readings.find(threshold.signal);
    if (reading == readings.end()) continue;
    std::int64_t least = threshold.value.of(reading->second.capacity);
    if (reclaimed && threshold.minimumReclaim) least += threshold.minimumReclaim->of(reading->second.capacity);
    if (reading->second.available < least) met.push_back(threshold);
  }
  return met;
}

Judgement judge(History& history, const std::vector<Threshold>& thresholds, const Readings& readings,
                Duration transition, TimePoint now) {
  std::vector<Threshold> met = thresholdsMet(thresholds, readings);
  for (const Threshold& unresolved : thresholdsMet(history.met, readings, true))
    if (!contains(met, unresolved)) met.push_back(unresolved);

  History next;
  next.lastSeen = history.lastSeen;
  Judgement out;
  for (const Threshold& threshold : met) {
    const TimePoint since = sinceOf(history, threshold, now);
    next.since.emplace_back(threshold, since);
    next.lastSeen[conditionOf(threshold.signal)] = now;
    if (now - since >= threshold.grace) out.toReclaim.push_back(threshold);
  }
  next.met = out.toReclaim;
  for (const auto& [condition, seen] : next.lastSeen)
    if (seen == now || now - seen < transition) out.pressure.insert(condition);
  std::ranges::sort(out.toReclaim, {}, [](const Threshold& one) { return std::tuple(one.signal, one.grace); });
  history = std::move(next);
  return out;
}

}  // namespace cubelet::eviction
