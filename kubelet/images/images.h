// Images: is it there, and if not, pull it (CFG-17 to CFG-22).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/semaphore.h"
#include "cri/client/runtime_service.h"
#include "kubelet/apiserver/token_bucket.h"
#include "kubelet/images/pull_credentials.h"

namespace cubelet::images {

// An image that containers can be created from.
struct LocalImage {
  std::string ref;       // what CreateContainer gets
  cri::v1::Image image;  // id, size, user
};

// "busybox" -> "busybox:latest"; names with a tag or digest, and image ids, stay (CFG-17). kInvalid with reason
// InvalidImageName for what is no image name.
Result<std::string> withDefaultTag(const std::string& name);

// Loop thread only; must outlive its calls.
class Images {
 public:
  struct Limits {
    std::size_t parallelPulls = 1;  // at once, in order of asking
    double pullsPerSecond = 0;      // registryPullQPS; 0: no limit
    int burst = 0;                  // registryBurst
  };
  Images(cri::ImageService& service, Clock& clock, Limits limits);
  // Called after each pull that brought an image.
  void onPulled(std::function<void()> fn) { pulled_ = std::move(fn); }

  // Empty when the runtime does not have it. Reason of errors: InvalidImageName or ImageInspectError.
  Task<Result<std::optional<LocalImage>>> find(std::string name);

  struct Pulled {
    LocalImage image;
    Duration took{0};               // the pull itself
    Duration waited{0};             // including the wait for a place
    bool wasPresent = false;        // it had come meanwhile, nothing was pulled
    std::optional<SecretLogin> by;  // what has opened the registry; nothing: no credentials, or the node's own
  };
  // Reason of errors: ErrImagePull, RegistryUnavailable, SignatureValidationFailed or InvalidImageName. With `always`
  // the runtime is asked to pull even when the image is there. `credentials` are tried one after the other until one
  // opens the registry; none: without any (CFG-22). A pull beyond the limit per second fails at once, as upstream: its
  // back-off spreads them. Cancelling the task gives the pull up.
  Task<Result<Pulled>> pull(std::string name, bool always, cri::v1::PodSandboxConfig sandbox,
                            std::vector<Login> credentials = {});

 private:
  struct Opened {
    std::string ref;
    std::optional<SecretLogin> by;
  };
  Task<Result<Opened>> pullWithAny(std::string name, std::vector<Login> credentials, cri::v1::PodSandboxConfig sandbox);

  cri::ImageService& service_;
  Clock& clock_;
  std::function<void()> pulled_ = [] {};
  Semaphore places_;
  apiserver::TokenBucket rate_;
};

}  // namespace cubelet::images
