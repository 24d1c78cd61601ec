#include "kubelet/metrics/kubelet_metrics.h"

#include <cctype>
#include <utility>

namespace cubelet::metrics {
namespace {

// Upstream's bounds, in seconds: dashboards compute quantiles from them.
const std::vector<double> kDefaultBounds = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
const std::vector<double> kPodStartBounds = {0.5, 1,   2,   3,   4,   5,   6,   8,   10,   20,   30,   45,  60,
                                             120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600};
const std::vector<double> kPullBounds = {1, 5, 10, 20, 30, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600};
const std::vector<double> kStorageBounds = {.1, .25, .5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600};
const std::vector<double> kRequestBounds = {.005, .025, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60};
// A step takes from a millisecond to as long as a pull.
const std::vector<double> kStepBounds = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300};

}  // namespace

KubeletMetrics::KubeletMetrics()
    : runtimeCalls_(
          registry_.counters("kubelet_runtime_operations_total", "Calls of the container runtime", {"operation_type"})),
      runtimeErrors_(registry_.counters("kubelet_runtime_operations_errors_total",
                                        "Calls of the container runtime that failed", {"operation_type"})),
      runtimeTook_(registry_.histograms("kubelet_runtime_operations_duration_seconds",
                                        "Time that calls of the container runtime took",
                                        exponentialBounds(.005, 2.5, 14), {"operation_type"})),
      listTook_(registry_.histograms("kubelet_pleg_relist_duration_seconds",
                                     "Time that reading the whole state of the runtime took", kDefaultBounds)),
      listInterval_(registry_.histograms("kubelet_pleg_relist_interval_seconds",
                                         "Time between two readings of the whole state of the runtime; between them "
                                         "its events tell what changes",
                                         kDefaultBounds)),
      stepTook_(registry_.histograms("cubelet_pod_start_step_duration_seconds",
                                     "Time that one step on the way to a running pod took", kStepBounds, {"step"})),
      startedPods_(registry_.counters("kubelet_started_pods_total", "Sandboxes of pods that were to be started")),
      startedPodErrors_(
          registry_.counters("kubelet_started_pods_errors_total", "Sandboxes of pods that did not start", {})),
      startedContainers_(registry_.counters("kubelet_started_containers_total", "Containers that were to be started",
                                            {"container_type"})),
      startedContainerErrors_(registry_.counters("kubelet_started_containers_errors_total",
                                                 "Containers that did not start", {"container_type", "code"})),
      sandboxTook_(registry_.histograms("kubelet_run_podsandbox_duration_seconds", "Time that starting a sandbox took",
                                        kDefaultBounds, {"runtime_handler"})),
      sandboxErrors_(registry_.counters("kubelet_run_podsandbox_errors_total", "Sandboxes that did not start",
                                        {"runtime_handler"})),
      pullTook_(registry_.histograms("kubelet_image_pull_duration_seconds", "Time that pulling an image took",
                                     kPullBounds, {"image_size_in_bytes"})),
      storageTook_(registry_.histograms("storage_operation_duration_seconds", "Time that an operation on a volume took",
                                        kStorageBounds, {"migrated", "operation_name", "status", "volume_plugin"})),
      workerTook_(registry_.histograms("kubelet_pod_worker_duration_seconds",
                                       "Time that bringing a pod to its wanted state took", kDefaultBounds,
                                       {"operation_type"})),
      podStartTook_(registry_.histograms("kubelet_pod_start_duration_seconds",
                                         "Time from when a pod was seen first until it ran", kPodStartBounds)),
      podStartSli_(registry_.histograms("kubelet_pod_start_sli_duration_seconds",
                                        "Time from when a pod was made until it ran, without pulling images",
                                        kPodStartBounds)),
      evictions_(registry_.counters("kubelet_evictions", "Pods that were evicted, by what there was too little of",
                                    {"eviction_signal"})),
      apiRequests_(
          registry_.counters("rest_client_requests_total", "Requests to the API server", {"code", "host", "method"})),
      apiTook_(registry_.histograms("rest_client_request_duration_seconds", "Time until the API server answered",
                                    kRequestBounds, {"host", "verb"})),
      probes_(probeRegistry_.counters("prober_probe_total", "Probes of containers by how they ended",
                                      {"container", "namespace", "pod", "pod_uid", "probe_type", "result"})),
      probeTook_(probeRegistry_.histograms("prober_probe_duration_seconds", "Time that probes took", kDefaultBounds,
                                           {"container", "namespace", "pod", "probe_type"})) {}

void KubeletMetrics::runtimeCall(std::string_view method, Duration took, bool failed) {
  const std::string type = operationType(method);
  runtimeCalls_.add({type});
  if (failed) runtimeErrors_.add({type});
  runtimeTook_.observe({type}, took);
}

void KubeletMetrics::runtimeListed(TimePoint began, Duration took) {
  if (lastList_) listInterval_.observe({}, began - *lastList_);
  lastList_ = began;
  listTook_.observe({}, took);
}

void KubeletMetrics::startStep(std::string_view step, Duration took) {
  stepTook_.observe({std::string(step)}, took);
}

void KubeletMetrics::sandboxStarted(const std::string& handler, Duration took, bool failed) {
  startStep("sandbox", took);
  startedPods_.add({});
  sandboxTook_.observe({handler}, took);
  if (!failed) return;
  startedPodErrors_.add({});
  sandboxErrors_.add({handler});
}

void KubeletMetrics::containerStarted(const std::string& type, const std::string& reason) {
  startedContainers_.add({type});
  if (!reason.empty()) startedContainerErrors_.add({type, reason});
}

void KubeletMetrics::imagePulled(std::uint64_t bytes, Duration took) {
  startStep("image_pull", took);
  pullTook_.observe({imageSizeClass(bytes)}, took);
}

void KubeletMetrics::volumeMounted(const std::string& plugin, Duration took, bool failed) {
  storageTook_.observe({"false", "volume_mount", failed ? "fail-unknown" : "success", plugin}, took);
}

void KubeletMetrics::podWorked(const std::string& operation, Duration took) {
  workerTook_.observe({operation}, took);
}

void KubeletMetrics::podStarted(Duration sinceSeen, std::optional<Duration> sinceMade) {
  podStartTook_.observe({}, sinceSeen);
  if (sinceMade) podStartSli_.observe({}, *sinceMade);
}

void KubeletMetrics::probed(const Probe& probe, Duration took) {
  probes_.add({probe.container, probe.ns, probe.pod, probe.uid, probe.type, probe.result});
  probeTook_.observe({probe.container, probe.ns, probe.pod, probe.type}, took);
}

void KubeletMetrics::keepProbesOf(const LivePods& pods) {
  // In the order of the labels.
  probes_.forget([&](const std::vector<std::string>& values) { return !pods.uids.contains(values[3]); });
  probeTook_.forget(
      [&](const std::vector<std::string>& values) { return !pods.names.contains({values[1], values[2]}); });
}

void KubeletMetrics::podEvicted(const std::string& signal) {
  evictions_.add({signal});
}

void KubeletMetrics::apiRequest(const std::string& method, const std::string& host, const std::string& code,
                                Duration took) {
  apiRequests_.add({code, host, method});
  apiTook_.observe({host, method}, took);
}

std::string operationType(std::string_view method) {
  if (method == "UpdateContainerResources") return "update_container";
  std::string out;
  for (const char c : method) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !out.empty()) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  constexpr std::string_view kSandbox = "pod_sandbox";
  if (const std::size_t at = out.find(kSandbox); at != std::string::npos)
    out.replace(at, kSandbox.size(), "podsandbox");
  return out;
}

std::string imageSizeClass(std::uint64_t bytes) {
  constexpr std::uint64_t kMega = std::uint64_t{1024} * 1024;
  constexpr std::uint64_t kGiga = kMega * 1024;
  constexpr std::pair<std::uint64_t, const char*> kClasses[] = {
      {10 * kMega, "0-10MB"},    {100 * kMega, "10MB-100MB"}, {500 * kMega, "100MB-500MB"}, {kGiga, "500MB-1GB"},
      {5 * kGiga, "1GB-5GB"},    {10 * kGiga, "5GB-10GB"},    {20 * kGiga, "10GB-20GB"},    {30 * kGiga, "20GB-30GB"},
      {40 * kGiga, "30GB-40GB"}, {60 * kGiga, "40GB-60GB"},   {100 * kGiga, "60GB-100GB"},
  };
  if (bytes == 0) return "N/A";
  for (const auto& [below, name] : kClasses)
    if (bytes < below) return name;
  return "GT100GB";
}

}  // namespace cubelet::metrics
