#include "kubelet/sync/start_failures.h"

#include <utility>

#include "base/log.h"
#include "cri/client/runtime_conditions.h"

namespace cubelet::sync {
namespace {

constexpr std::chrono::seconds kNetworkRetry(1);

}  // namespace

void StartFailures::sandboxFailed(const Error& error) {
  state_.memory.sandboxRetryAt = retryTime(context_, error);
  if (stopping_() || error.code == Code::kCancelled) return;
  context_.events.warning(events::podRef(state_.pod), "FailedCreatePodSandBox",
                          "Failed to create pod sandbox: " + error.message);
}

void StartFailures::remember(const std::string& container, const Error& error, std::string reason,
                             std::string message) {
  plan::ContainerMemory& memory = state_.memory.containers[container];
  memory.failureReason = std::move(reason);
  memory.failureMessage = std::move(message);
  memory.retryAt = retryTime(context_, error);
}

void StartFailures::containerFailed(const std::string& container, const Error& error, const char* defaultReason) {
  const std::string reason = error.reason.empty() ? defaultReason : error.reason;
  remember(container, error, reason, error.message);
  if (stopping_() || error.code == Code::kCancelled) return;
  context_.milestones.container(state_.pod, container, reason);
  context_.events.warning(events::containerRef(state_.pod, container), "Failed", "Error: " + error.message);
}

void StartFailures::postStartFailed(const std::string& container, const Error& error) {
  // What the handler said may be a secret.
  constexpr char kMessage[] = "PostStartHook failed";
  log::warning("a postStart hook has failed",
               {{"pod", state_.ref()}, {"container", container}, {"error", error.message}});
  context_.events.warning(events::containerRef(state_.pod, container), "FailedPostStartHook", kMessage);
  remember(container, error, error.reason, kMessage);
  context_.milestones.container(state_.pod, container, error.reason);
}

Task<bool> StartFailures::networkIsDown() {
  if (state_.pod.spec().hostnetwork()) co_return false;
  Result<cri::v1::StatusResponse> status = co_await context_.runtime.status();
  const std::string problem = status ? cri::problemOf(status->status(), "NetworkReady") : "";
  const bool wasDown = std::exchange(networkDown_, !problem.empty());
  if (!networkDown_) co_return false;
  state_.memory.sandboxRetryAt = context_.clock.wallNow() + kNetworkRetry;
  if (!wasDown && !stopping_())
    context_.events.warning(events::podRef(state_.pod), "NetworkNotReady",
                            "network is not ready: container runtime network not ready: " + problem);
  co_return true;
}

}  // namespace cubelet::sync
