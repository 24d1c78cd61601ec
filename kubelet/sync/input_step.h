// The input step of a container start: everything that a container is made with beside its spec.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kubelet/podconfig/container_config.h"
#include "kubelet/podconfig/environment.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/device_step.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// After the image and the volumes, and before the runtime is asked for the container. Errors have a reason; one that
// nothing else is said of has CreateContainerConfigError. Loop thread only.
class InputStep {
 public:
  // `stopping` is asked between calls: then the rest is left, as kCancelled.
  InputStep(Context& context, PodState& state, DeviceStep& devices, std::function<bool()> stopping)
      : context_(context), state_(state), devices_(devices), stopping_(std::move(stopping)) {}

  // What the container's environment is made from: objects of the API server and files.
  Task<Result<podconfig::References>> fetchReferences(core::Container container);
  // All inputs. Files that the container has for itself are made, so whoever does not use its terminationMessageFile
  // removes that.
  Task<Result<podconfig::ContainerInputs>> gather(core::Container container, std::uint32_t attempt,
                                                  std::vector<std::string> podIps, podconfig::References references);

 private:
  std::map<podconfig::FileNeed, Result<std::string>> readFiles(const core::Container& container) const;
  Task<Result<void>> fetchObjects(core::Container container, podconfig::References* into);
  Result<std::string> targetId(const std::string& container) const;
  // Pins what the container's mounts with subPath show; answers by index of the mount where.
  Task<Result<std::map<int, std::string>>> bindSubPaths(core::Container container, std::vector<std::string> podIps,
                                                        podconfig::References references);
  void addImages(const std::string& container, podconfig::ContainerInputs& to);
  void addVolumes(podconfig::ContainerInputs& to);

  Context& context_;
  PodState& state_;
  DeviceStep& devices_;
  std::function<bool()> stopping_;
};

}  // namespace cubelet::sync
