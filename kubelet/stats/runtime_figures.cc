#include "kubelet/stats/runtime_figures.h"

#include <algorithm>

namespace cubelet::stats {
namespace {

WallTime timeOf(std::int64_t nanos) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanos)));
}

Count countOf(bool told, const v1::UInt64Value& value) {
  return told ? Count(value.value()) : std::nullopt;
}

// The size of the whole comes from the file system, what is used there from the runtime.
FsUsage fileSystem(const v1::FilesystemUsage& told, const std::map<std::string, FsUsage>& fileSystems) {
  FsUsage fs;
  if (auto whole = fileSystems.find(told.fs_id().mountpoint()); whole != fileSystems.end()) fs = whole->second;
  fs.at = timeOf(told.timestamp());
  fs.used = countOf(told.has_used_bytes(), told.used_bytes());
  fs.inodesUsed = countOf(told.has_inodes_used(), told.inodes_used());
  return fs;
}

// The same file system may be named several times, once for each snapshotter.
std::optional<FsUsage> firstOf(const google::protobuf::RepeatedPtrField<v1::FilesystemUsage>& all,
                               const std::map<std::string, FsUsage>& fileSystems) {
  if (all.empty()) return std::nullopt;
  return fileSystem(all[0], fileSystems);
}

std::optional<Sample> sampleOf(const v1::ContainerStats& stats) {
  if (!stats.has_cpu() && !stats.has_memory()) return std::nullopt;
  Sample sample;
  sample.at = timeOf(std::max(stats.cpu().timestamp(), stats.memory().timestamp()));
  if (stats.cpu().has_usage_core_nano_seconds())
    sample.usage.cpu.emplace().nanos = stats.cpu().usage_core_nano_seconds().value();
  sample.nanoCores = countOf(stats.cpu().has_usage_nano_cores(), stats.cpu().usage_nano_cores());
  if (stats.memory().has_working_set_bytes()) {
    cgroups::MemoryUsage& memory = sample.usage.memory.emplace();
    memory.workingSet = stats.memory().working_set_bytes().value();
    memory.usage = stats.memory().has_usage_bytes() ? stats.memory().usage_bytes().value() : memory.workingSet;
    memory.rss = countOf(stats.memory().has_rss_bytes(), stats.memory().rss_bytes());
    memory.pageFaults = countOf(stats.memory().has_page_faults(), stats.memory().page_faults());
    memory.majorPageFaults = countOf(stats.memory().has_major_page_faults(), stats.memory().major_page_faults());
    if (stats.memory().has_available_bytes())
      memory.limit = memory.workingSet + stats.memory().available_bytes().value();
  }
  if (stats.swap().has_swap_usage_bytes()) sample.usage.swap.emplace().usage = stats.swap().swap_usage_bytes().value();
  return sample;
}

}  // namespace

std::vector<std::string> mountPoints(const v1::ImageFsInfoResponse& images) {
  std::vector<std::string> out;
  for (const auto* all : {&images.image_filesystems(), &images.container_filesystems()})
    for (const v1::FilesystemUsage& one : *all) out.push_back(one.fs_id().mountpoint());
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

void addRuntimeFigures(const RuntimeAnswers& answers, Summary& summary) {
  if (answers.images) {
    summary.node.imageFs = firstOf(answers.images->image_filesystems(), answers.fileSystems);
    summary.node.containerFs = firstOf(answers.images->container_filesystems(), answers.fileSystems);
    // Runtimes before CRI 1.29 name one only: both are the same then.
    if (!summary.node.containerFs) summary.node.containerFs = summary.node.imageFs;
  }
  if (!answers.containers) return;
  std::map<std::string, const v1::ContainerStats*> byId;
  for (const v1::ContainerStats& stats : answers.containers->stats()) byId[stats.attributes().id()] = &stats;
  for (PodFigures& pod : summary.pods)
    for (ContainerFigures& container : pod.containers) {
      auto found = byId.find(container.id);
      if (found == byId.end()) continue;
      const v1::ContainerStats& stats = *found->second;
      if (!container.sample) {
        container.sample = sampleOf(stats);
      } else if (!container.sample->nanoCores) {
        container.sample->nanoCores = countOf(stats.cpu().has_usage_nano_cores(), stats.cpu().usage_nano_cores());
      }
      if (!stats.has_writable_layer()) continue;
      FsUsage rootfs = summary.node.containerFs.value_or(FsUsage());
      rootfs.at = timeOf(stats.writable_layer().timestamp());
      rootfs.used = countOf(stats.writable_layer().has_used_bytes(), stats.writable_layer().used_bytes());
      rootfs.inodesUsed = countOf(stats.writable_layer().has_inodes_used(), stats.writable_layer().inodes_used());
      container.rootfs = std::move(rootfs);
    }
}

}  // namespace cubelet::stats
