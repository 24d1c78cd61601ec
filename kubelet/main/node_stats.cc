#include "kubelet/main/node_stats.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "kubelet/cgroups/host_tree.h"
#include "kubelet/config/feature_gates.h"
#include "kubelet/main/project_quotas.h"
#include "kubelet/stats/pod_to_read.h"

namespace cubelet {
namespace {

constexpr std::size_t kMostReaders = 4;  // they hold each other up in the kernel

std::unique_ptr<stats::HostReader> makeReader() {
  return std::make_unique<stats::HostReader>(std::make_unique<cgroups::HostTree>(), &std::chrono::system_clock::now);
}

stats::Collector::Options options(const config::KubeletConfiguration& config) {
  stats::Collector::Options options;
  options.readers = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostReaders);
  options.keepDisk = Duration(config.volumestatsaggperiod().duration());
  return options;
}

}  // namespace

NodeStats::NodeStats(Services services)
    : services_(std::move(services)),
      volumeHealth_(config::FeatureGates::lenient(services_.effective.config).enabled("CSIVolumeHealth")),
      projectQuotas_(projectQuotas(services_.effective)),
      collector_({.loop = services_.loop,
                  .clock = services_.clock,
                  .pool = services_.pool,
                  .runtime = services_.runtime,
                  .images = services_.images,
                  .question = [this] { return question(); },
                  .makeReader = &makeReader,
                  .askDriver = [this](stats::DriverQuestion asked) { return askDriver(std::move(asked)); }},
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
    volumes::PodVolumes::HostPaths paths = services_.volumes.csiPaths(pod.metadata().uid());
    if (worker != nullptr && worker->uid() == pod.metadata().uid() && worker->state().volumes)
      for (const auto& [name, path] : *worker->state().volumes) paths[name] = path;
    std::map<std::string, stats::DrivenVolume> driven;
    for (const csi::Volumes::Publication& one : services_.csiVolumes.publishedFor(pod.metadata().uid()))
      driven[one.path] = {one.driver, one.handle};
    std::optional<stats::PodToRead> one = stats::podToRead(pod, *have, paths, services_.dirs, driven, projectQuotas_);
    if (!one) continue;
    one->cgroup = services_.cgroups.parentOf(pod);
    one->ownCgroup = services_.cgroups.enabled();
    question.pods.push_back(std::move(*one));
  }
  return question;
}

Task<Result<stats::DriverAnswer>> NodeStats::askDriver(stats::DriverQuestion asked) {
  auto call = services_.csiVolumes.stats(asked.driver, asked.handle, asked.podUid);
  Result<csi::v1::NodeGetVolumeStatsResponse> told = co_await std::move(call);
  if (!told) co_return fail(told.error());
  Result<stats::DriverAnswer> answer = stats::readAnswer(*told, services_.clock.wallNow());
  if (!answer) co_return answer;
  if (!volumeHealth_) answer->abnormal.reset();
  if (answer->abnormal.value_or(false)) tellAbnormal(asked, answer->condition);
  co_return answer;
}

void NodeStats::tellAbnormal(const stats::DriverQuestion& asked, const std::string& condition) {
  for (const sync::core::Pod& pod : services_.sync.pods())
    if (pod.metadata().uid() == asked.podUid)
      services_.events.warning(events::podRef(pod), "VolumeConditionAbnormal",
                               "Volume " + asked.volume + ": " + condition);
}

}  // namespace cubelet
