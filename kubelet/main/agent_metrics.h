// What the agent tells its metrics.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "kubelet/metrics/kubelet_metrics.h"
#include "kubelet/metrics/pod_starts.h"
#include "kubelet/shutdown/shutdown_times.h"
#include "kubelet/sync/milestones.h"
#include "kubelet/sync/pod_worker.h"

namespace cubelet {

// Loop thread only. Outlives whatever it is told by.
class AgentMetrics {
 public:
  explicit AgentMetrics(const Clock& clock) : clock_(clock) {}

  metrics::KubeletMetrics& kubelet() { return kubelet_; }

  // For the sync loop.
  sync::Milestones milestones();
  void statusChanged(const sync::PodWorker& worker);

  // What is looked up at a scrape.
  struct Sources {
    std::string nodeName;
    std::string kubernetesVersion;  // "v1.36.0"
    bool cgroupV2 = false;
    std::function<bool()> runtimeSynced;
    std::function<std::optional<WallTime>()> clientCertificateExpires;
    std::function<std::optional<WallTime>()> servingCertificateExpires;
    std::function<std::uint64_t()> clientRenewErrors;
    std::function<std::uint64_t()> servingRenewErrors;
    std::function<shutdown::ShutdownTimes()> shutdownTimes;
  };
  void addSources(Sources sources);

 private:
  const Clock& clock_;
  metrics::KubeletMetrics kubelet_;
  metrics::PodStarts starts_;
};

}  // namespace cubelet
