#include "kubelet/stats/disk_usage.h"

#include <optional>

#include "base/disk_usage.h"
#include "kubelet/stats/host_reader.h"

namespace cubelet::stats {
namespace {

std::optional<FsUsage> usageOf(const std::string& directory, WallTime at, const DiskUsage& sum) {
  std::optional<FsUsage> fs = fileSystemOf(directory, at);
  if (!fs) return std::nullopt;
  fs->used = static_cast<std::uint64_t>(sum.bytes);
  fs->inodesUsed = static_cast<std::uint64_t>(sum.inodes);
  return fs;
}

bool isCancelled(const Result<DiskUsage>& sum) {
  return !sum && sum.error().code == Code::kCancelled;
}

Result<DiskUsage> usageOfVolume(const VolumeToRead& volume, const std::atomic<bool>& stop, ProjectCalls& calls) {
  if (volume.measure == VolumeMeasure::kProject)
    if (Result<DiskUsage> counted = projectUsage(volume.path, calls); counted) return counted;
  return diskUsage(volume.path, stop);
}

void addTo(FsUsage& total, const FsUsage& part) {
  if (part.used) total.used = total.used.value_or(0) + *part.used;
  if (part.inodesUsed) total.inodesUsed = total.inodesUsed.value_or(0) + *part.inodesUsed;
}

}  // namespace

Result<PodDisk> measurePod(const PodToRead& pod, WallTime at, const std::atomic<bool>& stop, ProjectCalls& calls) {
  const LowPriority polite;
  PodDisk out;
  for (const ContainerToRead& container : pod.containers) {
    const Result<DiskUsage> sum = diskUsage(container.logDirectory, stop);
    if (isCancelled(sum)) return fail(sum.error());
    if (!sum) continue;
    if (std::optional<FsUsage> fs = usageOf(container.logDirectory, at, *sum)) out.logs[container.name] = *fs;
  }
  for (const VolumeToRead& volume : pod.volumes) {
    std::optional<FsUsage> fs;
    if (volume.measure == VolumeMeasure::kDriver) continue;
    if (volume.measure == VolumeMeasure::kFileSystem) {
      fs = fileSystemOf(volume.path, at);
    } else {
      const Result<DiskUsage> sum = usageOfVolume(volume, stop, calls);
      if (isCancelled(sum)) return fail(sum.error());
      if (sum) fs = usageOf(volume.path, at, *sum);
    }
    if (!fs) continue;
    out.volumes.push_back({.name = volume.name, .claim = volume.claim, .fs = *fs, .ephemeral = volume.ephemeral});
  }
  return out;
}

void addDiskUsage(const std::map<std::string, PodDisk>& byUid, Summary& summary) {
  for (PodFigures& pod : summary.pods) {
    auto found = byUid.find(pod.uid);
    if (found != byUid.end()) pod.volumes = found->second.volumes;
    FsUsage total = summary.node.fs.value_or(FsUsage());
    total.used.reset();
    total.inodesUsed.reset();
    for (const VolumeFigures& volume : pod.volumes) {
      if (!volume.ephemeral) continue;
      addTo(total, volume.fs);
      total.at = volume.fs.at;
    }
    for (ContainerFigures& container : pod.containers) {
      if (found != byUid.end())
        if (auto logs = found->second.logs.find(container.name); logs != found->second.logs.end())
          container.logs = logs->second;
      if (container.logs) addTo(total, *container.logs);
      if (container.rootfs) addTo(total, *container.rootfs);
    }
    if (total.used) pod.ephemeralStorage = total;
  }
}

}  // namespace cubelet::stats
