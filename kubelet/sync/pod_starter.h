// Carries the starting half of a plan out: sandbox and containers.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "kubelet/plan/plan_pod.h"
#include "kubelet/podconfig/environment.h"
#include "kubelet/podconfig/sandbox_config.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/hook_tasks.h"
#include "kubelet/sync/image_step.h"
#include "kubelet/sync/pod_state.h"
#include "kubelet/sync/volume_step.h"

namespace cubelet::sync {

// Each function records its failure in the pod's memory (reason, message, when to try again) and as an event; the
// planner takes it from there. `stopping` is asked between calls: a pod that is being stopped starts nothing more.
class PodStarter {
 public:
  // `stopOne` ends a container whose postStart hook has failed.
  PodStarter(Context& context, PodState& state, ImageStep& images, VolumeStep& volumes, HookTasks& postStarts,
             std::function<bool()> stopping, std::function<Task<bool>(plan::KillContainer)> stopOne)
      : context_(context),
        state_(state),
        images_(images),
        volumes_(volumes),
        postStarts_(postStarts),
        stopping_(std::move(stopping)),
        stopOne_(std::move(stopOne)) {}

  // The pod's cgroup first (RES-7), volumes (VOL-1), then the sandbox and its addresses. True when it runs.
  Task<bool> startSandbox(std::uint32_t attempt);
  // True when something was done; false: the image is on its way, or it failed.
  Task<bool> startContainer(plan::StartContainer start);

 private:
  podconfig::SandboxPlace place() const;
  Task<bool> networkIsDown();
  Task<void> endFailedStart(std::string name);
  Task<bool> makeCgroup();
  // What a sandbox needs beside its volumes: a name that the kernel takes, a handler, ids, directories.
  Task<Result<void>> prepareSandbox();
  Task<Result<void>> findHandler();
  Result<void> findUsers();
  // What a container needs to know of the handler and the ids of its sandbox, also of one that an earlier run of the
  // agent has left. A class that is gone by now does not matter to a container that asks for nothing special.
  Task<Result<void>> learnOfSandbox(core::Container container);
  Task<void> runSandbox(cri::v1::PodSandboxConfig config, Result<std::string>* id);
  // What the container's environment is made from. Errors have reason CreateContainerConfigError.
  Task<Result<podconfig::References>> fetchReferences(core::Container container);
  std::map<podconfig::FileNeed, Result<std::string>> readFiles(const core::Container& container) const;
  Task<Result<void>> fetchObjects(core::Container container, podconfig::References* into);
  Result<std::string> targetId(const std::string& container) const;
  // Pins what the container's mounts with subPath show; answers by index of the mount where.
  Task<Result<std::map<int, std::string>>> bindSubPaths(core::Container container, std::vector<std::string> podIps,
                                                        podconfig::References references);
  Task<Result<std::string>> create(core::Container container, plan::StartContainer start, std::string sandboxId,
                                   std::vector<std::string> podIps, podconfig::References references);
  Task<Result<void>> runCreated(std::string name, std::string id, std::uint32_t attempt);
  // Starts it and runs its postStart hook. Until that has ended, the memory says that it does not run yet (TRM-6).
  Task<Result<void>> runWithHook(core::Container container, std::string id, plan::StartContainer start);
  // May last forever: see HookTasks::waitFor().
  Task<Result<void>> postStart(core::Container container, std::string id);
  Task<void> postStartFailed(std::string name, std::string id, Error error);
  Task<void> lookAgain();
  void warnOfDns();
  void sandboxFailed(const Error& error);
  void containerFailed(const std::string& name, const Error& error, const char* defaultReason);
  Result<void> makeLogDirectory(const std::string& container);
  void linkLog(const std::string& container, const std::string& id, std::uint32_t attempt);

  Context& context_;
  PodState& state_;
  ImageStep& images_;
  VolumeStep& volumes_;
  HookTasks& postStarts_;
  std::function<bool()> stopping_;
  std::function<Task<bool>(plan::KillContainer)> stopOne_;
  bool networkDown_ = false;  // when a sandbox was asked for last
};

}  // namespace cubelet::sync
