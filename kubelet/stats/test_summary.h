// A node with one pod, as figures. For tests.
#pragma once

#include "kubelet/stats/figures.h"

namespace cubelet::stats {

inline WallTime atSecond(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(1'800'000'000 + seconds));
}

inline Sample sampleAt(WallTime at, std::uint64_t cpuNanos, std::uint64_t workingSet) {
  Sample sample{.at = at};
  sample.usage.cpu.emplace().nanos = cpuNanos;
  sample.usage.memory.emplace();
  sample.usage.memory->usage = workingSet + 100;
  sample.usage.memory->workingSet = workingSet;
  return sample;
}

// Pod shop/web with container "main" in its own cgroups.
inline Summary testSummary() {
  Summary summary;
  NodeFigures& node = summary.node;
  node.name = "n1";
  node.bootTime = atSecond(-1000);
  node.cpus = 4;
  node.memoryCapacity = 1'000'000;
  node.sample = sampleAt(atSecond(0), 9'000'000'000, 500'000);
  node.sample.usage.memory->limit = node.memoryCapacity;
  node.systemCgroups.push_back(
      {.name = "pods", .cgroup = "/kubepods", .startTime = node.bootTime, .sample = sampleAt(atSecond(0), 5, 6)});
  PodFigures& pod = summary.pods.emplace_back();
  pod.ns = "shop";
  pod.name = "web";
  pod.uid = "u1";
  pod.startTime = atSecond(-100);
  pod.cgroup = "/kubepods/podu1";
  pod.sandboxId = "s1";
  pod.sandboxCgroup = "/kubepods/podu1/s1";
  pod.sample = sampleAt(atSecond(1), 3'000'000'000, 3000);
  pod.sandboxSample = sampleAt(atSecond(1), 1'000'000'000, 1000);
  ContainerFigures& container = pod.containers.emplace_back();
  container.name = "main";
  container.id = "c1";
  container.image = "web:1";
  container.cgroup = "/kubepods/podu1/c1";
  container.startedAt = atSecond(-90);
  container.sample = sampleAt(atSecond(2), 2'500'000'000, 2000);
  return summary;
}

}  // namespace cubelet::stats
