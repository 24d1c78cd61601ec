// ShutdownManager: when the machine goes down, pods end in order, and the machine waits for them (SHD, KEP-2000).
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/shutdown/logind.h"
#include "kubelet/shutdown/shutdown_groups.h"
#include "kubelet/shutdown/shutdown_times.h"

namespace cubelet::shutdown {

// Of the status of a pod that ended with the machine (SHD-4).
inline constexpr char kTerminated[] = "Terminated";
inline constexpr char kTerminatedMessage[] = "Pod was terminated in response to imminent node shutdown.";

// Holds a delay lock of logind. A shutdown that it announces ends the pods, one group after the other; then the lock is
// released, and the machine goes down. An agent that dies loses its lock with it; one that starts while a shutdown is
// under way ends the pods as well, as long as there is time. Loop thread only.
class ShutdownManager {
 public:
  struct Hooks {
    // Pods of which anything runs, or is about to.
    std::function<std::vector<core::Pod>()> pods;
    // The pod ends within that time, with the status above. Nothing when it has ended already.
    std::function<void(const std::string& uid, Duration grace)> end;
    // Something of it still runs, or holds volumes, or its status was not told yet.
    std::function<bool(const std::string& uid)> isEnding;
    std::function<void(bool)> shuttingDown;       // another state than before
    std::function<void(std::string_view)> event;  // a normal event of the node
  };
  // All must outlive this object. `timesFile`: shutdownTimesFile().
  ShutdownManager(Loop& loop, Clock& clock, Logind& logind, std::vector<GroupTime> groups, std::string timesFile,
                  Hooks hooks);
  ShutdownManager(const ShutdownManager&) = delete;
  ShutdownManager& operator=(const ShutdownManager&) = delete;

  // Until cancelled, then close(). Ends at once without groups: the feature is off.
  Task<void> run();
  Task<void> close();

  // What isEnding() answers may be something else.
  void podsChanged() { podsChanged_.ring(); }

  bool shuttingDown() const { return shuttingDown_; }
  // Of the last shutdown, also one before the start of this agent.
  const ShutdownTimes& times() const { return times_; }

 private:
  Task<Error> watch();
  Task<void> serve();
  Task<Result<void>> takeLock();
  Task<Result<void>> makeDelayLongEnough();
  Task<void> heed(bool shutdown);
  Task<void> endPods();
  Task<void> endGroup(Group group);
  void note(const ShutdownTimes& times);

  Clock& clock_;
  Logind& logind_;
  const std::vector<GroupTime> groups_;
  const std::string timesFile_;
  const Hooks hooks_;
  ShutdownTimes times_;
  bool shuttingDown_ = false;
  Fd lock_;
  std::deque<bool> announced_;  // not heeded yet
  std::optional<Error> lost_;   // why the connection to logind is gone
  Wake news_;                   // either of the two
  Wake podsChanged_;
  TaskGroup ending_;  // endPods(), at most one
  TaskGroup tasks_;
};

}  // namespace cubelet::shutdown
