// Carries the starting half of a plan out: sandbox and containers.
#pragma once

#include <functional>
#include <string>

#include "kubelet/podconfig/environment.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/image_step.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Each function records its failure in the pod's memory (reason, message, when to try again) and as an event; the
// planner takes it from there. `stopping` is asked between calls: a pod that is being stopped starts nothing more.
class PodStarter {
 public:
  PodStarter(Context& context, PodState& state, ImageStep& images, std::function<bool()> stopping)
      : context_(context), state_(state), images_(images), stopping_(std::move(stopping)) {}

  // The pod's cgroup first (RES-7), volumes (VOL-1), then the sandbox and its addresses. True when it runs.
  Task<bool> startSandbox(std::uint32_t attempt);
  // True when something was done; false: the image is on its way, or it failed.
  Task<bool> startContainer(plan::StartContainer start);

 private:
  Task<bool> makeCgroup();
  Task<bool> prepareVolumes();
  Task<void> runSandbox(cri::v1::PodSandboxConfig config, Result<std::string>* id);
  // What the container's environment is made from. Errors have reason CreateContainerConfigError.
  Task<Result<podconfig::References>> fetchReferences(core::Container container);
  Task<Result<void>> fetchObjects(core::Container container, podconfig::References* into);
  Task<Result<std::string>> create(core::Container container, plan::StartContainer start, std::string sandboxId,
                                   std::vector<std::string> podIps, podconfig::References references);
  Task<Result<void>> runCreated(std::string name, std::string id, std::uint32_t attempt);
  Task<void> lookAgain();
  void warnOfDns();
  void sandboxFailed(const Error& error);
  void containerFailed(const std::string& name, const Error& error, const char* defaultReason);
  Result<void> makeLogDirectory(const std::string& container);
  void linkLog(const std::string& container, const std::string& id, std::uint32_t attempt);

  Context& context_;
  PodState& state_;
  ImageStep& images_;
  std::function<bool()> stopping_;
};

}  // namespace cubelet::sync
