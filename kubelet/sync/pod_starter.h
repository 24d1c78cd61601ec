// Carries the starting half of a plan out: the order of the steps to a sandbox, and from a plan to a running container.
#pragma once

#include <functional>
#include <string>

#include "kubelet/plan/plan_pod.h"
#include "kubelet/podconfig/sandbox_config.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/device_step.h"
#include "kubelet/sync/hook_tasks.h"
#include "kubelet/sync/image_step.h"
#include "kubelet/sync/input_step.h"
#include "kubelet/sync/lost_starts.h"
#include "kubelet/sync/pod_state.h"
#include "kubelet/sync/start_failures.h"
#include "kubelet/sync/volume_step.h"

namespace cubelet::sync {

// Each function records its failure in the pod's memory (reason, message, when to try again) and as an event; the
// planner takes it from there. `stopping` is asked between calls: a pod that is being stopped starts nothing more.
class PodStarter {
 public:
  // `stopOne` ends a container whose postStart hook has failed.
  PodStarter(Context& context, PodState& state, ImageStep& images, VolumeStep& volumes, DeviceStep& devices,
             HookTasks& postStarts, std::function<bool()> stopping,
             std::function<Task<bool>(plan::KillContainer)> stopOne)
      : context_(context),
        state_(state),
        images_(images),
        volumes_(volumes),
        inputs_(context, state, devices, stopping),
        lostStarts_(context, state),
        failures_(context, state, stopping),
        postStarts_(postStarts),
        stopping_(std::move(stopping)),
        stopOne_(std::move(stopOne)) {}

  // Volumes (VOL-1) and the pod's cgroup (RES-7) first, then the sandbox and its addresses. True when it runs.
  Task<bool> startSandbox(std::uint32_t attempt);
  // True when something was done; false: the image is on its way, or it failed.
  Task<bool> startContainer(plan::StartContainer start);

 private:
  // ---- The sandbox ----
  Task<bool> makeCgroup();
  // What a sandbox needs beside its volumes: a name that the kernel takes, a handler, ids, directories.
  Task<Result<void>> prepareSandbox();
  Task<Result<void>> findHandler();
  Result<void> findUsers();
  void warnOfDns();
  podconfig::SandboxPlace place() const;
  Task<void> runSandbox(cri::v1::PodSandboxConfig config, Result<std::string>* id);

  // ---- A container ----
  // What a container needs to know of the handler and the ids of its sandbox, also of one that an earlier run of the
  // agent has left. A class that is gone by now does not matter to a container that asks for nothing special.
  Task<Result<void>> learnOfSandbox(core::Container container);
  Task<Result<std::string>> create(core::Container container, plan::StartContainer start, std::string sandboxId,
                                   std::vector<std::string> podIps, podconfig::References references);
  // Starts it and runs its postStart hook. Until that has ended, the memory says that it does not run yet (TRM-6).
  Task<Result<void>> runWithHook(core::Container container, std::string id, plan::StartContainer start);
  Task<Result<void>> runCreated(std::string name, std::string id, std::uint32_t attempt);
  // May last forever: see HookTasks::waitFor().
  Task<Result<void>> postStart(core::Container container, std::string id);
  Task<void> postStartFailed(std::string name, std::string id, Error error);

  Task<void> lookAgain();

  Context& context_;
  PodState& state_;
  ImageStep& images_;
  VolumeStep& volumes_;
  InputStep inputs_;
  LostStarts lostStarts_;
  StartFailures failures_;
  HookTasks& postStarts_;
  std::function<bool()> stopping_;
  std::function<Task<bool>(plan::KillContainer)> stopOne_;
};

}  // namespace cubelet::sync
