#include "kubelet/main/agent_metrics.h"

#include <limits>
#include <sys/utsname.h>
#include <utility>

#include "kubelet/metrics/process_metrics.h"
#include "kubelet/node/machine_facts.h"
#include "kubelet/status/pod_status.h"

namespace cubelet {
namespace {

using metrics::Families;
using metrics::Family;
using metrics::Kind;

// As upstream names the plugins. What is behind a claim is known to the volume's own code only.
const char* pluginOf(const sync::core::VolumeSource& source) {
  if (source.has_emptydir()) return "kubernetes.io/empty-dir";
  if (source.has_hostpath()) return "kubernetes.io/host-path";
  if (source.has_configmap()) return "kubernetes.io/configmap";
  if (source.has_secret()) return "kubernetes.io/secret";
  if (source.has_downwardapi()) return "kubernetes.io/downward-api";
  if (source.has_projected()) return "kubernetes.io/projected";
  if (source.has_nfs()) return "kubernetes.io/nfs";
  if (source.has_persistentvolumeclaim() || source.has_ephemeral()) return "kubernetes.io/persistent-claim";
  return "other";
}

const char* typeOf(const sync::core::Pod& pod, const std::string& container) {
  for (const auto& one : pod.spec().initcontainers())
    if (one.name() == container) return "init_container";
  for (const auto& one : pod.spec().containers())
    if (one.name() == container) return "container";
  return "ephemeral_container";
}

const char* resultOf(probes::Answer::Outcome outcome) {
  switch (outcome) {
    case probes::Answer::Outcome::kSuccess:
    case probes::Answer::Outcome::kWarning:
      return "successful";
    case probes::Answer::Outcome::kFailure:
      return "failed";
    case probes::Answer::Outcome::kUnknown:
      return "unknown";
  }
  std::unreachable();
}

double unixSeconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// Positive infinity without a certificate, as upstream: an alert compares with how little is left.
double secondsLeft(std::optional<WallTime> expires, WallTime now) {
  if (!expires) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(*expires - now).count();
}

Family counter(std::string name, std::string help, std::uint64_t count) {
  Family family = metrics::gauge(std::move(name), std::move(help), static_cast<double>(count));
  family.kind = Kind::kCounter;
  return family;
}

std::string machine() {
  utsname name = {};
  return ::uname(&name) == 0 ? node::goArchitecture(name.machine) : "";
}

Family buildInfo(const std::string& version) {
  // "v1.36.0" -> "1", "36"
  const std::size_t dot = version.find('.');
  const std::string major = version.substr(1, dot - 1);
  const std::string minor = version.substr(dot + 1, version.find('.', dot + 1) - dot - 1);
  Family family = metrics::gauge("kubernetes_build_info", "The Kubernetes release that this agent stands for", 1);
  family.samples.front().labels = {
      {"build_date", ""},     {"compiler", "clang"},    {"git_commit", ""},
      {"git_tree_state", ""}, {"git_version", version}, {"go_version", ""},
      {"major", major},       {"minor", minor},         {"platform", "linux/" + machine()}};
  return family;
}

}  // namespace

sync::Milestones AgentMetrics::milestones() {
  sync::Milestones out;
  out.step = [this](std::string_view step, Duration took) { kubelet_.startStep(step, took); };
  out.sandbox = [this](const std::string& handler, Duration took, bool failed) {
    kubelet_.sandboxStarted(handler, took, failed);
  };
  out.container = [this](const sync::core::Pod& pod, const std::string& name, const std::string& reason) {
    kubelet_.containerStarted(typeOf(pod, name), reason);
  };
  out.pulled = [this](const std::string& uid, std::uint64_t bytes, Duration took) {
    starts_.pulled(uid, took);
    kubelet_.imagePulled(bytes, took);
  };
  out.volume = [this](const sync::core::Volume& volume, Duration took, bool failed) {
    kubelet_.volumeMounted(pluginOf(volume.volumesource()), took, failed);
  };
  out.worked = [this](const std::string& operation, Duration took) { kubelet_.podWorked(operation, took); };
  out.probed = [this](const sync::core::Pod& pod, const std::string& container, probes::Kind kind,
                      const probes::Answer& answer, Duration took) {
    kubelet_.probed({.type = std::string(probes::eventName(kind)),
                     .result = resultOf(answer.outcome),
                     .container = container,
                     .pod = pod.metadata().name(),
                     .ns = pod.metadata().namespace_(),
                     .uid = pod.metadata().uid()},
                    took);
  };
  return out;
}

void AgentMetrics::statusChanged(const sync::PodWorker& worker) {
  const sync::core::Pod& pod = worker.pod();
  metrics::PodStarts::Seen seen{
      .uid = worker.uid(), .phase = worker.status().phase(), .terminated = worker.terminated(), .made = std::nullopt};
  // Upstream measures what a user waits for: pods of the API server, without what their init containers do.
  if (!status::isStaticPod(pod) && pod.spec().initcontainers().empty() && pod.metadata().has_creationtimestamp())
    seen.made = WallTime(std::chrono::seconds(pod.metadata().creationtimestamp().seconds()));
  if (std::optional<metrics::PodStarts::Started> started = starts_.status(seen, clock_.wallNow()))
    kubelet_.podStarted(started->sinceSeen, started->sinceMade);
}

void AgentMetrics::addSources(Sources sources) {
  kubelet_.registry().onCollect([this, from = std::move(sources)](Families& out) {
    const WallTime now = clock_.wallNow();
    Family& name = out.emplace_back(metrics::gauge("kubelet_node_name", "The name of this node", 1));
    name.samples.front().labels = {{"node", from.nodeName}};
    out.push_back(buildInfo(from.kubernetesVersion));
    out.push_back(
        metrics::gauge("kubelet_cgroup_version", "The version of cgroups on this machine", from.cgroupV2 ? 2 : 1));
    // With an unbroken stream of events the runtime is seen at every moment.
    if (from.runtimeSynced())
      out.push_back(metrics::gauge("kubelet_pleg_last_seen_seconds",
                                   "When the state of the runtime was known last, in seconds of Unix time",
                                   unixSeconds(now)));
    out.push_back(metrics::gauge("kubelet_certificate_manager_client_ttl_seconds",
                                 "Time until the client certificate expires",
                                 secondsLeft(from.clientCertificateExpires(), now)));
    out.push_back(metrics::gauge("kubelet_certificate_manager_server_ttl_seconds",
                                 "Time until the serving certificate expires",
                                 secondsLeft(from.servingCertificateExpires(), now)));
    out.push_back(counter("kubelet_certificate_manager_client_expiration_renew_errors",
                          "Tries to renew the client certificate that failed", from.clientRenewErrors()));
    out.push_back(counter("kubelet_server_expiration_renew_errors",
                          "Tries to renew the serving certificate that failed", from.servingRenewErrors()));
    const shutdown::ShutdownTimes shutdown = from.shutdownTimes();
    out.push_back(metrics::gauge("kubelet_graceful_shutdown_start_time_seconds",
                                 "When the last graceful shutdown began, in seconds of Unix time; 0: never",
                                 shutdown.began ? unixSeconds(*shutdown.began) : 0));
    out.push_back(metrics::gauge("kubelet_graceful_shutdown_end_time_seconds",
                                 "When it had ended the pods, in seconds of Unix time; 0: not yet",
                                 shutdown.ended ? unixSeconds(*shutdown.ended) : 0));
  });
}

}  // namespace cubelet
