#include "kubelet/main/node_stats.h"

#include <memory>
#include <optional>
#include <utility>

#include "kubelet/cgroups/host_tree.h"
#include "kubelet/stats/pod_to_read.h"

namespace cubelet {
namespace {

std::unique_ptr<stats::HostReader> makeReader() {
  return std::make_unique<stats::HostReader>(std::make_unique<cgroups::HostTree>(), &std::chrono::system_clock::now);
}

stats::Collector::Options options(const config::KubeletConfiguration& config) {
  stats::Collector::Options options;
  options.keepDisk = Duration(config.volumestatsaggperiod().duration());
  return options;
}

}  // namespace

NodeStats::NodeStats(Services services)
    : services_(std::move(services)),
      collector_({.loop = services_.loop,
                  .clock = services_.clock,
                  .pool = services_.pool,
                  .runtime = services_.runtime,
                  .images = services_.images,
                  .question = [this] { return question(); },
                  .makeReader = &makeReader},
                 options(services_.effective.config)) {}

stats::Question NodeStats::question() const {
  const config::Effective& effective = services_.effective;
  stats::Question question;
  question.nodeName = effective.nodeName;
  question.rootDir = services_.dirs.root;
  question.podsCgroup = services_.cgroups.allPods();
  question.runtimeCgroup = effective.commandLine.runtimeCgroups;
  for (const sync::core::Pod& pod : services_.sync.pods()) {
    const observe::ObservedPod* have = services_.observer.find(pod.metadata().uid());
    if (have == nullptr) continue;
    const sync::PodWorker* worker = services_.sync.find(pod.metadata().namespace_() + "/" + pod.metadata().name());
    volumes::PodVolumes::HostPaths paths;
    if (worker != nullptr && worker->uid() == pod.metadata().uid() && worker->state().volumes)
      paths = *worker->state().volumes;
    std::optional<stats::PodToRead> one = stats::podToRead(pod, *have, paths, services_.dirs);
    if (!one) continue;
    one->cgroup = services_.cgroups.parentOf(pod);
    one->ownCgroup = services_.cgroups.enabled();
    question.pods.push_back(std::move(*one));
  }
  return question;
}

}  // namespace cubelet
