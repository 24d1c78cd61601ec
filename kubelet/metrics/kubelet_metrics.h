// KubeletMetrics: upstream's names for what happens in the agent, and some of our own (docs/metrics.md).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "kubelet/metrics/registry.h"

namespace cubelet::metrics {

// Each function notes one thing that has happened. Loop thread only.
class KubeletMetrics {
 public:
  KubeletMetrics();
  KubeletMetrics(const KubeletMetrics&) = delete;
  KubeletMetrics& operator=(const KubeletMetrics&) = delete;

  Registry& registry() { return registry_; }
  // GET /metrics/probes has its own (PRB-18).
  const Registry& probeRegistry() const { return probeRegistry_; }

  // A call of the CRI by its name there: "RunPodSandbox".
  void runtimeCall(std::string_view method, Duration took, bool failed);
  // The runtime's whole state was read.
  void runtimeListed(TimePoint began, Duration took);

  // A step on the way to a running pod: "cgroup", "volumes", "sandbox", "image_pull", "create_container", ...
  void startStep(std::string_view step, Duration took);
  void sandboxStarted(const std::string& handler, Duration took, bool failed);
  // `type`: "container", "init_container" or "ephemeral_container"; `reason` is empty when it has started.
  void containerStarted(const std::string& type, const std::string& reason);
  void imagePulled(std::uint64_t bytes, Duration took);
  void volumeMounted(const std::string& plugin, Duration took, bool failed);
  // "create", "update", "sync" or "kill".
  void podWorked(const std::string& operation, Duration took);
  // The pod runs: the time since it was seen first and, where it counts, since it was made, without pulls.
  void podStarted(Duration sinceSeen, std::optional<Duration> sinceMade);

  // `type`: "Liveness", "Readiness" or "Startup"; `result`: "successful", "failed" or "unknown".
  struct Probe {
    std::string type;
    std::string result;
    std::string container;
    std::string pod;
    std::string ns;
    std::string uid;
  };
  void probed(const Probe& probe, Duration took);
  // Probes of all other pods are forgotten: they would fill the memory of an agent that runs for years.
  struct LivePods {
    std::set<std::string> uids;
    std::set<std::pair<std::string, std::string>> names;  // namespace and name
  };
  void keepProbesOf(const LivePods& pods);

  // A pod had to go, for want of what this signal ("memory.available") stands for.
  void podEvicted(const std::string& signal);

  // A request to the API server; `code` is the HTTP status, or "<error>" when none came.
  void apiRequest(const std::string& method, const std::string& host, const std::string& code, Duration took);

 private:
  Registry registry_;
  Registry probeRegistry_;
  std::optional<TimePoint> lastList_;

  Counters& runtimeCalls_;
  Counters& runtimeErrors_;
  Histograms& runtimeTook_;
  Histograms& listTook_;
  Histograms& listInterval_;
  Histograms& stepTook_;
  Counters& startedPods_;
  Counters& startedPodErrors_;
  Counters& startedContainers_;
  Counters& startedContainerErrors_;
  Histograms& sandboxTook_;
  Counters& sandboxErrors_;
  Histograms& pullTook_;
  Histograms& storageTook_;
  Histograms& workerTook_;
  Histograms& podStartTook_;
  Histograms& podStartSli_;
  Counters& evictions_;
  Counters& apiRequests_;
  Histograms& apiTook_;
  Counters& probes_;
  Histograms& probeTook_;
};

// "RunPodSandbox" -> "run_podsandbox", as upstream's label operation_type has it.
std::string operationType(std::string_view method);
// Upstream's classes of image sizes: "10MB-100MB".
std::string imageSizeClass(std::uint64_t bytes);

}  // namespace cubelet::metrics
