// What the node's server shows of the agent. kubelet/main implements it over the sync loop; tests have a fake.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/observe/observed_pod.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::nodeapi {

namespace core = ::k8s::core::v1;

// Every call answers at once from what the agent knows. Loop thread only.
class NodeView {
 public:
  virtual ~NodeView() = default;
  // Every pod that is wanted or still winds down, with its current status, sorted by namespace and name.
  virtual std::vector<core::Pod> allPods() const = 0;
  virtual std::optional<core::Pod> pod(std::string_view ns, std::string_view name) const = 0;
  // Of the pod at the API server that shows a static one; empty: there is none.
  virtual std::string mirrorUid(const std::string& ns, const std::string& name) const = 0;
  // What the runtime has of the pod; null: nothing.
  virtual const observe::ObservedPod* observed(const std::string& uid) const = 0;
  virtual std::vector<std::string> observedUids() const = 0;
  // An error says what is wrong with the sync loop.
  virtual Result<void> syncLoopHealthy() const = 0;
  // The effective configuration with apiVersion and kind; what may be secret is masked.
  virtual std::string configJson() const = 0;
};

}  // namespace cubelet::nodeapi
