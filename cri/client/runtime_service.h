// The CRI as cubelet calls it: runtime.v1.RuntimeService and runtime.v1.ImageService.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "proto/cri/api.pb.h"

namespace cubelet::cri {

namespace v1 = ::runtime::v1;

// What one runtime event tells: something happened to this container or sandbox. A hint to look again, with the exit
// facts where the source carries them (containerd's ContainerStatus is stale for up to 160 ms after an exit).
struct RuntimeEvent {
  enum class Kind { kCreated, kStarted, kExited, kDeleted, kOom };
  Kind kind = Kind::kCreated;
  std::string id;                               // of a container or of a sandbox: the event does not say which
  std::optional<int> exitCode;                  // kExited, where the source tells
  std::optional<WallTime> at;                   // when it happened, where the source tells
  std::optional<v1::PodSandboxStatus> sandbox;  // CRI events carry the status read at that moment
  std::vector<v1::ContainerStatus> containers;
};

// A server stream of runtime events. The object owns the call; destroying it cancels the call.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // The next event. kUnavailable when the stream ended or broke: open a new one and list everything, since what
  // happened in between was not told.
  virtual Task<Result<RuntimeEvent>> next() = 0;
};

// All calls are safe to repeat. Every call has a deadline of its own (ClientOptions); cancelling the task cancels the
// RPC. kUnavailable: the runtime is not there, or not yet initialized. kTimedOut: outcome unknown, read the state again
// before acting. kAlreadyExists from runPodSandbox and createContainer: the name (pod and attempt, container and
// attempt) belongs to an older instance, which a list shows. Errors name the call and the object. Loop thread only.
class RuntimeService {
 public:
  virtual ~RuntimeService() = default;

  // Returns once the runtime's socket is served, however long that takes: it may still answer kUnavailable for a moment
  // while it loads its own state. kUnavailable: it came and went again. Costs no timer of ours.
  virtual Task<Result<void>> waitReady() = 0;

  virtual Task<Result<v1::VersionResponse>> version() = 0;
  virtual Task<Result<v1::StatusResponse>> status() = 0;
  // The image that sandboxes are made from, as its configuration names it. Empty when it does not tell: newer runtimes
  // report that image as pinned instead.
  virtual Task<Result<std::string>> sandboxImage() = 0;
  // kUnimplemented before containerd 2.0.
  virtual Task<Result<v1::RuntimeConfigResponse>> runtimeConfig() = 0;
  virtual Task<Result<void>> updateRuntimeConfig(std::string podCidr) = 0;

  // Answers the sandbox id.
  virtual Task<Result<std::string>> runPodSandbox(v1::PodSandboxConfig config, std::string runtimeHandler) = 0;
  virtual Task<Result<void>> stopPodSandbox(std::string id) = 0;    // NotFound counts as done
  virtual Task<Result<void>> removePodSandbox(std::string id) = 0;  // NotFound counts as done
  virtual Task<Result<v1::PodSandboxStatusResponse>> podSandboxStatus(std::string id) = 0;
  virtual Task<Result<std::vector<v1::PodSandbox>>> listPodSandbox(v1::PodSandboxFilter filter) = 0;
  // What the sandbox's containers and its overhead have together from now on. kUnimplemented: runtimes such as
  // containerd before 2.1.
  virtual Task<Result<void>> updatePodSandboxResources(std::string id, v1::LinuxContainerResources resources,
                                                       v1::LinuxContainerResources overhead) = 0;

  // Answers the container id.
  virtual Task<Result<std::string>> createContainer(std::string sandboxId, v1::ContainerConfig config,
                                                    v1::PodSandboxConfig sandboxConfig) = 0;
  virtual Task<Result<void>> startContainer(std::string id) = 0;
  // Sends the stop signal, and SIGKILL after `grace` (whole seconds). The deadline is the usual one plus `grace`.
  virtual Task<Result<void>> stopContainer(std::string id, Duration grace) = 0;  // NotFound counts as done
  virtual Task<Result<void>> removeContainer(std::string id) = 0;                // NotFound counts as done
  virtual Task<Result<v1::ContainerStatusResponse>> containerStatus(std::string id) = 0;
  virtual Task<Result<std::vector<v1::Container>>> listContainers(v1::ContainerFilter filter) = 0;
  virtual Task<Result<void>> updateContainerResources(std::string id, v1::LinuxContainerResources resources) = 0;
  virtual Task<Result<void>> reopenContainerLog(std::string id) = 0;

  // Zero timeout: no limit.
  virtual Task<Result<v1::ExecSyncResponse>> execSync(std::string id, std::vector<std::string> command,
                                                      Duration timeout) = 0;
  virtual Task<Result<std::string>> exec(v1::ExecRequest request) = 0;                // answers the streaming URL
  virtual Task<Result<std::string>> attach(v1::AttachRequest request) = 0;            // answers the streaming URL
  virtual Task<Result<std::string>> portForward(v1::PortForwardRequest request) = 0;  // answers the streaming URL

  virtual Task<Result<v1::ListContainerStatsResponse>> listContainerStats(v1::ContainerStatsFilter filter) = 0;
  virtual Task<Result<v1::ListPodSandboxStatsResponse>> listPodSandboxStats(v1::PodSandboxStatsFilter filter) = 0;

  // Opens the best event stream this runtime has: containerd's own on the same socket, else CRI GetContainerEvents.
  // When it answers, the subscription is in force: list everything then, and nothing can fall between. kUnimplemented:
  // neither; the caller lists periodically.
  virtual Task<Result<std::unique_ptr<EventStream>>> openEvents() = 0;
};

class ImageService {
 public:
  virtual ~ImageService() = default;
  virtual Task<Result<std::vector<v1::Image>>> listImages() = 0;
  // Empty when the image is not there.
  virtual Task<Result<std::optional<v1::Image>>> imageStatus(std::string image) = 0;
  // No deadline. Answers the image reference (digest form) to create containers with.
  virtual Task<Result<std::string>> pullImage(std::string image, v1::AuthConfig auth, v1::PodSandboxConfig sandbox) = 0;
  virtual Task<Result<void>> removeImage(std::string image) = 0;
  virtual Task<Result<v1::ImageFsInfoResponse>> imageFsInfo() = 0;
};

}  // namespace cubelet::cri
