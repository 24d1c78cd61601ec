#include "kubelet/stats/resource_metrics.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "kubelet/metrics/text_writer.h"

namespace cubelet::stats {
namespace {

using metrics::Kind;
using metrics::labelText;
using metrics::TextWriter;

constexpr double kNanosPerSecond = 1e9;
// Enough for most, so that the text is moved seldom.
constexpr std::size_t kBytesOfAll = 4096;
constexpr std::size_t kBytesOfPod = 1024;

struct Row {
  std::string labels = {};
  const Sample* sample = nullptr;
  WallTime startedAt = {};  // of containers
};

// The three families that the node, pods and containers have alike.
void addTrio(const std::string& of, const std::vector<Row>& rows, TextWriter& out) {
  out.family(of + "_cpu_usage_seconds_total", "CPU time that the " + of + " has used, in core-seconds", Kind::kCounter);
  for (const auto& [labels, sample, startedAt] : rows)
    if (sample->usage.cpu)
      out.sample(labels, static_cast<double>(sample->usage.cpu->nanos) / kNanosPerSecond, sample->at);
  out.family(of + "_memory_working_set_bytes", "Working set of the " + of + ", in bytes", Kind::kGauge);
  for (const auto& [labels, sample, startedAt] : rows)
    if (sample->usage.memory) out.sample(labels, static_cast<double>(sample->usage.memory->workingSet), sample->at);
  out.family(of + "_swap_usage_bytes", "Swap that the " + of + " uses, in bytes", Kind::kGauge);
  for (const auto& [labels, sample, startedAt] : rows)
    if (sample->usage.swap) out.sample(labels, static_cast<double>(sample->usage.swap->usage), sample->at);
}

void addContainers(const std::vector<Row>& rows, TextWriter& out) {
  out.family("container_swap_limit_bytes", "Swap that the container may use, in bytes", Kind::kGauge);
  for (const auto& [labels, sample, startedAt] : rows)
    if (sample->usage.swap && sample->usage.swap->limit)
      out.sample(labels, static_cast<double>(*sample->usage.swap->limit), sample->at);
  out.family("container_start_time_seconds", "Start time of the container, in seconds of Unix time", Kind::kGauge);
  for (const auto& [labels, sample, startedAt] : rows) {
    // One that starts while it is read would seem to have started after its sample.
    const WallTime start = std::min(startedAt, sample->at);
    out.sample(labels, std::chrono::duration<double>(start.time_since_epoch()).count());
  }
}

void addScrapeError(bool failed, TextWriter& out) {
  out.family("resource_scrape_error", "1 if there was an error while getting the figures, 0 otherwise", Kind::kGauge);
  out.sample("", failed ? 1 : 0);
}

}  // namespace

std::string resourceMetrics(const Summary& summary) {
  std::vector<Row> pods;
  std::vector<Row> containers;
  for (const PodFigures& one : summary.pods) {
    const std::string labels = labelText({{"namespace", one.ns}, {"pod", one.name}});
    if (one.sample) pods.push_back({.labels = labels, .sample = &*one.sample});
    for (const ContainerFigures& each : one.containers)
      if (each.sample)
        containers.push_back({.labels = labelText("container", each.name) + "," + labels,
                              .sample = &*each.sample,
                              .startedAt = each.startedAt});
  }
  TextWriter out(kBytesOfAll + kBytesOfPod * summary.pods.size());
  addTrio("node", {{.labels = "", .sample = &summary.node.sample}}, out);
  addTrio("container", containers, out);
  addTrio("pod", pods, out);
  addContainers(containers, out);
  addScrapeError(false, out);
  return out.take();
}

std::string resourceMetricsFailed() {
  TextWriter out(0);
  addScrapeError(true, out);
  return out.take();
}

}  // namespace cubelet::stats
