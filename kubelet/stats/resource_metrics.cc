#include "kubelet/stats/resource_metrics.h"

#include <algorithm>
#include <string>

namespace cubelet::stats {
namespace {

using metrics::Families;
using metrics::Family;
using metrics::Kind;
using metrics::Labels;

constexpr double kNanosPerSecond = 1e9;

Family make(std::string name, std::string help, Kind kind) {
  return {.name = std::move(name), .help = std::move(help), .kind = kind};
}

void add(Family& family, Labels labels, double value, std::optional<WallTime> at) {
  family.samples.push_back({.labels = std::move(labels), .value = value, .at = at});
}

// The three families that the node, pods and containers have alike.
struct Trio {
  explicit Trio(const std::string& of)
      : cpu(make(of + "_cpu_usage_seconds_total", "CPU time that the " + of + " has used, in core-seconds",
                 Kind::kCounter)),
        memory(make(of + "_memory_working_set_bytes", "Working set of the " + of + ", in bytes", Kind::kGauge)),
        swap(make(of + "_swap_usage_bytes", "Swap that the " + of + " uses, in bytes", Kind::kGauge)) {}

  void add(const Labels& labels, const Sample& sample) {
    const cgroups::Usage& usage = sample.usage;
    if (usage.cpu) stats::add(cpu, labels, static_cast<double>(usage.cpu->nanos) / kNanosPerSecond, sample.at);
    if (usage.memory) stats::add(memory, labels, static_cast<double>(usage.memory->workingSet), sample.at);
    if (usage.swap) stats::add(swap, labels, static_cast<double>(usage.swap->usage), sample.at);
  }

  Family cpu;
  Family memory;
  Family swap;
};

Family scrapeError(bool failed) {
  Family family =
      make("resource_scrape_error", "1 if there was an error while getting the figures, 0 otherwise", Kind::kGauge);
  add(family, {}, failed ? 1 : 0, std::nullopt);
  return family;
}

}  // namespace

Families resourceMetrics(const Summary& summary) {
  Trio node("node");
  Trio container("container");
  Trio pod("pod");
  Family limit = make("container_swap_limit_bytes", "Swap that the container may use, in bytes", Kind::kGauge);
  Family started =
      make("container_start_time_seconds", "Start time of the container, in seconds of Unix time", Kind::kGauge);
  node.add({}, summary.node.sample);
  for (const PodFigures& one : summary.pods) {
    if (one.sample) pod.add({{"namespace", one.ns}, {"pod", one.name}}, *one.sample);
    for (const ContainerFigures& each : one.containers) {
      if (!each.sample) continue;
      const Labels labels = {{"container", each.name}, {"namespace", one.ns}, {"pod", one.name}};
      container.add(labels, *each.sample);
      if (each.sample->usage.swap && each.sample->usage.swap->limit)
        add(limit, labels, static_cast<double>(*each.sample->usage.swap->limit), each.sample->at);
      // One that starts while it is read would seem to have started after its sample.
      const WallTime start = std::min(each.startedAt, each.sample->at);
      add(started, labels, std::chrono::duration<double>(start.time_since_epoch()).count(), std::nullopt);
    }
  }
  Families out;
  for (Trio* trio : {&node, &container, &pod})
    for (Family* family : {&trio->cpu, &trio->memory, &trio->swap})
      if (!family->samples.empty()) out.push_back(std::move(*family));
  for (Family* family : {&limit, &started})
    if (!family->samples.empty()) out.push_back(std::move(*family));
  out.push_back(scrapeError(false));
  return out;
}

Families resourceMetricsFailed() {
  Families out;
  out.push_back(scrapeError(true));
  return out;
}

}  // namespace cubelet::stats
