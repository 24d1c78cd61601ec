#include "kubelet/plan/sandbox.h"

#include <algorithm>

namespace cubelet::plan {

SandboxVerdict judgeSandbox(const k8s::core::v1::Pod& pod, const observe::ObservedPod& have) {
  SandboxVerdict verdict;
  if (have.sandboxes.empty()) {
    verdict.reason = "the pod has no sandbox";
    return verdict;
  }
  for (const auto& sandbox : have.sandboxes) verdict.nextAttempt = std::max(verdict.nextAttempt, sandbox.attempt + 1);

  const auto ready = std::ranges::count_if(have.sandboxes, [](const auto& sandbox) { return sandbox.ready; });
  const observe::ObservedSandbox& newest = have.sandboxes.front();
  const bool hostNetwork = pod.spec().hostnetwork();
  if (ready > 1) {
    verdict.reason = "more than one sandbox is ready";
  } else if (!newest.ready) {
    verdict.reason = "the sandbox is not ready";
  } else if (newest.hostNetwork != hostNetwork) {
    verdict.reason = "the network mode has changed";
  } else if (!hostNetwork && (newest.ips.empty() || newest.ips.front().empty())) {
    verdict.reason = "the sandbox has no address";
  } else {
    verdict.usable = true;
    verdict.id = newest.id;
  }
  return verdict;
}

}  // namespace cubelet::plan
