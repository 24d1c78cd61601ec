#include "kubelet/nodeapi/metrics_routes.h"

#include <iterator>
#include <map>
#include <utility>

#include "base/log.h"
#include "kubelet/metrics/process_metrics.h"
#include "kubelet/nodeapi/exposition.h"
#include "kubelet/stats/volume_metrics.h"

namespace cubelet::nodeapi {
namespace {

using metrics::Families;
using metrics::Family;
using metrics::Kind;
using web::Reply;
using web::RequestPtr;

void append(Families more, Families& families) {
  families.insert(families.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

const char* nameOf(observe::ContainerState state) {
  switch (state) {
    case observe::ContainerState::kCreated:
      return "created";
    case observe::ContainerState::kRunning:
      return "running";
    case observe::ContainerState::kExited:
      return "exited";
    case observe::ContainerState::kUnknown:
      return "unknown";
  }
  std::unreachable();
}

// What the runtime has, at this moment.
Families runningMetrics(const NodeView& view) {
  std::size_t pods = 0;
  std::map<std::string, std::size_t> containers;
  for (const std::string& uid : view.observedUids()) {
    const observe::ObservedPod* have = view.observed(uid);
    if (have == nullptr) continue;
    if (!have->sandboxes.empty() && have->sandboxes.front().ready) ++pods;
    for (const observe::ObservedContainer& container : have->containers) ++containers[nameOf(container.state)];
  }
  Families out;
  out.push_back(metrics::gauge("kubelet_running_pods", "Pods with a sandbox that runs", static_cast<double>(pods)));
  Family& byState = out.emplace_back(
      Family{.name = "kubelet_running_containers", .help = "Containers that the runtime has", .kind = Kind::kGauge});
  for (const auto& [state, count] : containers)
    byState.samples.push_back({.labels = {{"container_state", state}}, .value = static_cast<double>(count)});
  if (byState.samples.empty()) out.pop_back();
  return out;
}

Reply textOf(const Families& families) {
  Reply reply;
  reply.contentType = kExpositionType;
  reply.body = expositionText(families);
  return reply;
}

Task<Reply> agent(metrics::KubeletMetrics* metrics, stats::Collector* collector, const NodeView* view) {
  const Result<stats::SummaryPtr> volumes = co_await collector->claims();
  if (!volumes) log::warning("cannot tell how full volumes are", {{"error", volumes.error().message}});
  Families families = metrics->registry().collect();
  append(runningMetrics(*view), families);
  append(metrics::processMetrics(), families);
  if (volumes) append(stats::volumeMetrics(**volumes), families);
  co_return textOf(families);
}

Task<Reply> probes(metrics::KubeletMetrics* metrics, const NodeView* view) {
  metrics::KubeletMetrics::LivePods live;
  for (const core::Pod& pod : view->allPods()) {
    live.uids.insert(pod.metadata().uid());
    live.names.emplace(pod.metadata().namespace_(), pod.metadata().name());
  }
  metrics->keepProbesOf(live);
  co_return textOf(metrics->probeRegistry().collect());
}

}  // namespace

void addMetricsRoutes(web::Router& router, metrics::KubeletMetrics& metrics, stats::Collector& collector,
                      const NodeView& view) {
  router.add({.methods = {"GET"},
              .pattern = "/metrics",
              .handler = [noted = &metrics, asked = &collector,
                          shown = &view](const RequestPtr&) { return agent(noted, asked, shown); },
              .always = true});
  router.add({.methods = {"GET"},
              .pattern = "/metrics/probes",
              .handler = [noted = &metrics, shown = &view](const RequestPtr&) { return probes(noted, shown); },
              .always = true});
}

}  // namespace cubelet::nodeapi
