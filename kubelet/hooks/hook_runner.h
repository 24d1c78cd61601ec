// HookRunner: runs one lifecycle hook. Behaviour TRM-7.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/http/client.h"
#include "base/result.h"
#include "base/task.h"
#include "cri/client/runtime_service.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::hooks {

namespace core = ::k8s::core::v1;

struct HookTarget {
  std::string containerId;
  core::Container container;  // name and ports
  std::string podIp;
};

// Shared by all hooks of the agent. Loop thread only.
class HookRunner {
 public:
  struct Services {
    Clock& clock;
    cri::RuntimeService& runtime;
    http::Client& http;
    std::string kubernetesVersion;  // "1.36", for the user agent
  };
  explicit HookRunner(Services services) : services_(std::move(services)) {}
  HookRunner(const HookRunner&) = delete;
  HookRunner& operator=(const HookRunner&) = delete;

  // Takes as long as the hook does: who cannot wait cancels. The error says what failed and never what the handler
  // answered, which may be a secret. `warn` is called with the message of an event LifecycleHTTPFallback when a request
  // was answered in plain HTTP and repeated that way.
  Task<Result<void>> run(core::LifecycleHandler handler, HookTarget target,
                         std::function<void(const std::string& message)> warn);

 private:
  Task<Result<void>> exec(core::LifecycleHandler handler, HookTarget target);
  Task<Result<void>> httpGet(core::LifecycleHandler handler, HookTarget target,
                             std::function<void(const std::string& message)> warn);

  Services services_;
};

}  // namespace cubelet::hooks
