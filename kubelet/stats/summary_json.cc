#include "kubelet/stats/summary_json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/time_text.h"

namespace cubelet::stats {
namespace {

using Json = nlohmann::ordered_json;

// Whole seconds, as all times of the API are written.
std::string timeText(WallTime time) {
  return rfc3339Nano(std::chrono::floor<std::chrono::seconds>(time));
}

void put(Json& json, const char* key, const Count& count) {
  if (count) json[key] = *count;
}

Json pressureLine(const cgroups::PressureLine& line) {
  return {{"total", line.totalNanos}, {"avg10", line.avg10}, {"avg60", line.avg60}, {"avg300", line.avg300}};
}

void putPressure(Json& json, const std::optional<cgroups::Pressure>& pressure) {
  if (pressure) json["psi"] = {{"full", pressureLine(pressure->full)}, {"some", pressureLine(pressure->some)}};
}

void putFs(Json& json, const FsUsage& fs) {
  json["time"] = timeText(fs.at);
  put(json, "availableBytes", fs.available);
  put(json, "capacityBytes", fs.capacity);
  put(json, "usedBytes", fs.used);
  put(json, "inodesFree", fs.inodesFree);
  put(json, "inodes", fs.inodes);
  put(json, "inodesUsed", fs.inodesUsed);
}

void putFs(Json& json, const char* key, const std::optional<FsUsage>& fs) {
  if (fs) putFs(json[key], *fs);
}

void putInterface(Json& json, const Interface& one) {
  json["name"] = one.name;
  json["rxBytes"] = one.rxBytes;
  json["rxErrors"] = one.rxErrors;
  json["txBytes"] = one.txBytes;
  json["txErrors"] = one.txErrors;
}

void putNetwork(Json& json, const std::optional<Network>& network) {
  if (!network) return;
  Json& out = json["network"];
  out["time"] = timeText(network->at);
  // Dashboards read the figures of the default interface beside the list of all.
  for (const Interface& one : network->interfaces)
    if (one.name == network->defaultName) putInterface(out, one);
  out["interfaces"] = Json::array();
  for (const Interface& one : network->interfaces) putInterface(out["interfaces"].emplace_back(), one);
}

void putSample(Json& json, const Sample& sample, bool onlyCpuAndMemory) {
  const std::string time = timeText(sample.at);
  const cgroups::Usage& usage = sample.usage;
  if (usage.cpu) {
    Json& cpu = json["cpu"];
    cpu["time"] = time;
    put(cpu, "usageNanoCores", sample.nanoCores);
    cpu["usageCoreNanoSeconds"] = usage.cpu->nanos;
    putPressure(cpu, usage.cpu->pressure);
  }
  if (usage.memory) {
    Json& memory = json["memory"];
    memory["time"] = time;
    if (usage.memory->limit)
      memory["availableBytes"] = *usage.memory->limit - std::min(*usage.memory->limit, usage.memory->workingSet);
    memory["usageBytes"] = usage.memory->usage;
    memory["workingSetBytes"] = usage.memory->workingSet;
    put(memory, "rssBytes", usage.memory->rss);
    put(memory, "pageFaults", usage.memory->pageFaults);
    put(memory, "majorPageFaults", usage.memory->majorPageFaults);
    putPressure(memory, usage.memory->pressure);
  }
  if (onlyCpuAndMemory) return;
  if (usage.io) {
    json["io"]["time"] = time;
    putPressure(json["io"], usage.io);
  }
  if (usage.swap) {
    Json& swap = json["swap"];
    swap["time"] = time;
    if (usage.swap->limit)
      swap["swapAvailableBytes"] = *usage.swap->limit - std::min(*usage.swap->limit, usage.swap->usage);
    swap["swapUsageBytes"] = usage.swap->usage;
  }
}

Json nodeJson(const NodeFigures& node, bool onlyCpuAndMemory) {
  Json out;
  out["nodeName"] = node.name;
  for (const SystemCgroup& one : node.systemCgroups) {
    Json& system = out["systemContainers"].emplace_back();
    system["name"] = one.name;
    system["startTime"] = timeText(one.startTime);
    putSample(system, one.sample, onlyCpuAndMemory);
  }
  out["startTime"] = timeText(node.bootTime);
  putSample(out, node.sample, onlyCpuAndMemory);
  if (onlyCpuAndMemory) return out;
  putNetwork(out, node.network);
  putFs(out, "fs", node.fs);
  if (node.imageFs) putFs(out["runtime"], "imageFs", node.imageFs);
  if (node.containerFs) putFs(out["runtime"], "containerFs", node.containerFs);
  if (node.processes)
    out["rlimit"] = {
        {"time", timeText(node.processes->at)}, {"maxpid", node.processes->most}, {"curproc", node.processes->current}};
  return out;
}

Json containerJson(const ContainerFigures& container, bool onlyCpuAndMemory) {
  Json out;
  out["name"] = container.name;
  out["startTime"] = timeText(container.startedAt);
  if (container.sample) putSample(out, *container.sample, onlyCpuAndMemory);
  if (onlyCpuAndMemory) return out;
  putFs(out, "rootfs", container.rootfs);
  putFs(out, "logs", container.logs);
  return out;
}

Json podJson(const PodFigures& pod, bool onlyCpuAndMemory) {
  Json out;
  out["podRef"] = {{"name", pod.name}, {"namespace", pod.ns}, {"uid", pod.uid}};
  out["startTime"] = timeText(pod.startTime);
  out["containers"] = Json::array();
  for (const ContainerFigures& one : pod.containers) out["containers"].push_back(containerJson(one, onlyCpuAndMemory));
  if (pod.sample) putSample(out, *pod.sample, onlyCpuAndMemory);
  if (onlyCpuAndMemory) return out;
  putNetwork(out, pod.network);
  for (const VolumeFigures& one : pod.volumes) {
    Json& volume = out["volume"].emplace_back();
    putFs(volume, one.fs);
    volume["name"] = one.name;
    if (one.abnormal) volume["volumeHealthStats"] = {{"abnormal", *one.abnormal}};
    if (!one.claim.empty()) volume["pvcRef"] = {{"name", one.claim}, {"namespace", pod.ns}};
  }
  putFs(out, "ephemeral-storage", pod.ephemeralStorage);
  if (pod.processes) out["process_stats"] = {{"process_count", *pod.processes}};
  return out;
}

}  // namespace

std::string summaryJson(const Summary& summary, bool onlyCpuAndMemory) {
  Json out;
  out["node"] = nodeJson(summary.node, onlyCpuAndMemory);
  out["pods"] = Json::array();
  for (const PodFigures& pod : summary.pods) out["pods"].push_back(podJson(pod, onlyCpuAndMemory));
  // Names come from outside and may hold anything.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cubelet::stats
