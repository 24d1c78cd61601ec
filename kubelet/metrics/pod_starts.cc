#include "kubelet/metrics/pod_starts.h"

#include <algorithm>

namespace cubelet::metrics {

std::optional<PodStarts::Started> PodStarts::status(const Seen& pod, WallTime now) {
  const auto [entry, isNew] = pods_.try_emplace(pod.uid, Pod{.seen = now});
  Pod& known = entry->second;
  const bool waits = pod.phase.empty() || pod.phase == "Pending";
  std::optional<Started> started;
  if (!known.over && !waits) {
    known.over = true;
    if (!isNew && pod.phase == "Running") {
      started.emplace();
      started->sinceSeen = now - known.seen;
      // The time of creation is told in whole seconds only.
      if (pod.made) started->sinceMade = std::max(Duration(now - *pod.made) - known.pulls, Duration::zero());
    }
  }
  if (pod.terminated) pods_.erase(pod.uid);
  return started;
}

void PodStarts::pulled(const std::string& uid, Duration took) {
  if (auto found = pods_.find(uid); found != pods_.end()) found->second.pulls += took;
}

}  // namespace cubelet::metrics
