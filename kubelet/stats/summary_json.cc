#include "kubelet/stats/summary_json.h"

#include <algorithm>

#include "base/time_text.h"
#include "kubelet/stats/json_text.h"

namespace cubelet::stats {
namespace {

// Enough for most, so that the text is moved seldom.
constexpr std::size_t kBytesOfNode = 8192;
constexpr std::size_t kBytesOfPod = 4096;

// Whole seconds, as all times of the API are written.
void putTime(JsonText& json, const char* key, WallTime time) {
  json.key(key).value(rfc3339Nano(std::chrono::floor<std::chrono::seconds>(time)));
}

void put(JsonText& json, const char* key, std::uint64_t count) {
  json.key(key).value(count);
}

void put(JsonText& json, const char* key, const Count& count) {
  if (count) put(json, key, *count);
}

void putPressureLine(JsonText& json, const char* key, const cgroups::PressureLine& line) {
  json.key(key).beginObject();
  put(json, "total", line.totalNanos);
  json.key("avg10").value(line.avg10);
  json.key("avg60").value(line.avg60);
  json.key("avg300").value(line.avg300);
  json.endObject();
}

void putPressure(JsonText& json, const std::optional<cgroups::Pressure>& pressure) {
  if (!pressure) return;
  json.key("psi").beginObject();
  putPressureLine(json, "full", pressure->full);
  putPressureLine(json, "some", pressure->some);
  json.endObject();
}

void putFs(JsonText& json, const FsUsage& fs) {
  putTime(json, "time", fs.at);
  put(json, "availableBytes", fs.available);
  put(json, "capacityBytes", fs.capacity);
  put(json, "usedBytes", fs.used);
  put(json, "inodesFree", fs.inodesFree);
  put(json, "inodes", fs.inodes);
  put(json, "inodesUsed", fs.inodesUsed);
}

void putFs(JsonText& json, const char* key, const std::optional<FsUsage>& fs) {
  if (!fs) return;
  json.key(key).beginObject();
  putFs(json, *fs);
  json.endObject();
}

void putInterface(JsonText& json, const Interface& one) {
  json.key("name").value(one.name);
  put(json, "rxBytes", one.rxBytes);
  put(json, "rxErrors", one.rxErrors);
  put(json, "txBytes", one.txBytes);
  put(json, "txErrors", one.txErrors);
}

void putNetwork(JsonText& json, const std::optional<Network>& network) {
  if (!network) return;
  json.key("network").beginObject();
  putTime(json, "time", network->at);
  // Dashboards read the figures of the default interface beside the list of all.
  for (const Interface& one : network->interfaces)
    if (one.name == network->defaultName) putInterface(json, one);
  json.key("interfaces").beginArray();
  for (const Interface& one : network->interfaces) {
    json.beginObject();
    putInterface(json, one);
    json.endObject();
  }
  json.endArray();
  json.endObject();
}

void putCpu(JsonText& json, const Sample& sample) {
  json.key("cpu").beginObject();
  putTime(json, "time", sample.at);
  put(json, "usageNanoCores", sample.nanoCores);
  put(json, "usageCoreNanoSeconds", sample.usage.cpu->nanos);
  putPressure(json, sample.usage.cpu->pressure);
  json.endObject();
}

void putMemory(JsonText& json, const Sample& sample) {
  const cgroups::MemoryUsage& memory = *sample.usage.memory;
  json.key("memory").beginObject();
  putTime(json, "time", sample.at);
  if (memory.limit) put(json, "availableBytes", *memory.limit - std::min(*memory.limit, memory.workingSet));
  put(json, "usageBytes", memory.usage);
  put(json, "workingSetBytes", memory.workingSet);
  put(json, "rssBytes", memory.rss);
  put(json, "pageFaults", memory.pageFaults);
  put(json, "majorPageFaults", memory.majorPageFaults);
  putPressure(json, memory.pressure);
  json.endObject();
}

void putSwap(JsonText& json, const Sample& sample) {
  const cgroups::SwapUsage& swap = *sample.usage.swap;
  json.key("swap").beginObject();
  putTime(json, "time", sample.at);
  if (swap.limit) put(json, "swapAvailableBytes", *swap.limit - std::min(*swap.limit, swap.usage));
  put(json, "swapUsageBytes", swap.usage);
  json.endObject();
}

void putSample(JsonText& json, const Sample& sample, bool onlyCpuAndMemory) {
  const cgroups::Usage& usage = sample.usage;
  if (usage.cpu) putCpu(json, sample);
  if (usage.memory) putMemory(json, sample);
  if (onlyCpuAndMemory) return;
  if (usage.io) {
    json.key("io").beginObject();
    putTime(json, "time", sample.at);
    putPressure(json, usage.io);
    json.endObject();
  }
  if (usage.swap) putSwap(json, sample);
}

void putSystemCgroups(JsonText& json, const NodeFigures& node, bool onlyCpuAndMemory) {
  if (node.systemCgroups.empty()) return;
  json.key("systemContainers").beginArray();
  for (const SystemCgroup& one : node.systemCgroups) {
    json.beginObject();
    json.key("name").value(one.name);
    putTime(json, "startTime", one.startTime);
    putSample(json, one.sample, onlyCpuAndMemory);
    json.endObject();
  }
  json.endArray();
}

void putNode(JsonText& json, const NodeFigures& node, bool onlyCpuAndMemory) {
  json.beginObject();
  json.key("nodeName").value(node.name);
  putSystemCgroups(json, node, onlyCpuAndMemory);
  putTime(json, "startTime", node.bootTime);
  putSample(json, node.sample, onlyCpuAndMemory);
  if (!onlyCpuAndMemory) {
    putNetwork(json, node.network);
    putFs(json, "fs", node.fs);
    if (node.imageFs || node.containerFs) {
      json.key("runtime").beginObject();
      putFs(json, "imageFs", node.imageFs);
      putFs(json, "containerFs", node.containerFs);
      json.endObject();
    }
    if (node.processes) {
      json.key("rlimit").beginObject();
      putTime(json, "time", node.processes->at);
      put(json, "maxpid", node.processes->most);
      put(json, "curproc", node.processes->current);
      json.endObject();
    }
  }
  json.endObject();
}

void putContainer(JsonText& json, const ContainerFigures& container, bool onlyCpuAndMemory) {
  json.beginObject();
  json.key("name").value(container.name);
  putTime(json, "startTime", container.startedAt);
  if (container.sample) putSample(json, *container.sample, onlyCpuAndMemory);
  if (!onlyCpuAndMemory) {
    putFs(json, "rootfs", container.rootfs);
    putFs(json, "logs", container.logs);
  }
  json.endObject();
}

void putVolume(JsonText& json, const PodFigures& pod, const VolumeFigures& volume) {
  json.beginObject();
  putFs(json, volume.fs);
  json.key("name").value(volume.name);
  if (volume.abnormal) {
    json.key("volumeHealthStats").beginObject();
    json.key("abnormal").value(*volume.abnormal);
    json.endObject();
  }
  if (!volume.claim.empty()) {
    json.key("pvcRef").beginObject();
    json.key("name").value(volume.claim);
    json.key("namespace").value(pod.ns);
    json.endObject();
  }
  json.endObject();
}

// What lies beyond CPU and memory.
void putRest(JsonText& json, const PodFigures& pod) {
  putNetwork(json, pod.network);
  if (!pod.volumes.empty()) {
    json.key("volume").beginArray();
    for (const VolumeFigures& one : pod.volumes) putVolume(json, pod, one);
    json.endArray();
  }
  putFs(json, "ephemeral-storage", pod.ephemeralStorage);
  if (!pod.processes) return;
  json.key("process_stats").beginObject();
  put(json, "process_count", *pod.processes);
  json.endObject();
}

void putPod(JsonText& json, const PodFigures& pod, bool onlyCpuAndMemory) {
  json.beginObject();
  json.key("podRef").beginObject();
  json.key("name").value(pod.name);
  json.key("namespace").value(pod.ns);
  json.key("uid").value(pod.uid);
  json.endObject();
  putTime(json, "startTime", pod.startTime);
  json.key("containers").beginArray();
  for (const ContainerFigures& one : pod.containers) putContainer(json, one, onlyCpuAndMemory);
  json.endArray();
  if (pod.sample) putSample(json, *pod.sample, onlyCpuAndMemory);
  if (!onlyCpuAndMemory) putRest(json, pod);
  json.endObject();
}

}  // namespace

std::string summaryJson(const Summary& summary, bool onlyCpuAndMemory) {
  JsonText json(kBytesOfNode + kBytesOfPod * summary.pods.size());
  json.beginObject();
  json.key("node");
  putNode(json, summary.node, onlyCpuAndMemory);
  json.key("pods").beginArray();
  for (const PodFigures& pod : summary.pods) putPod(json, pod, onlyCpuAndMemory);
  json.endArray();
  json.endObject();
  return json.take();
}

}  // namespace cubelet::stats
