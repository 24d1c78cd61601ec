// PodProber: the probes of one pod. Behaviours PRB-2 to PRB-9, PRB-15, PRB-17.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task_group.h"
#include "kubelet/probes/runner.h"
#include "kubelet/probes/verdict.h"

namespace cubelet::probes {

// An instance that runs, as the pod's worker knows it.
struct RunningContainer {
  std::string name;
  std::string id;
  WallTime startedAt;
  bool started = false;     // there is no startup probe, or it has passed
  bool adopted = false;     // it ran before this agent started
  bool hasVerdict = false;  // an adopted one whose readiness is known from then
};

struct Verdict {
  std::string container;
  std::string id;
  Kind kind = Kind::kReadiness;
  bool success = false;
};

// When the first run is due, counted from `now`; `sinceStart` is the age of the instance. A part of the period that
// `random` (in [0, 1)) says for an adopted instance, so that an agent that starts does not ask everybody at once; the
// first second of it at most while nothing is known of the instance.
Duration firstDelay(const core::Probe& probe, const RunningContainer& running, Duration sinceStart, double random);
// The run after the one that was due at `due`, seen at its end: one period later, or at once when that has passed;
// always a whole number of periods after `due`, so that nothing drifts.
TimePoint nextDue(TimePoint due, Duration period, TimePoint now);

// One timer per probe that waits, one task per probe that is under way. A verdict is told when it is a new one for its
// instance. After a failed liveness or startup probe nothing more is asked until there is another instance.
class PodProber {
 public:
  struct Callbacks {
    std::function<void(const Verdict&)> verdict;
    // An event about the container, always a warning.
    std::function<void(const std::string& container, const ProbeEvent& event)> warn;
    std::function<std::string(const core::Container&, const std::string& word)> expand;  // see ActionContext
    std::function<double()> random;                                                      // uniform in [0, 1)
    // Every run that has ended, how, and how long it took. For whoever counts; may be empty.
    std::function<void(const std::string& container, Kind kind, const Answer& answer, Duration took)> ran = nullptr;
  };
  // `pod` is read at each run; it and the runner must outlive this object.
  PodProber(Loop& loop, Clock& clock, Runner& runner, const core::Pod& pod, Callbacks callbacks);
  PodProber(const PodProber&) = delete;
  PodProber& operator=(const PodProber&) = delete;

  // What runs now; to be told after every change, repeating costs little. `terminating`: the pod is being stopped, only
  // readiness is asked for any more.
  void sync(const std::vector<RunningContainer>& running, const std::string& podIp, bool terminating);
  // The pod's spec asks for any probe at all.
  static bool wanted(const core::Pod& pod);
  Task<void> close();

  // Timers and runs that exist now.
  std::size_t size() const { return probes_.size(); }

 private:
  using Key = std::pair<std::string, Kind>;
  struct Probe {
    Probe(std::string i, std::uint64_t s, const core::Probe& spec)
        : id(std::move(i)), serial(s), counter(spec.successthreshold(), spec.failurethreshold()) {}
    std::string id;        // of the instance
    std::uint64_t serial;  // of this entry: an answer for an older one is dropped
    Counter counter;
    std::optional<bool> told;
    bool seen = true;  // by the sync() under way
    TimePoint due;
    Timer timer;
  };

  void want(const RunningContainer& running, Kind kind, const core::Probe& spec);
  void arm(const Key& key, Probe& probe);
  void fire(const Key& key);
  Task<void> runOnce(Key key, std::uint64_t serial, Action action, std::string id, Duration timeout);
  void answered(const Key& key, std::uint64_t serial, const Answer& answer);

  Clock& clock_;
  Runner& runner_;
  const core::Pod& pod_;
  Callbacks callbacks_;
  std::string podIp_;
  std::map<Key, Probe> probes_;
  std::uint64_t serials_ = 0;
  TaskGroup runs_;
};

}  // namespace cubelet::probes
