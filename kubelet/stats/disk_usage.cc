#include "kubelet/stats/disk_usage.h"

#include <set>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"
#include "base/tree_walk.h"
#include "kubelet/stats/host_reader.h"

namespace cubelet::stats {
namespace {

constexpr std::uint64_t kBlock = 512;  // of st_blocks, whatever the file system

// The calling thread does without the processor and the disk while anybody else wants them. Its pool gives it other
// work afterwards.
class LowPriority {
 public:
  LowPriority() : thread_(static_cast<id_t>(::gettid())), nice_(::getpriority(PRIO_PROCESS, thread_)) {
    set(kLowestNice, kIdleClass);
  }
  LowPriority(const LowPriority&) = delete;
  LowPriority& operator=(const LowPriority&) = delete;
  ~LowPriority() { set(nice_, kNoClass); }

 private:
  static constexpr int kLowestNice = 19;
  static constexpr int kClassShift = 13;  // linux/ioprio.h
  static constexpr int kIdleClass = 3 << kClassShift;
  static constexpr int kNoClass = 0;  // follows the niceness
  static constexpr int kWhoProcess = 1;

  // Without the right to it the walk is only less polite.
  void set(int nice, int ioClass) const {
    static_cast<void>(::setpriority(PRIO_PROCESS, thread_, nice));
    static_cast<void>(::syscall(SYS_ioprio_set, kWhoProcess, 0, ioClass));
  }

  id_t thread_;
  int nice_;
};

struct Sum {
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 1;  // the directory itself
};

Result<Sum> sumOf(const std::string& directory, const std::atomic<bool>& stop) {
  Result<Fd> root = openDirectory(directory);
  if (!root) return fail(root.error());
  Sum sum;
  struct stat own = {};
  if (::fstat(root->get(), &own) == 0) sum.bytes += static_cast<std::uint64_t>(own.st_blocks) * kBlock;
  std::set<std::pair<dev_t, ino_t>> linked;
  Result<void> walked = walkTree(*root, 1, stop, [&](const TreeEntry& entry) -> Result<void> {
    const struct stat& status = entry.status;
    if (status.st_dev != own.st_dev) return {};  // a mount inside belongs to somebody else
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 && !linked.emplace(status.st_dev, status.st_ino).second)
      return {};
    sum.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    ++sum.inodes;
    return {};
  });
  if (!walked) return fail(walked.error());
  return sum;
}

std::optional<FsUsage> usageOf(const std::string& directory, WallTime at, const Sum& sum) {
  std::optional<FsUsage> fs = fileSystemOf(directory, at);
  if (!fs) return std::nullopt;
  fs->used = sum.bytes;
  fs->inodesUsed = sum.inodes;
  return fs;
}

bool isCancelled(const Result<Sum>& sum) {
  return !sum && sum.error().code == Code::kCancelled;
}

void addTo(FsUsage& total, const FsUsage& part) {
  if (part.used) total.used = total.used.value_or(0) + *part.used;
  if (part.inodesUsed) total.inodesUsed = total.inodesUsed.value_or(0) + *part.inodesUsed;
}

}  // namespace

Result<PodDisk> measurePod(const PodToRead& pod, WallTime at, const std::atomic<bool>& stop) {
  const LowPriority polite;
  PodDisk out;
  for (const ContainerToRead& container : pod.containers) {
    const Result<Sum> sum = sumOf(container.logDirectory, stop);
    if (isCancelled(sum)) return fail(sum.error());
    if (!sum) continue;
    if (std::optional<FsUsage> fs = usageOf(container.logDirectory, at, *sum)) out.logs[container.name] = *fs;
  }
  for (const VolumeToRead& volume : pod.volumes) {
    std::optional<FsUsage> fs;
    if (volume.measure == VolumeMeasure::kFileSystem) {
      fs = fileSystemOf(volume.path, at);
    } else {
      const Result<Sum> sum = sumOf(volume.path, stop);
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
