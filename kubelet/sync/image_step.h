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
  // Of the container itself and of the image volumes that it mounts (CFG-24). kReady: state.images has all of them, see
  // wantedImages(). kFailed: the container's memory says why and when to try again.
  Task<Outcome> prepare(std::string container);
  // The same for several at a time when they will be needed soon, but for those whose last failure still makes them
  // wait.
  Task<void> prepareAhead(std::vector<std::string> containers);

 private:
  Task<Outcome> prepareOne(WantedImage wanted);
  Task<void> pull(WantedImage wanted, bool always);
  Task<std::vector<images::Login>> credentialsFor(std::string image);
  Task<images::Keyring> pullSecrets();
  // CFG-23: the pod may use the image that is there without asking its registry.
  Task<bool> mayUse(std::string image, std::string imageId);
  Task<Result<images::Images::Pulled>> pullRecorded(std::string image, bool always);
  Outcome startPull(const WantedImage& wanted, bool always);
  // Once for each instance (CST-10).
  void tellPresent(const WantedImage& wanted);
  Outcome failed(const WantedImage& wanted, std::string reason, std::string message, WallTime retryAt);

  Context& context_;
  PodState& state_;
  TaskGroup& pulls_;
  std::function<void()> wake_;
};

}  // namespace cubelet::sync
