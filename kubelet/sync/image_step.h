// The image step of a container start: present, being pulled, or why not (CFG-17 to CFG-22).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "kubelet/sync/context.h"
#include "kubelet/sync/pod_state.h"

namespace cubelet::sync {

// Pulls run beside the worker, so that a slow registry holds up one container and not its neighbours.
class ImageStep {
 public:
  // `pulls` runs the pulls; `wake` is called when one has ended.
  ImageStep(Context& context, PodState& state, TaskGroup& pulls, std::function<void()> wake)
      : context_(context), state_(state), pulls_(pulls), wake_(std::move(wake)) {}

  enum class Outcome { kReady, kPulling, kFailed };
  // kReady: state.images[container].local is set. kFailed: the container's memory says why and when to try again.
  Task<Outcome> prepare(std::string container);
  // The same for several at a time when they will be needed soon, but for those whose last failure still makes them
  // wait.
  Task<void> prepareAhead(std::vector<std::string> containers);

 private:
  Task<void> pull(std::string container, std::string image, bool always);
  Task<std::vector<cri::v1::AuthConfig>> credentialsFor(std::string image);
  Outcome startPull(const core::Container& container, ImageState& image);
  Outcome failed(const core::Container& container, std::string reason, std::string message, WallTime retryAt);

  Context& context_;
  PodState& state_;
  TaskGroup& pulls_;
  std::function<void()> wake_;
};

}  // namespace cubelet::sync
