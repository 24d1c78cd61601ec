// One run of planPod: the inputs, the plan that grows, and the steps shared by all kinds of containers. Internal.
#pragma once

#include <string>

#include "kubelet/plan/plan_pod.h"
#include "kubelet/plan/sandbox.h"

namespace cubelet::plan {

class Planner {
 public:
  Planner(const core::Pod& pod, const observe::ObservedPod& have, const PodMemory& memory, const PlanOptions& options,
          WallTime now);
  PodPlan run();

 private:
  using Instance = observe::ObservedContainer;

  // plan_pod.cc: the pod as a whole.
  void recreateSandbox();
  bool nothingLeftToRun() const;
  void finish();
  bool anythingRuns() const;
  bool anySandboxReady() const;

  // start_over.cc: true when the plan is to remove all containers, so that they start over.
  bool startOver();
  bool isEphemeral(const std::string& name) const;

  // init_containers.cc
  enum class Init { kDone, kInProgress, kFailed };
  Init planInit();
  Init planPlainInit(const core::Container& container);
  // Keeps it running; true once it has started.
  bool planSidecar(const core::Container& container);
  bool initialized() const;

  // containers.cc
  // True while it runs or will run again.
  bool planRegular(const core::Container& container);
  void planEphemeral();
  bool wantsNewInstance(const core::Container& container) const;

  // steps.cc: for all kinds.
  // The newest instance in the sandbox that stays; instances in older sandboxes count for nothing in the order of the
  // init containers.
  const Instance* inSandbox(const std::string& name) const;
  const Instance* newestDead(const std::string& name) const;
  // Stops all live instances of that name but `keep` (may be null): no two of one container may run.
  void killStrays(const std::string& name, const Instance* keep);
  void kill(const Instance& instance, std::string message, std::optional<Duration> grace = {});
  // Starts it, unless back-off or a failed start make it wait; then plan_.wakeAt is set.
  void startOrWait(const core::Container& container, ContainerKind kind);
  // For an instance that runs: kills it when its definition has changed or a probe has given it up, and starts the next
  // one. Returns false when it stays.
  bool replaceIfNeeded(const core::Container& container, ContainerKind kind, const Instance& running);
  void replaceUnknown(const core::Container& container, ContainerKind kind, const Instance& unknown);
  void addStart(const std::string& name, ContainerKind kind, Duration backoff, std::string key);
  void pruneDead();
  bool isSuperfluous(std::size_t index) const;
  void removeOldSandboxes();
  void wakeAt(WallTime when);

  const core::Pod& pod_;
  const core::PodSpec& spec_;
  const observe::ObservedPod& have_;
  const PodMemory& memory_;
  const PlanOptions& options_;
  const WallTime now_;
  const SandboxVerdict sandbox_;
  PodPlan plan_;
};

}  // namespace cubelet::plan
