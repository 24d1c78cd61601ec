// EvictionManager: looks whether the node runs short of something, and ends pods one by one until it does not (EVI).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/config/configuration.h"
#include "kubelet/eviction/judge.h"
#include "kubelet/eviction/machine.h"
#include "kubelet/eviction/messages.h"

namespace cubelet::eviction {

struct EvictionOptions {
  std::vector<Threshold> thresholds;
  Duration transition = std::chrono::minutes(5);  // evictionPressureTransitionPeriod
  std::chrono::seconds longestGrace{0};           // evictionMaxPodGracePeriod, of soft thresholds
  bool limitsStorage = true;                      // localStorageCapacityIsolation
};
EvictionOptions evictionOptions(const config::KubeletConfiguration& config);

// How a pod is ended.
struct Eviction {
  std::string uid;
  Notice notice;
  std::chrono::seconds grace{1};
  bool disruption = false;  // for the node's sake, not for what the pod did itself
  std::string signal;       // what the node ran short of ("memory.available"), or the limit that the pod went beyond
};

// Looks every ten seconds while there is somebody to look for, and sooner when told so. Nothing outlives a restart: an
// evicted pod is told by its status, and who is under pressure is found again at the first look. Loop thread only.
class EvictionManager {
 public:
  struct Hooks {
    // There are pods, or somebody who wants to know the node's conditions. Without, nobody looks.
    std::function<bool()> wanted;
    // All that were admitted and have neither ended nor begun to end.
    std::function<std::vector<core::Pod>()> pods;
    // The pod ends as the eviction says; its event is written. Nothing when it is no longer there.
    std::function<void(const Eviction&)> evict;
    // Something of an evicted pod still runs.
    std::function<bool(const std::string& uid)> isEnding;
    // Dead containers that nobody needs are removed from now on. False: there are none.
    std::function<bool()> removeDeadContainers;
    // Removes all images that nobody needs.
    std::function<Task<Result<void>>()> removeUnusedImages;
    std::function<void(const Pressure&)> pressure;                           // another one than before
    std::function<void(std::string_view reason, std::string message)> warn;  // an event of the node
  };
  // Both must outlive this object.
  EvictionManager(Clock& clock, Machine& machine, EvictionOptions options, Hooks hooks);
  EvictionManager(const EvictionManager&) = delete;
  EvictionManager& operator=(const EvictionManager&) = delete;

  // Until cancelled; ends at once when there is neither a threshold nor a limit to watch.
  Task<void> run();
  // Memory seems to get short: looks now, but not twice within a second.
  void look();
  // The set of pods is another one, or one of them has come to its end.
  void podsChanged();

  const Pressure& pressure() const { return pressure_; }

 private:
  Task<bool> pass();
  Task<bool> evictForLimits(FsLayout layout);
  Task<bool> reclaimFromNode(Threshold threshold, FsLayout layout);
  Task<bool> evictOne(Judgement judgement, NodeReadings node);
  Task<void> waitForEnd();
  bool anyEnds();
  Duration graceOf(const Threshold& threshold, const core::Pod& pod) const;
  std::vector<core::Pod> podsToMeasure();

  Clock& clock_;
  Machine& machine_;
  const EvictionOptions options_;
  const Hooks hooks_;
  History history_;
  Pressure pressure_;
  bool reclaiming_ = false;                            // dead containers were removed for the shortage that there is
  std::set<std::string> ending_;                       // UIDs of pods that were evicted and have not ended yet
  std::string problem_;                                // the last one with reading, told once
  std::map<std::string, TimePoint> measureNotBefore_;  // UID -> when its files may be walked through again
  TimePoint lookedAt_ = TimePoint::min();
  bool idle_ = false;  // waits for pods
  Wake wake_;
};

}  // namespace cubelet::eviction
