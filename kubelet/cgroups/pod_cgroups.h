// PodCgroups: the cgroups of this node's pods while the agent runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/semaphore.h"
#include "base/task.h"
#include "base/task_group.h"
#include "kubelet/cgroups/driver.h"
#include "kubelet/cgroups/pod_values.h"

namespace cubelet::cgroups {

// A cgroup that belongs to somebody else and gets a limit all the same (enforceNodeAllocatable: system-reserved).
struct ReservedCgroup {
  std::string what;  // "system reserved", for messages
  CgroupName name;
  Values values;
};

// Bytes that all pods use together, without what the kernel could take back at once, and what they may use.
struct NodeMemory {
  std::int64_t inUse = 0;
  std::int64_t limit = 0;
};

struct PodCgroupsOptions {
  bool perQos = true;  // cgroupsPerQOS; without it nothing is made, and pods lie in cgroupRoot
  CgroupName root;     // cgroupRoot
  PodRules rules;
  Values node;  // limits of all pods together (RES-16)
  std::vector<ReservedCgroup> reserved;
};

// Makes `kubepods` and its classes once, when the driver is known; a pod's own cgroup before its sandbox. What fails is
// tried again by whoever needs it. Loop thread only.
class PodCgroups {
 public:
  struct Hooks {
    // What the runtime uses, nothing when it does not say (RES-5); asked once, before the first cgroup is made.
    std::function<Task<Result<std::optional<DriverKind>>>()> askDriver;
    // The outcome of a limit on all pods or on a reserved cgroup: what was done, or an error (RES-16). For events.
    std::function<void(const Result<std::string>&)> enforced = [](const Result<std::string>&) {};
  };
  // `configured` is the driver for a runtime that does not name one. All references must outlive this object.
  PodCgroups(Loop& loop, Clock& clock, BlockingPool& blocking, Tree& tree, SystemdBus& bus, DriverKind configured,
             PodCgroupsOptions options, Hooks hooks);
  PodCgroups(const PodCgroups&) = delete;
  PodCgroups& operator=(const PodCgroups&) = delete;

  bool enabled() const { return options_.perQos; }

  // The node's and the classes' cgroups. Errors say what the administrator can do.
  Task<Result<void>> start();
  // Everything that the pod needs before its sandbox. Counts it in its class from now on.
  Task<Result<void>> add(core::Pod pod);
  // True when its cgroup is there; then it counts in its class, and nothing else is changed (RES-7).
  Task<Result<bool>> adopt(core::Pod pod);
  // What add() would set.
  Values valuesOf(const core::Pod& pod) const { return podValues(pod, options_.rules); }
  // Other values for a pod that was added; its class follows the pod's requests.
  Task<Result<void>> resize(core::Pod pod, Values values);
  // Memory of the pod that the kernel could not take back at once, in bytes; nothing where that is not known.
  Task<std::optional<std::int64_t>> memoryInUse(core::Pod pod);
  // Its processes and threads; nothing where that is not known.
  Task<std::optional<std::int64_t>> processesIn(core::Pod pod);
  // Of all pods together; nothing where their memory has no limit.
  Task<std::optional<NodeMemory>> nodeMemory();
  // It will use no CPU any more: its class need not have its share.
  void release(const std::string& uid);
  // As long as something keeps the cgroup: as little CPU as there is for what may run in it (RES-21).
  Task<void> slowDown(std::string uid);
  // Ends what runs of a container that the runtime has given up: no call to the runtime could. True when its cgroup was
  // there, so that something may have run.
  Task<bool> endContainer(std::string uid, std::string containerId);
  // Ends what still runs in it and removes it, whatever class it is in. kUnavailable: something does not die.
  Task<Result<void>> remove(std::string uid);
  // Cgroups of pods that nobody knows: left over from an agent that was killed (RES-21).
  Task<void> removeOrphans(std::function<bool(const std::string& uid)> isKnown);
  // For CRI; empty: the runtime's own choice. Not before start() or add() has succeeded.
  std::string parentOf(const core::Pod& pod) const;
  // The path of the cgroup that all pods lie in, below where cgroups are mounted; empty: there is none.
  std::string allPods() const;

  Task<void> close() { return tasks_.close(); }

 private:
  Task<Result<void>> makeNode();
  Task<Result<void>> findDriver();
  Task<void> enforce();
  Task<Result<void>> applyClass();
  Task<void> refreshClass();
  Task<Result<void>> tryRemove(std::string uid);
  Task<Result<void>> removeUnless(std::string uid, std::function<bool(const std::string& uid)> isKnown);
  Task<std::optional<std::int64_t>> amountOf(CgroupName name, std::string what,
                                             Result<std::int64_t> (Driver::*read)(const CgroupName&));
  template <class T>
  Task<Result<T>> onDriver(std::string doing, std::function<Result<T>(Driver&)> fn);
  CgroupName nameOf(const core::Pod& pod) const;
  Error withAdvice(const Error& error) const;

  Loop& loop_;
  Clock& clock_;
  BlockingPool& blocking_;
  Tree& tree_;
  SystemdBus& bus_;
  const DriverKind configured_;
  const PodCgroupsOptions options_;
  const Hooks hooks_;
  std::shared_ptr<Driver> driver_;  // null until the runtime has been asked
  bool started_ = false;
  Semaphore starting_{1};
  Semaphore driving_{1};                       // one call of the driver at a time
  std::map<std::string, std::int64_t> burst_;  // UIDs of Burstable pods -> milli-CPU
  std::optional<std::int64_t> classShares_;    // as they are in force
  Timer enforceAgain_;
  TaskGroup tasks_;
};

}  // namespace cubelet::cgroups
