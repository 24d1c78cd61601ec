#include "kubelet/stats/rates.h"

#include <map>
#include <string>

namespace cubelet::stats {
namespace {

void addRate(const Sample& before, Sample& now) {
  const Duration apart = now.at - before.at;
  if (!before.usage.cpu || !now.usage.cpu || apart < kShortestRate || apart > kLongestRate) return;
  const std::uint64_t used = now.usage.cpu->nanos;
  if (used < before.usage.cpu->nanos) return;  // another cgroup of that name
  const double seconds = std::chrono::duration<double>(apart).count();
  now.nanoCores = static_cast<std::uint64_t>(static_cast<double>(used - before.usage.cpu->nanos) / seconds);
}

// By what names its cgroup for good: container ids and pod UIDs never come again.
std::map<std::string, const Sample*> samplesOf(const Summary& summary) {
  std::map<std::string, const Sample*> out;
  for (const SystemCgroup& one : summary.node.systemCgroups) out["system/" + one.cgroup] = &one.sample;
  for (const PodFigures& pod : summary.pods) {
    if (pod.sample) out["pod/" + pod.uid] = &*pod.sample;
    for (const ContainerFigures& container : pod.containers)
      if (container.sample) out[container.id] = &*container.sample;
  }
  return out;
}

}  // namespace

void addRates(const Summary& before, Summary& now) {
  const std::map<std::string, const Sample*> old = samplesOf(before);
  auto add = [&](const std::string& key, Sample& sample) {
    if (auto found = old.find(key); found != old.end()) addRate(*found->second, sample);
  };
  addRate(before.node.sample, now.node.sample);
  for (SystemCgroup& one : now.node.systemCgroups) add("system/" + one.cgroup, one.sample);
  for (PodFigures& pod : now.pods) {
    if (pod.sample) add("pod/" + pod.uid, *pod.sample);
    for (ContainerFigures& container : pod.containers)
      if (container.sample) add(container.id, *container.sample);
  }
}

}  // namespace cubelet::stats
